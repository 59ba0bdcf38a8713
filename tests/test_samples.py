"""The whole chain on every real log of the repository, against what is known to have been wrong in it."""

from __future__ import annotations

import pytest

from labelled_logs import EXPLAINED, FAILED, LOCATED, NON_FINITE, Sample, report_of
from nanlog.model import Onset


def each(samples: list[Sample]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sample", samples, ids=[f"{sample.dialect}-{sample.id}" for sample in samples])


def onset_of(sample: Sample) -> Onset:
    onset = report_of(sample).onset
    assert onset is not None
    return onset


def test_verdict(sample: Sample) -> None:
    assert report_of(sample).verdict == ("healthy" if sample.harmless else "unhealthy")


def test_every_line_is_read(sample: Sample) -> None:
    """What was cut off at its end has at most a last line that is not whole; any other damage is told."""
    count = report_of(sample).run.unread_count
    expected = {"": {0}, "trunc": {0, 1}}.get(sample.damaged)
    assert count in expected if expected is not None else count > 0


@each(FAILED)
def test_pattern(sample: Sample) -> None:
    assert onset_of(sample).pattern in sample.accepted("pattern")


@each(FAILED)
def test_onset_step(sample: Sample) -> None:
    """A divergence has no step at which it began to be non-finite; when a mask was put on is not always known."""
    accepted = sample.accepted_steps()
    step = onset_of(sample).step
    if accepted:
        assert step in accepted
    elif sample.label["pattern"] != "masked":
        assert step is None


@each(NON_FINITE)
def test_onset_cites_a_line_that_shows_it(sample: Sample) -> None:
    onset = onset_of(sample)
    assert onset.line is not None
    lines = sample.lines(onset.file)
    assert lines is None or sample.is_shown_by(lines[onset.line - 1])


@each(NON_FINITE)
def test_last_finite_step(sample: Sample) -> None:
    """Exactly the label's where the onset is the label's; another series may have been finite for longer."""
    onset = onset_of(sample)
    if onset.step == sample.label["onset_step"]:
        assert onset.last_finite_step == sample.label["last_finite_step"]
    else:
        assert onset.last_finite_step is None or onset.step is None or onset.last_finite_step < onset.step


@each(EXPLAINED)
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
    sentences = [e for finding in report.findings for e in (*finding.evidence, *finding.against)]
    for cited in (*sentences, *report.notes):
        if cited.line is not None:
            lines = sample.lines(cited.file)
            assert cited.line >= 1
            assert lines is None or cited.line <= len(lines)


def test_findings_are_ordered_and_their_confidence_is_a_share(sample: Sample) -> None:
    confidences = [finding.confidence for finding in report_of(sample).findings]
    assert all(0.0 <= confidence <= 1.0 for confidence in confidences)
    assert confidences == sorted(confidences, reverse=True)
