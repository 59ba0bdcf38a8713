"""The report on every real log that failed answers: does it matter, when did it start, why, what now?

Its structure is looked at, and each report stands as a whole in ``goldens/sample_*.txt``, to be read when it changes:
NANLOG_UPDATE_GOLDENS=1 writes them anew.
"""

from __future__ import annotations

import io
import os
import re
from functools import cache
from pathlib import Path

import pytest

from labelled_logs import FAILED, NON_FINITE, ROOT, SAMPLES, Sample, report_of
from nanlog.model import Report
from nanlog.pipeline import diagnose
from nanlog.report import Style, reporter
from nanlog.report._calm import span

GOLDENS = Path(__file__).parent / "goldens"
UPDATE = os.environ.get("NANLOG_UPDATE_GOLDENS") == "1"

#: What did no harm, and is named: one in a message, one in a metric.
_HARMLESS = ("deepspeed/skipped_updates_deepspeed", "text/harmless_nan_precision_of_a_class")
#: Every real log that failed; each of these reports was read.
GOLDEN = (*(f"{sample.dialect}/{sample.id}" for sample in FAILED), *_HARMLESS)

_PLACE = re.compile(r"[\w.…-]+:\d+")
_ROW = re.compile(r"^  (first bad|first masked|out of range|growth began|last good|last finite) +(.+)$", re.MULTILINE)
_CAUSE = re.compile(r"^ *(>?\d+%) (.+)$", re.MULTILINE)

each_failure = pytest.mark.parametrize("sample", FAILED, ids=[f"{s.dialect}-{s.id}" for s in FAILED])


def written(report: Report) -> str:
    out = io.StringIO()
    reporter("text").write([report], out, Style())
    return out.getvalue()


@cache
def text_of(sample: Sample) -> str:
    """The report with what was wrapped on one line again: what goes on is indented, and deeper than it began."""
    lines: list[str] = []
    for line in written(report_of(sample)).split("\n"):
        body = line.lstrip()
        begins = not body or line[:1] != " " or re.match(r"[+*-] |>?\d+% |next test |resume from ", body)
        if begins or _ROW.match(line) or re.match(r"  \w[\w ]{1,14}  ", line):
            lines.append(line)
        else:
            lines[-1] += f" {body}"
    return "\n".join(lines)


def section(sample: Sample, heading: str) -> str:
    return text_of(sample).partition(f"\n{heading}\n")[2].partition("\n\n")[0]


def rows(sample: Sample) -> dict[str, str]:
    return dict(_ROW.findall(text_of(sample).partition("\nWhy\n")[0]))


@each_failure
def test_does_it_matter(sample: Sample) -> None:
    (verdict,) = re.findall(r"^UNHEALTHY  (.+)$", text_of(sample), re.MULTILINE)
    assert verdict.endswith(".")


@each_failure
def test_when_it_went_bad_and_what_went_first(sample: Sample) -> None:
    """A step, the line that shows it and the series; of a loss that grew the headline says that it is the loss."""
    onset = report_of(sample).onset
    assert onset is not None
    said = rows(sample)
    began = next(row for label, row in said.items() if not label.startswith("last"))
    assert re.match(r"(step -?\d+|undated step)\b", began)
    assert _PLACE.search(began)
    if onset.series not in {None, "message"} and {"first bad", "first masked"} & set(said):
        assert f" {onset.series} = " in began
    elif onset.series == "message":
        assert "a message says so" in began
    else:
        assert "training loss" in text_of(sample).partition("UNHEALTHY")[2].partition("\n")[0]


@each_failure
def test_what_was_good_last(sample: Sample) -> None:
    """A step; none where the first point is bad already, and the growth divides where nothing is non-finite."""
    report = report_of(sample)
    onset, said = report.onset, rows(sample)
    assert onset is not None
    good = said.get("last good") or said.get("last finite")
    if good is not None:
        assert good == f"step {onset.last_finite_step}"
    elif "growth began" not in said:
        steps = span(report.run)
        assert steps is not None
        assert onset.step == steps[0]


@pytest.mark.parametrize("sample", NON_FINITE, ids=[f"{s.dialect}-{s.id}" for s in NON_FINITE])
def test_the_steps_of_the_label_are_in_the_report(sample: Sample) -> None:
    said = rows(sample)
    first = said.get("first bad") or said.get("first masked") or ""
    assert first.split()[1] in {str(step) for step in sample.accepted_steps()}
    if first.split()[1] == str(sample.label["onset_step"]) and sample.label["last_finite_step"] is not None:
        assert said.get("last good", said.get("last finite")) == f"step {sample.label['last_finite_step']}"


@each_failure
def test_why(sample: Sample) -> None:
    """Causes with their shares; the first with evidence that cites its lines."""
    why = section(sample, "Why")
    (first, *_) = _CAUSE.split(why)[3::3] or [""]
    assert re.search(r"\[\w+\]$", _CAUSE.findall(why)[0][1])
    evidence = [line for line in first.split("\n") if line.strip().startswith("+ ")]
    assert evidence
    assert all(_PLACE.search(line) for line in evidence)


@each_failure
def test_what_now(sample: Sample) -> None:
    """One test that settles it, and what to change where that is known before the test."""
    now = section(sample, "What now")
    remedies = report_of(sample).findings[0].remedies
    assert len(re.findall(r"^  \* \S", now, re.MULTILINE)) == min(3, len(remedies))
    assert len(re.findall(r"^  next test +\S", now, re.MULTILINE)) == 1


@pytest.mark.parametrize("case", GOLDEN)
def test_golden(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sample = next(sample for sample in SAMPLES if f"{sample.dialect}/{sample.id}" == case)
    text = written(diagnose(sample.log.relative_to(ROOT).as_posix()))
    file = GOLDENS / f"sample_{case.replace('/', '_')}.txt"
    if UPDATE:
        file.write_text(text, encoding="utf-8")
    assert file.exists(), f"write it with NANLOG_UPDATE_GOLDENS=1, and read it: {file}"
    assert text == file.read_text(encoding="utf-8")
