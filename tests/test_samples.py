"""The whole chain on every real log of the repository, against what is known to have been wrong in it."""

from __future__ import annotations

import functools
import re

import pytest

from labelled_logs import FAILED, LOCATED, NON_FINITE, Sample
from nanlog.model import Onset, Report
from nanlog.pipeline import diagnose

#: How a line looks that shows a NaN, or a value that stands for it.
SHOWS_NAN = re.compile(rb"nan|inf|87\.3365", re.IGNORECASE)


def each(samples: list[Sample]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sample", samples, ids=[sample.id for sample in samples])


@functools.cache
def report_of(sample: Sample) -> Report:
    return diagnose(str(sample.log))


def onset_of(sample: Sample) -> Onset:
    onset = report_of(sample).onset
    assert onset is not None
    return onset


def test_verdict(sample: Sample) -> None:
    assert report_of(sample).verdict == ("healthy" if sample.label["healthy"] else "unhealthy")


def test_every_line_is_read(sample: Sample) -> None:
    assert report_of(sample).run.unread_count == (1 if "truncated" in sample.id else 0)


@each(FAILED)
def test_pattern(sample: Sample) -> None:
    assert onset_of(sample).pattern in sample.accepted("pattern")


@each(FAILED)
def test_onset_step(sample: Sample) -> None:
    accepted = sample.accepted_steps()
    step = onset_of(sample).step
    assert step in accepted if accepted else step is None


@each(NON_FINITE)
def test_onset_cites_a_line_that_shows_it(sample: Sample) -> None:
    line = onset_of(sample).line
    assert line is not None
    assert SHOWS_NAN.search(sample.log.read_bytes().split(b"\n")[line - 1])


@each(NON_FINITE)
def test_last_finite_step(sample: Sample) -> None:
    assert onset_of(sample).last_finite_step == sample.label["last_finite_step"]


@each(FAILED)
def test_cause_is_among_the_first_three(sample: Sample) -> None:
    causes = [finding.cause.value for finding in report_of(sample).findings[:3]]
    assert sample.accepted("cause") & set(causes)


@each(LOCATED)
def test_first_layer_and_phase(sample: Sample) -> None:
    located = next(finding for finding in report_of(sample).findings if finding.layer is not None)
    assert located.layer == sample.label["first_layer"]
    assert located.phase in {sample.label["phase"], None}


def test_every_citation_points_into_the_log(sample: Sample) -> None:
    report = report_of(sample)
    lines = sample.log.read_bytes().count(b"\n") + 1
    sentences = [e for finding in report.findings for e in (*finding.evidence, *finding.against)]
    assert all(1 <= e.line <= lines for e in (*sentences, *report.notes) if e.line is not None)


def test_findings_are_ordered_and_their_confidence_is_a_share(sample: Sample) -> None:
    confidences = [finding.confidence for finding in report_of(sample).findings]
    assert all(0.0 <= confidence <= 1.0 for confidence in confidences)
    assert confidences == sorted(confidences, reverse=True)
