"""What a replay settled stands first in every report of its run, and what it refuted stands last."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_reports import MADE
from nanlog.engine import undecided
from nanlog.model import Cause, Finding, Judgement, Report
from nanlog.replay.settled import settled
from nanlog.report import FORMATS, Style, reporter

WORDS = [judgement.value for judgement in Judgement]


def found(*shares: tuple[Cause, float]) -> Report:
    """The report of a jump with other causes."""
    findings = tuple(
        Finding(cause.value, cause, confidence=share, remedies=(f"mend {cause.value}",), next_test=f"try {cause.value}")
        for cause, share in shares
    )
    return replace(MADE["jump"](), findings=findings)


def said(**verdicts: str) -> dict[str, Any]:
    """A document of a replay with these verdicts."""
    causes = [
        {"cause": cause, "verdict": verdict, "because": [f"why {Cause(cause).name}"]}
        for cause, verdict in verdicts.items()
    ]
    trials = [
        {"intervention": "lr/10", "finite": False, "detail": "a tenth of the rate; step 9: NaN"},
        {"intervention": "clip", "finite": True, "detail": "gradients clipped to norm 1; step 9 is finite"},
    ]
    return {"reproduced": True, "checkpoint": "4.pt", "causes": causes, "trials": trials, "smallest_change": "clip"}


def printed(report: Report, form: str, *, verbose: bool = False) -> str:
    out = io.StringIO()
    reporter(form).write([report], out, Style(verbose=verbose))
    return out.getvalue()


THREE = found((Cause.FAULTY_LOSS, 0.5), (Cause.FAULTY_INPUT, 0.3), (Cause.LR_TOO_HIGH, 0.15))


def test_the_confirmed_cause_comes_first_and_the_refuted_ones_last() -> None:
    report = settled(THREE, said(lr_too_high="confirmed", faulty_loss="refuted"))
    order = [(finding.cause, finding.replayed) for finding in report.findings]
    assert order == [
        (Cause.LR_TOO_HIGH, Judgement.CONFIRMED),
        (Cause.FAULTY_INPUT, None),
        (Cause.FAULTY_LOSS, Judgement.REFUTED),
    ]
    first, _, last = report.findings
    assert first.evidence[0].says == "replay: why LR_TOO_HIGH"
    assert first.remedies == ("seen to work in the replay: gradients clipped to norm 1 (clip)", "mend lr_too_high")
    assert first.confidence == 0.15
    assert last.against[0].says == "replay: why FAULTY_LOSS"
    assert (first.next_test, last.next_test) == (None, None)


def test_a_confirmed_cause_that_no_sign_of_the_log_spoke_for_is_a_finding() -> None:
    first, *others = settled(THREE, said(software_bug="confirmed")).findings
    assert (first.cause, first.confidence, first.replayed) == (Cause.SOFTWARE_BUG, 0.0, Judgement.CONFIRMED)
    assert [each.cause for each in others] == [each.cause for each in THREE.findings]


def test_what_was_not_reproduced_stays_as_the_log_has_it() -> None:
    report = settled(THREE, {**said(faulty_loss="not_reproduced"), "reproduced": False})
    assert [finding.cause for finding in report.findings] == [finding.cause for finding in THREE.findings]
    assert report.findings[0].next_test == "try faulty_loss"
    assert "the steps stayed finite when they were run again" in printed(report, "text")


def test_causes_are_told_apart_among_those_that_were_not_refuted() -> None:
    assert len(undecided(THREE.findings)) == 3
    assert not undecided(settled(THREE, said(lr_too_high="confirmed")).findings)
    left = undecided(settled(THREE, said(faulty_loss="refuted")).findings)
    assert [finding.cause for finding in left] == [Cause.FAULTY_INPUT, Cause.LR_TOO_HIGH]
    text = printed(settled(THREE, said(faulty_loss="refuted")), "text")
    assert "Neither the log nor the replay tells the first two apart." in text
    assert "the next test does" not in text


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_people_read_it_in_the_headline_and_with_each_cause(form: str) -> None:
    text = printed(settled(THREE, said(lr_too_high="confirmed", faulty_loss="refuted")), form)
    assert text.index("Confirmed by replay: the learning rate is too high.") < text.index("Why")
    assert text.index("replay: ") < text.index("Bad values in the data") < text.index("refuted by replay")
    assert "seen to work in the replay: gradients clipped to norm 1" in text
    assert "next test" not in text.lower()


def test_programs_read_it_in_the_json() -> None:
    (report,) = json.loads(printed(settled(THREE, said(lr_too_high="confirmed", faulty_loss="refuted")), "json"))[
        "reports"
    ]
    assert report["replay"] == {
        "reproduced": True,
        "confirmed": ["lr_too_high"],
        "refuted": ["faulty_loss"],
        "smallest_change": "clip",
        "first_nonfinite": None,
    }
    assert [finding["replayed"] for finding in report["findings"]] == ["confirmed", None, "refuted"]


def test_a_scanner_is_told_the_confirmed_cause_as_the_error() -> None:
    report = settled(THREE, said(lr_too_high="confirmed", faulty_loss="refuted"))
    results = json.loads(printed(report, "sarif"))["runs"][0]["results"]
    assert [(each["ruleId"], each["level"]) for each in results] == [
        ("lr_too_high", "error"),
        ("faulty_input", "warning"),
        ("faulty_loss", "note"),
    ]
    assert "(confirmed by replay)" in results[0]["message"]["text"]


@pytest.mark.parametrize("name", ["healthy", "nothing", "scaler"])
def test_a_replay_changes_no_run_that_is_not_unhealthy(name: str) -> None:
    report = MADE[name]()
    assert settled(report, said(lr_too_high="confirmed")).findings == report.findings


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([*WORDS, *(c.value for c in Cause)]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cause", "verdict", "because", "phase", "op", "samples", "file", "detail", "step"]), inner
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["causes", "trials", "first_nonfinite", "smallest_change", "reproduced", "checkpoint"]),
        ANYTHING,
    )
)
def test_a_document_of_any_shape_makes_every_report(document: dict[str, Any]) -> None:
    report = settled(THREE, document)
    assert {finding.cause for finding in report.findings} >= {finding.cause for finding in THREE.findings}
    for form in FORMATS:
        assert printed(report, form, verbose=True)
