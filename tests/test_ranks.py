"""Which process printed a line, and which of several went first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.model import MarkKind
from nanlog.pipeline import diagnose
from nanlog_parsers._ranks import rank_and_text, rank_of_file
from nanlog_parsers.nanogpt import PARSER
from text_logs import first_bad, marks, points, run_of


@pytest.mark.parametrize(
    ("line", "rank", "rest"),
    [
        ("[default7]: iteration 10/ 20 |", 7, "iteration 10/ 20 |"),
        ("[default0]:iter 3: loss 1", 0, "iter 3: loss 1"),
        ("[rank3]: Traceback (most recent call last):", 3, "Traceback (most recent call last):"),
        ("[trainer12]:x", 12, "x"),
        ("[Rank 0] step=10, skipped=0", 0, "step=10, skipped=0"),
        ("[rank: 4] x", 4, "x"),
        ("Rank 3: x", 3, "x"),
        ("rank 3| x", 3, "x"),
        ("[1,5]<stdout>:x", 5, "x"),
        ("[1,5]<stderr>: x", 5, "x"),
    ],
)
def test_the_prefix_of_a_launcher_is_taken_off(line: str, rank: int, rest: str) -> None:
    assert rank_and_text(line) == (rank, rest)


@pytest.mark.parametrize(
    "line",
    [
        "iter 3: loss 1",
        "[2026-11-23 02:27:56] step 3",
        "ranking 3: x",
        "[INFO] x",
        "3: x",
        "",
        "[",
        "[1,2] x",
        "rank x: y",
    ],
)
def test_other_lines_keep_what_they_begin_with(line: str) -> None:
    assert rank_and_text(line) == (None, line)


def test_a_label_of_srun_may_stand_before_another_prefix() -> None:
    assert rank_and_text(" 3: [default11]:x", labelled=True) == (11, "x")


@pytest.mark.parametrize(
    ("file", "rank"),
    [
        ("logs/none_a1b2/attempt_0/3/stdout.log", 3),
        ("attempt_1/0/stderr.log", 0),
        ("out/rank_12.log", 12),
        ("rank3/train.log", 3),
        ("train.rank-2.txt", 2),
        ("log_local_rank5", 5),
        ("logs/attempt_0/train.log", None),
        ("frank3.log", None),
        ("train.log", None),
        ("2/train.log", None),
    ],
)
def test_the_name_of_a_file_tells_its_rank(file: str, rank: int | None) -> None:
    assert rank_of_file(file) == rank


@given(st.text(max_size=80), st.booleans())
def test_nothing_but_a_prefix_is_ever_taken_off(line: str, labelled: bool) -> None:
    rank, rest = rank_and_text(line, labelled=labelled)
    assert line.endswith(rest)
    assert rank is not None or rest == line


def iters(prefix: str, steps: range, bad: int | None = None) -> list[str]:
    return [f"{prefix}iter {k}: loss {'nan' if bad is not None and k >= bad else 2.5}, time 1.00ms" for k in steps]


def interleaved(*ranks: list[str]) -> str:
    return "".join(f"{line}\n" for lines in zip(*ranks, strict=True) for line in lines)


def test_ranks_of_one_file_are_kept_apart() -> None:
    log = interleaved(iters("[rank1]: ", range(10), bad=4), iters("[rank0]: ", range(10), bad=6))
    run = run_of(PARSER, log)
    assert first_bad(run, "loss") == (6, 14)
    assert first_bad(run, "rank1/loss") == (4, 9)
    assert len(run.attempts) == 1


def test_the_labels_of_srun_are_believed_where_all_lines_have_them() -> None:
    run = run_of(PARSER, interleaved(iters("0: ", range(5)), iters("1: ", range(5), bad=3)))
    assert set(run.table) == {"loss", "rank1/loss"}
    assert first_bad(run, "rank1/loss") == (3, 8)


def test_a_number_before_one_line_is_no_rank() -> None:
    run = run_of(PARSER, "\n".join([*iters("", range(9)), "5: iter 9: loss 1.0, time 1.00ms"]))
    assert set(run.table) == {"loss"}


def test_the_lowest_rank_that_prints_values_has_the_plain_names() -> None:
    log = "[default0]:starting\n" + interleaved(iters("[default7]:", range(4)), iters("[default3]:", range(4)))
    assert set(run_of(PARSER, log).table) == {"loss", "rank7/loss"}


def test_lines_without_a_rank_are_those_of_the_first() -> None:
    log = interleaved(iters("", range(4)), iters("[rank1]: ", range(4)))
    assert set(run_of(PARSER, log).table) == {"loss", "rank1/loss"}


def test_files_of_ranks_lie_side_by_side() -> None:
    files = {
        f"none_x/attempt_0/{rank}/stdout.log": "\n".join(iters("", range(8), bad))
        for rank, bad in enumerate((7, 5, None))
    }
    run = run_of(PARSER, files)
    assert [first_bad(run, name) for name in ("loss", "rank1/loss", "rank2/loss")] == [(7, 8), (5, 6), None]
    assert len(run.attempts) == 1


def test_attempts_of_torchrun_follow_one_another() -> None:
    files = {
        f"none_x/attempt_{attempt}/{rank}/stdout.log": "\n".join(iters("", range(first, first + 6)))
        for attempt, first in enumerate((0, 3))
        for rank in range(2)
    }
    run = run_of(PARSER, files)
    assert len(run.attempts) == 2
    assert set(run.table) == {"loss", "rank1/loss"}


@pytest.mark.parametrize(("bad", "series"), [((9, 6), "rank1/loss"), ((6, 9), "loss"), ((6, 6), "loss")])
def test_the_rank_that_went_first_is_the_onset(bad: tuple[int, int], series: str, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    log.write_text(interleaved(iters("[rank0]: ", range(14), bad[0]), iters("[rank1]: ", range(14), bad[1])))
    onset = diagnose(str(log)).onset
    assert onset is not None
    assert (onset.series, onset.step) == (series, 6)


def test_a_traceback_is_read_of_each_rank_by_itself() -> None:
    tracebacks = [
        [
            f"[rank{rank}]: {line}"
            for line in ("Traceback (most recent call last):", '  File "a.py", line 1', f"{name}: x")
        ]
        for rank, name in enumerate(("RuntimeError", "ValueError"))
    ]
    log = interleaved(iters("[rank0]: ", range(3)), iters("[rank1]: ", range(3))) + interleaved(*tracebacks)
    run = run_of(PARSER, log)
    assert [text for _, _, text in marks(run, MarkKind.EXCEPTION)] == ["RuntimeError: x", "ValueError: x"]


def test_values_of_every_rank_are_kept() -> None:
    log = interleaved(*(iters(f"[default{rank}]:", range(20)) for rank in range(8)))
    run = run_of(PARSER, log)
    assert len(run.table) == 8
    assert all(len(points(run, name)) == 20 for name in run.table)
