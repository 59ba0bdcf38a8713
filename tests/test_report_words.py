"""Headlines and labels say what the numbers hold, and no more."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from nanlog.engine import diagnose_run
from nanlog.model import Finding, Mark, MarkKind, Report, Run
from nanlog.onset import locate
from nanlog.report import Style, reporter
from nanlog.report._why import in_short
from nanlog.report._words import headline
from runs import make_run

NAN, INF = math.nan, math.inf
CALM = [2.3, 2.2, 2.4, 2.1, 2.0, 2.2, 1.9, 2.0]
ROWS = [2.0 + 0.01 * (k % 7) for k in range(60)]


def without(run: Run, steps: Sequence[int]) -> Run:
    loss = run.table["loss"]
    return replace(run, table={**run.table, "loss": loss.where(~np.isin(loss.step, steps))})


def text(run: Run) -> str:
    out = io.StringIO()
    reporter("text").write([diagnose_run(run)], out, Style())
    return out.getvalue()


def smoothed(run: Run, name: str) -> Run:
    series = run.table[name]
    return replace(run, table={**run.table, name: replace(series, info=replace(series.info, smoothed=True))})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"loss": [*CALM, 9.0, 80.0, NAN]}, "The training loss grew over several logged points, then became NaN."),
        ({"loss": [*CALM, 80.0, INF]}, "The training loss left its normal range, then became +Inf."),
        (
            {"loss": [2.2, 1.9, 14.5062, 14.5062, 14.5062], "metric/accuracy": [0.2, 0.5, 0.1, 0.1, 0.1]},
            (
                "The training loss showed 14.5062, which stands for NaN or for outputs that saturated "
                "(16.118 times the share of wrong answers: probabilities clipped at 1e-7)."
            ),
        ),
        (
            {"loss": [*CALM, *CALM, *[0.0] * 5]},
            "The training loss showed 0, which stands for NaN (exactly 0: what replaces or filters NaN prints that).",
        ),
    ],
)
def test_a_headline_says_what_was_logged(values: Mapping[str, Sequence[float]], said: str) -> None:
    assert headline(locate(make_run(values))) == said


def test_the_headline_and_the_row_show_the_same_value() -> None:
    """Of a mask that is a share of wrong answers each point has its own."""
    accuracy = [0.2, 0.5, 0.087, 0.0953, 0.0953]
    loss = [2.2, 1.9, *(16.118 * (1 - share) for share in accuracy[2:])]
    said = text(make_run({"loss": loss, "metric/accuracy": accuracy}))
    assert "The training loss showed 14.7157" in said
    assert "first masked     step 2  loss = 14.7157" in said


def test_a_missing_loss_is_not_said_to_be_a_number() -> None:
    run = make_run({"loss": ROWS, "lr": [0.1] * 60})
    ended, gap = text(without(run, range(40, 60))), text(without(run, [40, 41]))
    assert "The training loss is missing from its rows from step 40 on, which stands for NaN" in ended
    assert "first missing    step 40  loss  (no value in this row)  train.log:82" in ended
    assert "and comes back at step 42" in gap
    assert "= NaN" not in ended + gap


def test_an_average_that_stays_bad_is_not_said_to_recover() -> None:
    run = smoothed(
        make_run({"loss_smoothed": [2.0, NAN, NAN, NAN], "loss": [2.0, 2.1, 2.0, 1.9]}, every=10), "loss_smoothed"
    )
    said = text(run)
    assert "The averaged loss became NaN over steps that are not logged; every logged loss is finite." in said
    assert "finite again     step 10, its average aside" in said


def test_a_checkpoint_that_is_lost_is_named() -> None:
    marks = [Mark(MarkKind.CHECKPOINT, "train.log", step + 1, step, "out/ckpt.pt") for step in (4, 9)]
    said = text(make_run({"loss": [*CALM, NAN, NAN, NAN]}, marks=marks))
    assert "good checkpoint  none: out/ckpt.pt was written again after the onset" in said
    assert "resume from" not in said


def test_a_log_that_begins_after_the_onset_asks_for_the_part_before() -> None:
    said = text(make_run({"loss": [NAN] * 5}, first=700))
    assert "last good        not in this log, which begins after the onset: add the part before it" in said
    assert "The log begins after the onset: what led to it is in the part before." in said


def test_a_message_is_no_name_of_a_series() -> None:
    said = Mark(MarkKind.NONFINITE, "train.log", 20, 9, "Monitored metric is not finite")
    assert "then             a message at step 9" in text(make_run({"loss": [*CALM, NAN]}, marks=[said]))


def test_a_cause_that_came_second_shows_both_sides() -> None:
    report = diagnose_run(make_run({"loss": [*CALM, NAN]}, every=5))
    rate = next(finding for finding in report.findings if finding.rule == "lr_too_high")
    assert [speaks_for for speaks_for, _ in in_short(rate)] == [True, False]


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("kind", ["text", "markdown"])
def test_causes_that_the_log_leaves_open_are_said_to_be(kind: str, verbose: bool) -> None:
    def written(report: Report) -> str:
        out = io.StringIO()
        reporter(kind).write([report], out, Style(verbose=verbose))
        return out.getvalue()

    jump = diagnose_run(make_run({"loss": [*CALM, NAN]}))
    growth = diagnose_run(make_run({"loss": [*CALM, 9.0, 80.0, NAN], "lr": [0.9] * 11}))
    assert "The log does not tell the first three apart; the next test does." in written(jump)
    assert "apart" not in written(growth)


def test_a_command_stands_on_one_line() -> None:
    lines = text(make_run({"loss": [*CALM, NAN]})).split("\n")
    (command,) = (line for line in lines if line.startswith("  next test"))
    assert command.endswith("--vary drop_samples,guard_op")


def test_what_bears_on_the_causes_is_said_first() -> None:
    """Of a cause that is all but certain only what its own rule lacked."""
    growth = diagnose_run(make_run({"loss": [*CALM, 9.0, 80.0, NAN]}))
    assert growth.findings[0].confidence > 0.9
    shown = text(make_run({"loss": [*CALM, 9.0, 80.0, NAN]})).partition("Not known")[2]
    assert "learning rate" in shown
    assert "precision" not in shown
    assert any("fact:precision" in item.missing for item in growth.cannot_tell)


def test_findings_keep_their_own_tests_behind_the_first() -> None:
    report = diagnose_run(make_run({"loss": [*CALM, NAN]}))

    def replayed(finding: Finding) -> bool:
        return (finding.next_test or "").startswith("nanlog replay")

    assert [replayed(finding) for finding in report.findings] == [True, *[False] * (len(report.findings) - 1)]
