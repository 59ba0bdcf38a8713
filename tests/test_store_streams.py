"""What several streams of files tell of one training is put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from nanlog.model import Block, MarkKind, Reading, Run, Source
from nanlog.onset import locate
from nanlog.source import open_source
from nanlog.store import collect, load, save
from tiny_dialect import TinyParser, write


@dataclass(frozen=True)
class InFolders(TinyParser):
    """The tiny dialect, with one stream for each folder."""

    def read(self, source: Source) -> Iterator[Block]:
        for block in super().read(source):
            yield replace(block, stream=Path(block.file).parent.name)


def run_of(folder: Path, *parsers: TinyParser) -> Run:
    """All files by one parser, or the k-th file by the k-th parser."""
    source = open_source(str(folder))
    if len(parsers) == 1:
        return collect(source, parsers[0])
    readings = [Reading(parser, (file,)) for parser, file in zip(parsers, source.files, strict=True)]
    return collect(source, readings)


def steps(name: str, *values: float, first: int = 0) -> list[str]:
    return [f"{name} {first + k} {value}" for k, value in enumerate(values)]


def test_streams_with_a_restart_are_aligned_at_their_last_attempt(tmp_path: Path) -> None:
    write(tmp_path / "train" / "log", *steps("loss", 3, 2, 1), *steps("loss", 3, 2, 1.5))
    write(tmp_path / "val" / "log", *steps("val/loss", 2.5, 2.4))
    run = run_of(tmp_path, InFolders())
    assert [attempt.index for attempt in run.attempts] == [0, 1]
    assert run.table["loss"].attempt.tolist() == [0, 0, 0, 1, 1, 1]
    assert run.table["val/loss"].attempt.tolist() == [1, 1]
    assert set(run.of_attempt(1).table) == {"loss", "val/loss"}
    assert set(run.of_attempt(0).table) == {"loss"}


def test_facts_and_marks_go_with_the_lines_of_their_attempt(tmp_path: Path) -> None:
    write(tmp_path / "a" / "log", "fact seed 1", *steps("loss", 3, 2), "checkpoint one", "start", *steps("loss", 3, 2))
    write(tmp_path / "b" / "log", *steps("lr", 0.1, 0.1), "note late")
    write(tmp_path / "c" / "settings", "fact batch 32")
    run = run_of(tmp_path, InFolders())
    first, last = run.of_attempt(0), run.of_attempt(1)
    assert [fact.key for fact in first.facts] == ["seed", "batch"]
    assert [fact.key for fact in last.facts] == ["batch"]
    assert [mark.kind for mark in first.marks] == [MarkKind.CHECKPOINT]
    assert [mark.text for mark in last.marks] == ["", "late"]


def test_a_series_told_twice_is_kept_once(tmp_path: Path) -> None:
    write(tmp_path / "a" / "log", *steps("loss", 2.30259, 2.2, 2.1, 2.0))
    write(tmp_path / "b" / "log", "loss 1 2.303", "loss 3 2.10")
    run = run_of(tmp_path, InFolders())
    assert run.table["loss"].value.tolist() == [2.30259, 2.2, 2.1, 2.0]
    assert list(run.table) == ["loss"]
    told = [mark for mark in run.marks if mark.kind is MarkKind.NOTE]
    assert [Path(mark.file).parent.name for mark in told] == ["b"]


@pytest.mark.parametrize("other", [["loss 0 nan", "loss 1 2.2"], ["loss 0 0.011", "loss 1 0.012"]])
def test_what_says_something_else_is_kept_too(tmp_path: Path, other: list[str]) -> None:
    write(tmp_path / "a" / "log", *steps("loss", 2.3, 2.2, 2.1, 2.0))
    write(tmp_path / "b" / "log", *other)
    run = run_of(tmp_path, InFolders())
    assert set(run.table) == {"loss", "loss/log"}
    assert run.table["loss/log"].info.name == "loss/log"
    assert len(run.table["loss"]) == 4


def test_each_file_is_read_by_its_own_parser(tmp_path: Path) -> None:
    write(tmp_path / "1.log", *steps("loss", 2.3, 2.2, 2.1))
    write(tmp_path / "2.log", *steps("lr", 0.1, float("nan"), 0.1))
    run = run_of(tmp_path, TinyParser(name="one"), TinyParser(name="two"))
    assert run.parser == "one+two"
    assert np.isnan(run.table["lr"].value[1])
    assert locate(run).series == "lr"


def test_files_of_one_stream_follow_one_another(tmp_path: Path) -> None:
    for part, begin in (("log.2", 2), ("log.10", 4)):
        write(tmp_path / part, *steps("loss", 1, 1, first=begin))
    run = run_of(tmp_path, TinyParser())
    assert run.table["loss"].step.tolist() == [2, 3, 4, 5]
    assert len(run.attempts) == 1


def test_the_store_keeps_the_lines_of_every_attempt(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "a" / "log", *steps("loss", 3, 2), "start", *steps("loss", 3, 2))
    write(tmp_path / "logs" / "b" / "log", *steps("lr", 0.1, 0.1))
    source = open_source(str(tmp_path / "logs"))
    run = collect(source, (Reading(InFolders(), source.files),), left_out=("notes.md",))
    loaded = load(tmp_path / "store", save(run, None, tmp_path / "store").run_id)
    assert (loaded.attempts, loaded.left_out) == (run.attempts, ("notes.md",))
