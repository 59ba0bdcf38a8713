from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import SAMPLES, Sample
from nanlog.errors import StoreError
from nanlog.model import (
    Attempt,
    Fact,
    Mark,
    MarkKind,
    Phase,
    Run,
    Series,
    SeriesInfo,
    Stage,
    Unread,
)
from nanlog.registry import choose
from nanlog.source import open_source
from nanlog.store import collect, latest, list_runs, load, load_report, save, store_root, to_frame
from nanlog.store.parquet import read_run, write_about, write_tables
from tiny_dialect import run_of, write


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def same(one: Run, other: Run) -> None:
    """Fail unless two runs are equal, their floats bit by bit."""
    assert list(other.table) == list(one.table)
    for name, series in one.table.items():
        again = other.table[name]
        assert again.info == series.info
        for column in ("step", "value", "line", "attempt", "file"):
            array = getattr(again, column)
            assert array.dtype == getattr(series, column).dtype
            assert array.tobytes() == getattr(series, column).tobytes(), (name, column)
        assert (again.time is None) == (series.time is None)
        if series.time is not None:
            np.testing.assert_array_equal(again.time, series.time)
    assert list(map(exact, other.facts)) == list(map(exact, one.facts))
    assert list(map(exact, other.marks)) == list(map(exact, one.marks))
    for field in ("source", "parser", "files", "unread", "unread_count", "attempts", "lines"):
        assert getattr(other, field) == getattr(one, field)


def exact(item: Fact | Mark) -> tuple[object, ...]:
    kind, value = type(item.value), item.value
    return (replace(item, value=0.0), kind, bits(value) if isinstance(value, float) else value)


def real_run(sample: Sample) -> Run:
    source = open_source(str(sample.log))
    return collect(source, choose(source).parser)


# --- round trip

FILES = ("a.log", "b/c.log")
BITS = st.binary(min_size=8, max_size=8).map(lambda raw: struct.unpack("<d", raw)[0])
FLOATS = st.floats() | BITS
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = WORDS | st.sampled_from(["loss", "lr", "data/ip1/ip1"])
INT64 = st.integers(-(2**63), 2**63 - 1)
LINES = st.integers(1, 2**40)
PHASES = st.none() | st.sampled_from(Phase)
INFOS = st.builds(
    SeriesInfo,
    NAMES,
    WORDS,
    st.sampled_from(Stage),
    st.integers(-5, 5000),
    PHASES,
    st.none() | WORDS,
    st.none() | WORDS,
    st.booleans(),
    st.booleans(),
)
FACTS = st.builds(Fact, WORDS, WORDS | FLOATS | st.integers() | st.booleans(), st.sampled_from(FILES), LINES)
MARKS = st.builds(
    Mark,
    st.sampled_from(MarkKind),
    st.sampled_from(FILES),
    LINES,
    st.none() | INT64,
    WORDS,
    st.none() | WORDS,
    st.none() | WORDS,
    PHASES,
    st.none() | FLOATS,
)
UNREAD = st.builds(Unread, st.sampled_from(FILES), LINES, WORDS, WORDS)
ATTEMPTS = st.builds(
    Attempt, st.integers(0, 9), st.sampled_from(FILES), LINES, LINES, st.none() | INT64, st.none(), WORDS
)


def series_of(info: SeriesInfo, rows: Sequence[tuple[int, float, int, int, int, float]], *, timed: bool) -> Series:
    columns = list(zip(*rows, strict=True)) or [()] * 6
    step, line, attempt, file = (np.array(columns[k], np.int64) for k in (0, 2, 3, 4))
    time = np.array(columns[5], np.float64) if timed else None
    return Series(info, step, np.array(columns[1], np.float64), line, attempt, file, time)


ROWS = st.lists(
    st.tuples(INT64 | st.just(-1), FLOATS, LINES, st.integers(0, 99), st.integers(0, 1), st.floats()), max_size=9
)
SERIES = st.builds(series_of, INFOS, ROWS, timed=st.booleans())
RUNS = st.builds(
    Run,
    st.just("train.log") | WORDS.filter(lambda word: "\0" not in word),
    WORDS,
    st.just(FILES),
    st.lists(SERIES, max_size=5).map(lambda several: {series.name: series for series in several}),
    st.lists(FACTS, max_size=5).map(tuple),
    st.lists(MARKS, max_size=5).map(tuple),
    st.lists(UNREAD, max_size=3).map(tuple),
    st.integers(0, 2**40),
    st.lists(ATTEMPTS, max_size=3).map(tuple),
    st.integers(0, 2**40),
)


@given(run=RUNS)
def test_any_run_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, run: Run) -> None:
    folder = tmp_path_factory.mktemp("run")
    write_tables(folder, run)
    write_about(folder, run, {})
    same(run, read_run(folder))


def test_real_runs_come_back_as_they_were(sample: Sample, tmp_path: Path) -> None:
    run = real_run(sample)
    stored = save(run, {"verdict": "NaN"}, tmp_path)
    same(run, load(tmp_path, stored.run_id))
    assert load_report(tmp_path, stored.run_id) == {"verdict": "NaN"}
    assert (stored.source, stored.parser, stored.lines) == (run.source, run.parser, run.lines)
    assert stored.points == sum(map(len, run.table.values()))


def test_nans_stay_apart(tmp_path: Path) -> None:
    """A dictionary, as Parquet has it, would make one of these of all."""
    patterns = [0x7FF8 << 48, 0xFFF8 << 48, (0x7FF8 << 48) + 1, (0x7FF0 << 48) + 1, 0x7FF0 << 48, 1 << 63, 0]
    value = np.array(patterns * 1000, np.uint64).view(np.float64)
    zeros = np.zeros(len(value), np.int64)
    series = Series(SeriesInfo("loss", "loss"), zeros, value, zeros, zeros, zeros)
    run = Run("log", "tiny", ("log",), {"loss": series})
    same(run, load(tmp_path, save(run, None, tmp_path).run_id))


def test_half_a_surrogate_pair_is_escaped(tmp_path: Path) -> None:
    run = Run("log", "tiny", ("log",), {}, marks=(Mark(MarkKind.NOTE, "log", 1, text="a\ud800b"),))
    assert load(tmp_path, save(run, None, tmp_path).run_id).marks[0].text == "a\\ud800b"


# --- what others read


def test_pandas_reads_the_points(tmp_path: Path) -> None:
    run = run_of(
        write(tmp_path / "log", "loss 0 2.5", "loss 10 nan @7", "lr - 0.1", "loss - -inf", "start", "loss 0 1")
    )
    stored = save(run, None, tmp_path / "store")
    frame = pd.read_parquet(stored.path / "points")
    assert frame["series"].tolist() == ["loss", "loss", "loss", "loss", "lr"]
    assert frame["attempt"].tolist() == [0, 0, 0, 1, 0]
    assert set(frame["file"]) == {str(tmp_path / "log")}
    table = pyarrow.dataset.dataset(stored.path / "points").to_table()
    assert table["step"].to_pylist() == [0, 10, None, 0, None]
    assert table["time"].to_pylist() == [None, 7.0, None, None, None]
    value = table["value"].to_pylist()
    assert table["value"].null_count == 0
    assert str(value) == "[2.5, nan, -inf, 1.0, 0.1]"


@pytest.mark.parametrize("name", ["points", "series", "facts", "marks", "unread"])
def test_every_table_is_a_dataset(tmp_path: Path, name: str) -> None:
    run = real_run(SAMPLES[0])
    stored = save(run, {}, tmp_path)
    rows = {"points": stored.points, "series": len(run.table), "facts": len(run.facts), "marks": len(run.marks)}
    assert len(pd.read_parquet(stored.path / name)) == rows.get(name, len(run.unread))
    everything = pyarrow.dataset.dataset([str(path) for path in tmp_path.glob(f"runs/*/{name}/*.parquet")])
    assert everything.count_rows() == rows.get(name, len(run.unread))


def test_a_frame_has_a_row_for_each_point(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", "loss 0 2.5", "loss 10 nan @7", "lr - 0.1"))
    frame = to_frame(run)
    assert frame.columns.tolist() == ["series", "step", "value", "line", "attempt", "file", "time"]
    assert frame["step"].isna().tolist() == [False, False, True]
    assert frame["time"].isna().tolist() == [True, False, True]
    assert frame.loc[frame["series"] == "loss", "value"].tolist()[0] == 2.5
    assert len(to_frame(Run("log", "tiny", ("log",), {}))) == 0


def test_a_store_can_be_moved_and_copied(tmp_path: Path) -> None:
    run = real_run(SAMPLES[0])
    stored = save(run, None, tmp_path / "store")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    same(run, load(tmp_path / "elsewhere", stored.run_id))
    # a copy that follows links holds a folder where the link was; it can be replaced too
    subprocess.run(["cp", "-rL", tmp_path / "elsewhere", tmp_path / "copy"], check=True)
    same(run, load(tmp_path / "copy", stored.run_id))
    again = save(replace(run, lines=7), None, tmp_path / "copy")
    assert load(tmp_path / "copy", again.run_id).lines == 7


# --- the names of runs


def test_the_same_log_grown_is_the_same_run(tmp_path: Path) -> None:
    log = write(tmp_path / "my Training.v2.log.gz", "start", "loss 0 1")
    first = save(run_of(log), {"n": 1}, tmp_path / "store")
    write(log, "start", "loss 0 1", "loss 10 1")
    second = save(run_of(log), None, tmp_path / "store")
    assert second.run_id == first.run_id
    assert second.run_id.startswith("my-training-v2-")
    assert list_runs(tmp_path / "store") == (second,)
    assert len(load(tmp_path / "store", second.run_id).table["loss"]) == 2
    assert load_report(tmp_path / "store", second.run_id) is None
    # and nothing of the first is left
    assert len(list((tmp_path / "store/generations").iterdir())) == 1
    assert list((tmp_path / "store").glob(".tmp-*")) == []


def test_a_log_is_the_same_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a/log", "loss 0 1")
    write(tmp_path / "b/log", "loss 0 1")
    monkeypatch.chdir(tmp_path / "a")
    ids = [save(run_of(Path(path)), None, tmp_path / "store").run_id for path in ("log", "../a/log", "../b/log")]
    assert ids[0] == ids[1] != ids[2]


def test_standard_input_is_known_by_how_it_begins(tmp_path: Path) -> None:
    def stored(*lines: str) -> str:
        return save(replace(run_of(write(tmp_path / "log", *lines)), source="-"), None, tmp_path / "store").run_id

    first = stored("fact lr 0.1", "loss 0 1")
    assert first.startswith("stdin-")
    assert stored("fact lr 0.1", "loss 0 1", "loss 10 1", "fact end 1") == first
    assert stored("fact lr 0.2", "loss 0 1") != first
    assert stored("fact lr 0.1", "loss 0 2") != first
    assert stored() != first


def test_the_newest_run_comes_first(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == ()
    assert latest(tmp_path / "none") is None
    stored = [save(run_of(write(tmp_path / name, "loss 0 1")), None, tmp_path / "store") for name in ("b", "a", "c")]
    assert list_runs(tmp_path / "store") == tuple(reversed(stored))
    again = save(run_of(tmp_path / "a"), None, tmp_path / "store")
    assert latest(tmp_path / "store") == again


def test_the_root_is_the_option_or_the_variable_or_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANLOG_STORE", "/from/environment")
    assert store_root("option") == Path("option")
    assert store_root() == Path("/from/environment")
    monkeypatch.delenv("NANLOG_STORE")
    assert store_root() == Path(".nanlog")


# --- what goes wrong


@pytest.mark.parametrize("run_id", ["log-aaaaaaaa", "../../etc", "", "runs/..", "LOG"])
def test_a_run_that_is_not_there(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(StoreError, match=r"there is no run .*the store .* is empty; nanlog diagnose LOG puts a run in"):
        load(tmp_path, run_id)
    save(run_of(write(tmp_path / "log", "loss 0 1")), None, tmp_path)
    with pytest.raises(StoreError, match=r"there is no run .* which holds 1; .*nanlog runs lists them"):
        load_report(tmp_path, run_id)


@pytest.mark.parametrize("name", ["run.json", "points/part-0.parquet", "marks/part-0.parquet"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"PAR1 this is no Parquet PAR1"])
def test_a_damaged_run_is_reported(tmp_path: Path, name: str, content: bytes | None) -> None:
    stored = save(run_of(write(tmp_path / "log", "loss 0 1")), None, tmp_path / "store")
    path = stored.path / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot be read: .*diagnose its log again to replace it"):
        load(tmp_path / "store", stored.run_id)
    save(run_of(tmp_path / "log"), None, tmp_path / "store")
    load(tmp_path / "store", stored.run_id)


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", "loss 0 1"))
    with pytest.raises(StoreError, match=r"cannot write the store in .*; choose .* with --no-store"):
        save(run, None, tmp_path / "log")


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    run = real_run(SAMPLES[0])
    stored = save(run, {"n": 1}, tmp_path)
    script = f"""
import resource, sys
from pathlib import Path
from nanlog.errors import StoreError
from nanlog.store import load, save
root = Path({str(tmp_path)!r})
run = load(root, {stored.run_id!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
try:
    save(run, {{"n": 2}}, root)
except StoreError as error:
    sys.exit(str(error))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot write the store in {tmp_path}: File too large; ")
    assert load_report(tmp_path, stored.run_id) == {"n": 1}
    assert [path.name for path in tmp_path.glob(".tmp-*")] == []


def test_saving_and_loading_import_no_pandas(tmp_path: Path) -> None:
    log = write(tmp_path / "log", "loss 0 1 @5", "loss - nan", "fact a 1", "fatal")
    script = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import nanlog.store
assert "pyarrow" not in sys.modules
from tiny_dialect import run_of
root = Path({str(tmp_path / "store")!r})
run = nanlog.store.load(root, nanlog.store.save(run_of(Path({str(log)!r})), {{}}, root).run_id)
assert len(run.table["loss"]) == 2
slow = {{"pandas", "matplotlib", "pyarrow.dataset", "pyarrow.compute"}}
print(sorted(slow & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_json_is_strict(tmp_path: Path) -> None:
    stored = save(real_run(SAMPLES[0]), {"value": "NaN"}, tmp_path)

    def refuse(word: str) -> Any:
        raise AssertionError(word)

    for name in ("run.json", "report.json"):
        json.loads((stored.path / name).read_text(encoding="utf-8"), parse_constant=refuse)
