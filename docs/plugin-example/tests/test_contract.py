"""The promises that nanlog asks of a plug-in, and what this one is for."""

from __future__ import annotations

from pathlib import Path

from nanlog import diagnose
from nanlog.model import Cause, MarkKind, Pattern
from nanlog.testing import check_parser, check_rule
from nanlog_tinytrain.log_without_epsilon import RULE
from nanlog_tinytrain.parser import PARSER

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


def test_the_parser_keeps_its_promises() -> None:
    check_parser(PARSER, samples=sorted(SAMPLES.iterdir()))


def test_the_rule_keeps_its_promises() -> None:
    fires, quiet = ["log_of_zero.log"], ["healthy.log", "lr_too_high.log"]
    check_rule(RULE, [SAMPLES / name for name in fires], [SAMPLES / name for name in quiet])


def test_a_log_is_read_exactly() -> None:
    run = diagnose(str(SAMPLES / "log_of_zero.log")).run
    loss = run.table["loss"]
    assert loss.step.tolist() == list(range(40))
    assert (loss.value[0], loss.line[0]) == (0.659539, 2)
    assert [mark.text for mark in run.marks if mark.kind is MarkKind.CHECKPOINT][:2] == ["ckpt-10.npz", "ckpt-20.npz"]


def test_the_fault_is_found() -> None:
    report = diagnose(str(SAMPLES / "log_of_zero.log"))
    assert report.onset is not None
    assert (report.onset.pattern, report.onset.step) == (Pattern.SUDDEN_JUMP, 27)
    assert report.findings[0].cause is Cause.FAULTY_LOSS
