from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import SAMPLES, Sample, report_of
from nanlog.model import Block, BlockBuilder, Run, SeriesInfo, Source, Stage
from nanlog.registry import choose
from nanlog.source import open_source
from nanlog.store import collect
from tiny_dialect import TINY, TinyParser, run_of, write


def spans(run: Run) -> list[tuple[int, int]]:
    return [(attempt.first_line, attempt.last_line) for attempt in run.attempts]


def attempts_of(run: Run, name: str = "loss") -> list[int]:
    series = run.series(name)
    assert series is not None
    attempts: list[int] = series.attempt.tolist()
    return attempts


# --- series


def test_points_are_gathered_by_series_in_the_order_logged(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log", "loss 0 2.5", "lr 0 0.1", "loss 10 nan @7", "loss 10 2.25 @8", "lr - 0.2", "loss 5 -inf"
    )
    run = run_of(log)
    assert list(run.table) == ["loss", "lr"]
    loss, lr = run.table["loss"], run.table["lr"]
    assert loss.step.tolist() == [0, 10, 10, 5]
    assert loss.line.tolist() == [1, 3, 4, 6]
    np.testing.assert_equal(loss.value, [2.5, math.nan, 2.25, -math.inf])
    assert loss.time is not None
    np.testing.assert_equal(loss.time, [math.nan, 7, 8, math.nan])
    assert lr.step.tolist() == [0, -1]
    assert lr.time is None
    assert (run.source, run.parser, run.files, run.lines) == (str(log), "tiny", (str(log),), 6)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.log.is_file()], ids=lambda sample: str(sample.id))
def test_real_logs_keep_every_point(sample: Sample) -> None:
    source = open_source(str(sample.log))
    parser = choose(source).parser
    rows = defaultdict(list)
    for block in parser.read(source):
        for code, *row in zip(block.code, block.step, block.value, block.line, strict=True):
            rows[block.series[code].name].append(row)
    run = collect(source, parser)
    assert set(run.table) == set(rows)
    for name, expected in rows.items():
        series = run.table[name]
        np.testing.assert_equal(np.column_stack([series.step, series.value, series.line]), np.array(expected))
    if run.unit == "line":
        assert run.lines == len(sample.log.read_bytes().split(b"\n")) - sample.log.read_bytes().endswith(b"\n")
    assert run.unread_count == len(run.unread)


NAMES = st.sampled_from(["loss", "lr", "a", "b", "c"])
POINTS = st.builds("{} {} {}".format, NAMES, st.integers(0, 40) | st.just("-"), st.sampled_from(["1", "nan", "inf"]))
MARKS = st.sampled_from(["start", "fatal", "resume from.state", "checkpoint to.model", "end", "nonsense"])


@given(lines=st.lists(POINTS | MARKS, max_size=40), rows=st.integers(1, 40), two=st.integers(0, 40))
def test_how_the_log_is_cut_into_blocks_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], rows: int, two: int
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    write(folder / "1.log", *lines[:two])
    write(folder / "2.log", *lines[two:])
    source = open_source(str(folder))
    one, cut = collect(source, TINY), collect(source, TinyParser(rows))
    assert list(cut.table) == list(one.table)
    for name, series in one.table.items():
        other = cut.table[name]
        assert series.info == other.info
        for column in ("step", "value", "line", "attempt", "file"):
            np.testing.assert_array_equal(getattr(series, column), getattr(other, column))
    assert (cut.facts, cut.marks, cut.unread, cut.attempts) == (one.facts, one.marks, one.unread, one.attempts)


@given(lines=st.lists(POINTS | MARKS, max_size=60), two=st.integers(0, 60))
def test_attempts_divide_the_log(tmp_path_factory: pytest.TempPathFactory, lines: list[str], two: int) -> None:
    folder = tmp_path_factory.mktemp("logs")
    write(folder / "1.log", *lines[:two])
    write(folder / "2.log", *lines[two:])
    run = collect(open_source(str(folder)), TINY)
    parts = [run.of_attempt(attempt.index) for attempt in run.attempts]
    # nothing is in two of them, nothing is lost
    assert [mark for part in parts for mark in part.marks] == list(run.marks)
    for name, series in run.table.items():
        kept = [part.table[name] for part in parts if name in part.table]
        assert [line for part in kept for line in part.line.tolist()] == series.line.tolist()
    order = {file: index for index, file in enumerate(run.files)}
    begins = [(order[attempt.file], attempt.first_line) for attempt in run.attempts]
    assert begins == sorted(set(begins))
    # each has a reason to be there
    for part in parts[1:] if len(parts) > 1 else []:
        assert part.table or any(mark.kind in {"fatal", "exception"} for mark in part.marks)


def test_a_series_is_described_as_where_it_first_occurs(tmp_path: Path) -> None:
    class Doubtful(TinyParser):
        def read(self, source: Source) -> Iterator[Block]:
            for stage in (Stage.LOSS, Stage.SUMMARY):
                block = BlockBuilder(source.files[0])
                block.add(SeriesInfo("loss", "loss", stage), step=0, value=1.0, line=1)
                yield block.build()

    run = collect(open_source(str(write(tmp_path / "log"))), Doubtful())
    assert run.table["loss"].info.stage is Stage.LOSS
    assert len(run.table["loss"]) == 2


def test_more_series_than_sixteen_bits_count(tmp_path: Path) -> None:
    count = 70_000
    infos = tuple(SeriesInfo(f"metric/{number}", "") for number in range(count))
    codes = np.concatenate([np.arange(count), np.arange(count)])

    class Wide(TinyParser):
        def read(self, source: Source) -> Iterator[Block]:
            yield Block(source.files[0], infos, codes, codes, codes.astype(np.float64), codes + 1)

    run = collect(open_source(str(write(tmp_path / "log"))), Wide())
    assert len(run.table) == count
    assert run.table["metric/69999"].value.tolist() == [69_999.0, 69_999.0]


# --- attempts


def test_a_log_is_one_attempt(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", "fact lr 0.1", "start", "loss 0 1", "loss 10 1", "end"))
    assert spans(run) == [(1, 5)]
    assert (run.attempts[0].first_step, run.attempts[0].last_step) == (0, 10)
    assert attempts_of(run) == [0, 0]


def test_an_empty_log_has_none(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log"))
    assert (run.table, run.attempts, run.lines) == ({}, (), 0)


def test_a_start_begins_an_attempt_even_if_the_steps_go_on(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", "start", "loss 0 1", "start", "resume a.state", "loss 10 1", "loss 20 1"))
    assert spans(run) == [(1, 2), (3, 6)]
    assert attempts_of(run) == [0, 1, 1]
    assert [attempt.resumed_from for attempt in run.attempts] == [None, "a.state"]


def test_points_before_the_first_start_are_an_attempt(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", "loss 80 1", "loss 90 1", "start", "loss 0 1"))
    assert spans(run) == [(1, 2), (3, 4)]


def test_with_starts_a_fall_of_the_steps_divides_nothing(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", "start", "loss 0 1", "loss 10 1", "loss 0 1", "loss 10 1"))
    assert len(run.attempts) == 1


def test_a_start_that_nothing_follows_is_counted_with_the_next(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log", "start", "fact a 1", "start", "loss 0 1", "start", "fact b 2", "start", "loss 0 1", "start"
    )
    run = run_of(log)
    assert spans(run) == [(1, 4), (5, 9)]
    assert [fact.key for fact in run.of_attempt(1).facts] == ["b"]


@pytest.mark.parametrize("failure", ["fatal", "exception"])
def test_a_start_that_failed_at_once_is_an_attempt(tmp_path: Path, failure: str) -> None:
    run = run_of(write(tmp_path / "log", "start", failure, "start", "loss 0 1", "start", failure))
    assert spans(run) == [(1, 2), (3, 4), (5, 6)]
    assert (run.attempts[0].first_step, run.attempts[0].last_step) == (None, None)


def test_without_starts_a_fall_of_the_step_begins_an_attempt(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", "loss 0 1", "loss 10 1", "loss 20 1", "loss 10 1", "loss 20 1", "loss 30 1"))
    assert attempts_of(run) == [0, 0, 0, 1, 1, 1]
    assert spans(run) == [(1, 3), (4, 6)]


def test_a_fall_at_the_very_end_counts(tmp_path: Path) -> None:
    assert attempts_of(run_of(write(tmp_path / "log", "loss 10 1", "loss 20 1", "loss 0 1"))) == [0, 0, 1]


def test_repeated_and_late_steps_are_no_fall(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log", "loss 0 1", "loss 0 1", "loss 20 1", "loss 10 1", "loss 30 1", "loss 30 1", "loss - 1"
    )
    assert attempts_of(run_of(log)) == [0] * 7


@pytest.mark.parametrize("main", ["loss", "loss_smoothed", "lr", "metric/accuracy"])
def test_the_fall_is_looked_for_in_the_main_series(tmp_path: Path, main: str) -> None:
    falling = [f"{main} {step} 1" for step in (0, 10, 20, 0, 10)]
    log = write(tmp_path / "log", *falling, "val/loss 5 1", "val/loss 15 1", "val/loss 5 1")
    run = run_of(log)
    assert attempts_of(run, main) == [0, 0, 0, 1, 1]
    assert attempts_of(run, "val/loss") == [1, 1, 1]


def test_what_ends_a_training_stays_with_it(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log",
        "loss 0 1",
        "loss 10 1",
        "lr 10 0.1",
        "checkpoint 11.model",
        "fact lr 0.2",
        "resume 5.state",
        "checkpoint 5.model",
        "lr 5 0.2",
        "loss 5 1",
        "loss 10 1",
    )
    run = run_of(log)
    assert spans(run) == [(1, 4), (5, 10)]
    assert run.attempts[1].resumed_from == "5.state"
    assert attempts_of(run, "lr") == [0, 1]
    assert [fact.value for fact in run.of_attempt(1).facts] == ["0.2"]
    assert [mark.text for mark in run.of_attempt(0).marks] == ["11.model"]


def test_the_files_of_a_folder_can_be_one_training_or_several(tmp_path: Path) -> None:
    write(tmp_path / "goes-on/1.log", "start", "loss 0 1", "loss 10 1")
    write(tmp_path / "goes-on/2.log", "loss 20 1", "loss 30 1")
    run = run_of(tmp_path / "goes-on")
    assert attempts_of(run) == [0, 0, 0, 0]
    assert run.table["loss"].file.tolist() == [0, 0, 1, 1]
    assert (run.attempts[0].first_line, run.attempts[0].last_line, run.attempts[0].last_step) == (1, 3, 30)

    write(tmp_path / "again/1.log", "start", "loss 0 1", "loss 10 nan", "nonfinite in 1")
    write(tmp_path / "again/2.log", "loss 0 1", "loss 10 1", "nonfinite in 2")
    run = run_of(tmp_path / "again")
    assert attempts_of(run) == [0, 0, 1, 1]
    assert [attempt.file for attempt in run.attempts] == list(run.files)
    assert [[mark.text for mark in run.of_attempt(k).marks] for k in (0, 1)] == [["", "in 1"], ["in 2"]]


#: Real logs of several trainings: how many there are, and how many of them name the checkpoint they go on from.
RESTARTED = {
    "resumed_with_higher_lr": (2, 1),
    "healthy_restarts_with_purge_step": (2, 0),
}


def test_the_attempts_of_real_logs(sample: Sample) -> None:
    attempts = report_of(sample).run.attempts
    resumed = [attempt.resumed_from for attempt in attempts if attempt.resumed_from]
    assert (len(attempts), len(resumed)) == RESTARTED.get(sample.id, (1, 0))


def test_steps_that_fall_back_within_a_line(tmp_path: Path) -> None:
    class Bar(TinyParser):
        def read(self, source: Source) -> Iterator[Block]:
            block = BlockBuilder(source.files[0])
            for step in (1, 2, 3, 1, 2, 3, 4):
                block.add(SeriesInfo("loss", "loss"), step=step, value=1.0, line=1)
            yield block.build()

    run = collect(open_source(str(write(tmp_path / "log", "bar"))), Bar())
    assert [attempt.index for attempt in run.attempts] == [0]
    assert len(run.of_attempt(0).table["loss"]) == 7


# --- the rest


def test_unread_lines_are_counted_and_some_are_kept(tmp_path: Path) -> None:
    run = run_of(write(tmp_path / "log", *(f"what is {number}" for number in range(2500)), "x" * 100_000))
    assert run.unread_count == 2501
    assert len(run.unread) == 1000
    assert run.unread[-1].text == "what is 999"
    long = run_of(write(tmp_path / "long", "x" * 100_000))
    assert long.unread[0].text == "x" * 2000 + "…"


def test_damage_of_the_source_is_unread_too(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\x1f\x8b\x08\x00")
    run = run_of(tmp_path / "log")
    assert run.unread_count == 1
    assert "gzip" in run.unread[0].why


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    lines = [f"loss {step} 0.125" for step in range(200_000)]
    seen: list[int] = []
    log = write(tmp_path / "log", *lines)
    run = collect(open_source(str(log)), TINY, progress=seen.append)
    assert sum(seen) == log.stat().st_size
    assert len(seen) > 1
    assert run.lines == len(lines)


@pytest.mark.parametrize(("data", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_a_last_line_without_an_end_counts(tmp_path: Path, data: bytes, lines: int) -> None:
    (tmp_path / "log").write_bytes(data)
    assert run_of(tmp_path / "log").lines == lines


def test_an_error_of_a_parser_is_not_hidden(tmp_path: Path) -> None:
    class Faulty(TinyParser):
        def read(self, source: Source) -> Iterator[Block]:
            yield Block(source.files[0])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        collect(open_source(str(write(tmp_path / "log"))), Faulty())
