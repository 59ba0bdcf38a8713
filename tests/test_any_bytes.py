"""Whatever bytes a log holds, the answer is a report or a clear error: no traceback, no hang, no control sequence."""

from __future__ import annotations

import io
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelled_logs import SAMPLES, Sample
from nanlog.pipeline import answer
from nanlog.report import Style, reporter

#: Far more than a log of this size needs on a slow machine, far less than a hang.
SECONDS = 10.0

#: Long enough for the head of a log and for what surrounds its onset, short enough to try many changes.
SEED_LINES = 260
SEED_SIZE = 60_000

HOSTILE = [
    b"\x00",
    b"\x1b[2J\x1b]0;title\x07",
    b"\r",
    b"\r\n",
    b"\n",
    b"\xff\xfe",
    b"\xc3(",
    "\u202egnp.exe\u2028".encode(),
    b"nan",
    b"-inf",
    b"1e999999",
    b"9" * 400,
    b"-9223372036854775809",
    b" " * 3000,
    b"{" * 3000,
    b"\nlayer {" * 300,
    b"}\n}\n}\n",
    b'"',
    b"\\",
    b"%s%n{0}{__class__}[bold]",
    b"\nI0101 00:00:00.000000     1 solver.cpp:1] Iteration 9000000000000000000, loss = 1\n",
    b"\nI0101 00:00:00.000000     1 solver.cpp:1] Iteration 0, loss = 1\n",
    b"\nI0101 00:00:00.000000     1 solver.cpp:1] Iteration 99999999999999999999999, loss = nan\n",
    b"\nI0101 00:00:00.000000     1 sgd_solver.cpp:1] Iteration 3, lr = \n",
    b"\nI0101 00:00:00.000000     1 solver.cpp:1]     Train net output #99999999999: loss = nan (* nan = nan loss)\n",
    b"\nI0101 00:00:00.000000     1 net.cpp:1]     [Forward] Layer \x1b[31m, top blob  data: 1e-999\n",
    b"\nI0101 00:00:00.000000     1 solver.cpp:1] Initializing solver from parameters: \nbase_lr: 1e400\n",
]


def seed(sample: Sample, file: Path) -> bytes:
    """The head of a file and the lines around the onset; its beginning and end where it is no text."""
    lines = sample.lines(str(file))
    if lines is None or len(lines) < 3:
        content = file.read_bytes()
        return content[: SEED_SIZE // 2] + content[SEED_SIZE // 2 :][-SEED_SIZE // 2 :]
    middle = max(sample.label.get("onset_line") or 0, SEED_LINES)
    return b"\n".join([*lines[:SEED_LINES], *lines[middle : middle + SEED_LINES // 2]])[:SEED_SIZE]


Files = dict[str, bytes]  #: name inside the folder of a case -> content

SEEDS: dict[str, Files] = {
    sample.id: {file.relative_to(sample.folder).as_posix(): seed(sample, file) for file in sample.files}
    for sample in SAMPLES
}
#: One case of each dialect.
EXAMPLES = sorted({sample.dialect: sample.id for sample in reversed(SAMPLES)}.values())

NUMBER = re.compile(rb"(?<=[=:(] )-?(?:nan|inf|\d[\d.e+-]*)")
NUMBERS = [b"nan", b"-inf", b"0", b"-1", b"1", b"87.3365", b"1e308", b"-1e308", b"5e-324", b"18446744073709551616"]
WORDS = [b", loss = ", b"Train net", b"lr = ", b"Testing", b"[Forward]", b"[Backward]", b"Initializing", b"name:", b"}"]

Edit = Callable[[bytes], bytes]


def flipped(where: float, bits: int) -> Edit:
    def edit(text: bytes) -> bytes:
        at = int(where * max(len(text) - 1, 0))
        return text[:at] + bytes([text[at] ^ bits]) + text[at + 1 :] if text else text

    return edit


def inserted(where: float, piece: bytes) -> Edit:
    def edit(text: bytes) -> bytes:
        at = int(where * len(text))
        return text[:at] + piece + text[at:]

    return edit


def removed(where: float, size: int) -> Edit:
    def edit(text: bytes) -> bytes:
        at = int(where * len(text))
        return text[:at] + text[at + size :]

    return edit


def repeated(where: float, size: int) -> Edit:
    def edit(text: bytes) -> bytes:
        at = int(where * len(text))
        return text[: at + size] + text[at:]

    return edit


def renumbered(where: float, count: int, number: bytes) -> Edit:
    """Writes another number in place of some that follow each other."""

    def edit(text: bytes) -> bytes:
        at = int(where * len(text))
        return text[:at] + NUMBER.sub(number, text[at:], count)

    return edit


def without(word: bytes) -> Edit:
    """Leaves out all lines that hold a word."""
    return lambda text: b"".join(line for line in text.splitlines(keepends=True) if word not in line)


def cut_off(where: float) -> Edit:
    return lambda text: text[: int(where * len(text))]


def followed_by(other: str) -> Edit:
    return lambda text: text + next(iter(SEEDS[other].values()))


places = st.floats(0, 1)
sizes = st.integers(1, 4000)
edits = st.one_of(
    st.builds(flipped, places, st.integers(1, 255)),
    st.builds(inserted, places, st.sampled_from(HOSTILE) | st.binary(min_size=1, max_size=20)),
    st.builds(removed, places, sizes),
    st.builds(repeated, places, sizes),
    st.builds(renumbered, places, st.integers(1, 40) | st.just(0), st.sampled_from(NUMBERS)),
    st.builds(without, st.sampled_from(WORDS)),
    st.builds(cut_off, places),
    st.builds(followed_by, st.sampled_from(list(SEEDS))),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any_bytes")


def answer_to(folder: Path, files: Files) -> None:
    """Go the whole way from the bytes to the printed report and check what every answer must be."""
    shutil.rmtree(folder)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    start = time.monotonic()
    found = answer(str(folder / name if len(files) == 1 else folder))
    for_people, for_programs = io.StringIO(), io.StringIO()
    reporter("text").write([found], for_people, Style(verbose=True))
    reporter("json").write([found], for_programs, Style())
    assert time.monotonic() - start < SECONDS
    assert all(line.isprintable() for line in for_people.getvalue().split("\n"))
    document = json.loads(for_programs.getvalue(), parse_constant=pytest.fail)
    assert len(document["reports"]) == 1


@settings(max_examples=3 * settings().max_examples)
@given(case=st.sampled_from(list(SEEDS)), file=st.integers(0, 5), changes=st.lists(edits, min_size=1, max_size=5))
def test_a_damaged_log(folder: Path, case: str, file: int, changes: list[Edit]) -> None:
    files = dict(SEEDS[case])
    name = list(files)[file % len(files)]
    for change in changes:
        files[name] = change(files[name])
    answer_to(folder, files)


@given(text=st.binary(max_size=3000))
def test_no_log_at_all(folder: Path, text: bytes) -> None:
    answer_to(folder, {"train.log": text})


@pytest.mark.parametrize("piece", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_piece_in_every_part_of_a_log(folder: Path, piece: bytes) -> None:
    (text,) = SEEDS["average_pooling_stride_gt_kernel_debug"].values()
    answer_to(folder, {"train.log": piece + text})
    answer_to(folder, {"train.log": text + piece})
    answer_to(folder, {"train.log": text.replace(b"\n", b"\n" + piece, 40)})
    answer_to(folder, {"train.log": text.replace(b"=", b"= " + piece, 40)})


@pytest.mark.parametrize("case", EXAMPLES)
def test_hostile_pieces_in_a_log_of_each_dialect(folder: Path, case: str) -> None:
    for piece in HOSTILE:
        hostile = {name: (text[:2000] + piece).replace(b"\n", b"\n" + piece, 9) for name, text in SEEDS[case].items()}
        answer_to(folder, {name: hostile[name] + text[2000:] for name, text in SEEDS[case].items()})
