"""The steps that the Trainer does not print."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labelled_logs import Sample, samples_of
from nanlog.model import MarkKind, Piece
from nanlog_parsers._states import states
from nanlog_parsers.huggingface import PARSER
from text_logs import marks, points, run_of

PRINTED = [sample for sample in samples_of("huggingface") if sample.label["files"] == ["train.log"]]
EVERY = {
    sample.id: every
    for sample in PRINTED
    if (every := sample.label["params"].get("every", 10 if sample.label["params"] else 5))
}


@dataclass(frozen=True)
class Training:
    """What a Trainer would print: a row every ``every`` steps, an evaluation every ``evaluate`` steps."""

    per_epoch: int
    every: int
    rows: int
    resumed_after: int = 0  #: rows that are not in the log
    evaluate: int = 0
    first: bool = False
    prints: str = "exactly"  #: or "two decimals", both of transformers 4, or "four digits" of transformers 5

    @property
    def last(self) -> int:
        return self.every * (self.resumed_after + self.rows)

    def steps(self) -> list[int]:
        regular = [self.every * k for k in range(self.resumed_after + 1, self.resumed_after + self.rows + 1)]
        return [1, *regular] if self.first and self.every > 1 else regular

    def evaluations(self) -> list[int]:
        begin = self.resumed_after * self.every
        return [k for k in range(begin + 1, self.last + 1) if self.evaluate and k % self.evaluate == 0]

    def text(self, **logs: float) -> str:
        if self.prints == "four digits":
            return str({key: f"{value:.4g}" for key, value in logs.items()}) + "\n"
        return str(logs) + "\n"

    def row(self, step: int, **logs: float) -> str:
        epoch = step / self.per_epoch
        return self.text(**logs, epoch=round(epoch, 2) if self.prints == "two decimals" else epoch)

    def bar(self, step: int) -> str:
        return f"\r{100 * step // self.last:3d}%|███   | {step}/{self.last} [00:01<00:01, 30.00it/s]"

    def log(self, *, totals: bool, bars: bool) -> str:
        lines = []
        steps, evaluations = set(self.steps()), set(self.evaluations())
        for step in sorted(steps | evaluations):
            if step in steps:
                lines.append(self.row(step, loss=2.5, grad_norm=1.0, learning_rate=1e-3))
                lines.append(self.bar(step) if bars else "")
            if step in evaluations:
                lines.append(self.row(step, eval_loss=2.5, eval_runtime=0.5))
        if totals:
            seconds = 0.37 * self.last
            times = {"train_runtime": round(seconds, 4), "train_steps_per_second": round(self.last / seconds, 3)}
            lines.append(self.row(self.last, **times, train_loss=2.5))
        return "".join(lines)


TRAININGS = st.builds(
    Training,
    per_epoch=st.integers(3, 400),
    every=st.sampled_from([1, 2, 5, 7, 10, 25, 50]),
    rows=st.integers(3, 40),
    evaluate=st.sampled_from([0, 10, 33]),
    first=st.booleans(),
    prints=st.sampled_from(["exactly", "two decimals", "four digits"]),
)


def check(training: Training, log: str) -> None:
    run = run_of(PARSER, log)
    assert list(points(run, "loss")) == training.steps()
    if training.evaluations():
        found = list(points(run, "val/loss"))
        slack = 0 if training.prints == "exactly" else 0.011 * training.per_epoch + 1
        assert all(abs(step - true) <= slack for step, true in zip(found, training.evaluations(), strict=True))


@settings(max_examples=60)
@given(TRAININGS)
def test_the_bar_tells_the_steps(training: Training) -> None:
    """Exactly, whatever the epochs are rounded to, with evaluations between the rows."""
    check(training, training.log(totals=True, bars=True))
    check(training, training.log(totals=False, bars=True))


@settings(max_examples=60)
@given(TRAININGS)
def test_the_totals_tell_the_steps(training: Training) -> None:
    assume(not training.first and (training.prints != "two decimals" or training.every / training.per_epoch > 0.011))
    check(training, training.log(totals=True, bars=False))


EXACT = TRAININGS.map(lambda training: replace(training, prints="exactly", first=False))


@settings(max_examples=60)
@given(EXACT)
def test_exact_epochs_tell_the_steps_up_to_a_factor(training: Training) -> None:
    assume(any(len(repr(step / training.per_epoch)) > 10 for step in training.steps()))  # else it may be rounded
    run = run_of(PARSER, training.log(totals=False, bars=False))
    factor = math.gcd(training.every, training.per_epoch)
    assert [step * factor for step in points(run, "loss")] == training.steps()
    assert len(marks(run, MarkKind.NOTE)) == 1
    assert run.fact("logging_steps") is None


@given(TRAININGS.map(lambda training: replace(training, prints="exactly", first=True, every=7)))
def test_the_first_step_gives_the_scale(training: Training) -> None:
    check(training, training.log(totals=False, bars=False))


@settings(max_examples=40)
@given(EXACT, st.integers(1, 200))
def test_a_resumed_training_does_not_begin_at_the_first_row(training: Training, rows_before: int) -> None:
    resumed = replace(training, resumed_after=rows_before)
    check(resumed, resumed.log(totals=True, bars=False))
    check(resumed, resumed.log(totals=True, bars=True))


def test_missing_rows_do_not_shift_those_behind() -> None:
    training = Training(per_epoch=47, every=10, rows=20)
    lines = training.log(totals=True, bars=False).splitlines(keepends=True)
    run = run_of(PARSER, "".join(lines[:5] + lines[8:]))
    assert list(points(run, "loss")) == [10 * k for k in range(1, 21) if k not in (6, 7, 8)]


def test_bars_that_were_written_at_some_other_time_are_not_believed() -> None:
    """Standard output is buffered when it goes to a file, standard error is not."""
    training = Training(per_epoch=90, every=10, rows=30, prints="four digits")
    rows = training.log(totals=True, bars=False).splitlines(keepends=True)
    bars = [training.bar(step) for step in training.steps()]
    check(training, "".join([*bars[:20], "\n", *rows[:15], *bars[20:], "\n", *rows[15:]]))


def test_a_training_that_stopped_early_has_other_totals() -> None:
    """The totals count the steps that were planned: 452.4 steps per epoch would be too many."""
    training = Training(per_epoch=97, every=10, rows=20, prints="four digits")
    planned = {"train_runtime": "100", "train_steps_per_second": "9.7", "train_loss": "2.5", "epoch": "2.144"}
    run = run_of(PARSER, training.log(totals=False, bars=False) + str(planned) + "\n")
    assert list(points(run, "loss")) == training.steps()
    assert len(marks(run, MarkKind.NOTE)) == 1


@pytest.mark.parametrize(
    "message",
    [
        "  Num update steps per epoch = 47",
        "[INFO|trainer.py:2] 2026-11-23 02:27:56 >>   Total optimization steps = 200",
    ],
)
def test_messages_at_the_start_tell_the_steps(message: str) -> None:
    training = Training(per_epoch=47, every=10, rows=20, evaluate=25)
    begin = f"***** Running training *****\n  Num examples = 1,000\n{message}\n"
    log = training.log(totals=False, bars=False)
    if "per epoch" in message:
        check(training, begin + log)
    else:
        check(training, begin + log + training.row(200, train_runtime=3.0, train_loss=2.5))


def rows_of(sample: Sample) -> list[str]:
    found = (re.search(r"\{'.*\}", text) for _, text in states([Piece("train.log", sample.log.read_bytes(), 1)]))
    return [row[0] + "\n" for row in found if row is not None]


@pytest.mark.parametrize("sample", PRINTED, ids=lambda sample: sample.id)
def test_real_logs_keep_their_steps_when_clues_are_missing(sample: Sample) -> None:
    every = EVERY[sample.id]
    text, rows = sample.log.read_bytes(), rows_of(sample)
    count = sum("'loss'" in row for row in rows)
    expected = [every * k for k in range(1, count + 1)]
    logs: dict[str, str | bytes] = {"whole": text, "rows": "".join(rows), "tail": "".join(rows[len(rows) // 2 :])}
    for name, log in logs.items():
        run = run_of(PARSER, log)
        found = list(points(run, "loss"))
        assert found == expected[len(expected) - len(found) :], name
        fact = run.fact("logging_steps")
        assert fact is not None
        assert fact.value == every


def test_rows_without_an_epoch_are_counted() -> None:
    run = run_of(PARSER, "{'loss': 2.5, 'learning_rate': 0.1}\n" * 3)
    assert list(points(run, "loss")) == [1, 2, 3]


@given(
    st.lists(
        st.tuples(st.sampled_from(["loss", "eval_loss", "x"]), st.floats() | st.floats(0, 3), st.integers(-5, 10**15)),
        max_size=12,
    )
)
def test_any_epochs_and_counters_are_dated(rows: list[tuple[str, float, int]]) -> None:
    log = "".join(
        f"{{'{key}': 1.0, 'epoch': {epoch}}}\r 3%|█ | {bar}/{abs(bar) + 7} [00:00<00:00]\n" for key, epoch, bar in rows
    )
    run = run_of(PARSER, log + "{'train_runtime': 1e300, 'train_steps_per_second': 1e-300, 'epoch': 1e308}\n")
    assert all((series.step >= -1).all() for series in run.table.values())
