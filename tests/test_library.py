"""nanlog as a library: what its page shows runs, and what it shows at a prompt is small and inert."""

from __future__ import annotations

import doctest
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nanlog
from html_pages import Page
from labelled_logs import ROOT, Sample, report_of
from made_reports import MADE, hostile
from nanlog.errors import StoreError, UsageError
from nanlog.model import Report, Run, Series, SeriesInfo
from nanlog.pipeline import answer
from nanlog.report import Style, reporter
from nanlog.report.as_json import as_dict
from nanlog.report.saved import report_of as report_of_saved
from nanlog.store import save
from runs import make_run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of our own, which everything uses that is not told another one."""
    monkeypatch.setenv("NANLOG_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def written(report: Report, form: str) -> str:
    out = io.StringIO()
    reporter(form).write([report], out, Style(verbose=True))
    return out.getvalue()


@pytest.mark.usefixtures("root")
def test_the_page_of_the_library_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MPLBACKEND", "agg")
    found = doctest.testfile(str(ROOT / "docs/library.md"), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 30
    assert found.failed == 0


# --- a report that was saved


def test_a_saved_report_reads_as_it_did(sample: Sample) -> None:
    report = report_of(sample)
    again = report_of_saved(json.loads(json.dumps(as_dict(report))), report.run)
    for form in ("text", "json"):
        assert written(again, form) == written(report, form)


@pytest.mark.parametrize("name", MADE)
def test_a_made_report_reads_as_it_did(name: str) -> None:
    report = MADE[name]()
    again = report_of_saved(json.loads(json.dumps(as_dict(report))), report.run)
    assert written(again, "text") == written(report, "text")


def test_what_a_later_version_adds_is_passed_over() -> None:
    saved = as_dict(MADE["blow_up"]())
    saved["onset"]["colour"] = saved["findings"][0]["colour"] = saved["onset"]["order"][0]["colour"] = "red"
    report_of_saved(saved, MADE["blow_up"]().run)


def test_load_gives_the_report_of_then(root: Path) -> None:
    """Not what the rules of today would say."""
    report = MADE["jump"]()
    stored = save(report.run, as_dict(report), root)
    again = nanlog.load()
    assert again.findings[0].remedies == report.findings[0].remedies
    assert str(again) == str(report) == str(nanlog.load(stored.run_id[:6])) == str(nanlog.load(store=root))
    assert [run.run_id for run in nanlog.runs()] == [stored.run_id] == [run.run_id for run in nanlog.runs(root)]


@pytest.mark.parametrize("saved", [None, {}, {"verdict": "on fire", "onset": None}, {"onset": 3}])
def test_a_run_without_a_report_that_can_be_read_is_judged(root: Path, saved: dict[str, object] | None) -> None:
    save(make_run({"loss": [1.0, 0.9, 0.8, float("nan"), float("nan")]}), saved, root)
    report = nanlog.load()
    assert (report.verdict, report.onset is not None and report.onset.step) == ("unhealthy", 3)


def test_what_is_not_there(root: Path) -> None:
    assert nanlog.runs() == ()
    with pytest.raises(StoreError, match="there is no run in the store"):
        nanlog.load()
    for name in ("a", "b"):
        (root.parent / f"loss-{name}.log").write_text("step 1 loss 1\nstep 2 loss 2\n")
        answer(str(root.parent / f"loss-{name}.log"), store=root)
    with pytest.raises(UsageError, match=r"'loss-' is the beginning of 2 runs: loss-a-.*, loss-b-.*; type more"):
        nanlog.load("loss-")


# --- at a prompt and in a notebook

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e'\"&" + "x" * 10_000


def hostile_run() -> Run:
    zeros = np.zeros(1, np.int64)
    series = Series(SeriesInfo(HOSTILE, HOSTILE), zeros, np.array([np.nan]), zeros, zeros, zeros)
    return Run(HOSTILE, HOSTILE, (HOSTILE,), {HOSTILE: series})


@pytest.mark.parametrize("shown", [hostile_run(), hostile_run().table[HOSTILE], hostile(), str(hostile())])
def test_what_a_prompt_shows_is_short_and_inert(shown: object) -> None:
    text = shown if isinstance(shown, str) else repr(shown)
    assert len(text) < 2500
    assert all(char.isprintable() or char == "\n" for char in text)


def test_what_a_notebook_shows_is_short_and_inert() -> None:
    page = hostile()._repr_html_()
    found = Page(page)
    assert found.misplaced == []
    assert {name for name, _ in found.elements} <= {"table", "tr", "th", "td", "b", "i", "br"}
    assert {key for _, attributes in found.elements for key in attributes} <= {"style"}
    assert len(page) < 5000


def test_a_notebook_shows_verdict_onset_cause_and_remedy(sample: Sample) -> None:
    report = report_of(sample)
    text = Page(report._repr_html_()).text
    assert report.verdict.value.replace("_", " ") in text
    assert all(finding.cause.value.replace("_", " ") in text for finding in report.findings[:3])
    if report.onset is not None and report.onset.step is not None:
        assert f"at step {report.onset.step}" in text


def test_the_public_names() -> None:
    assert set(nanlog.__all__) <= set(dir(nanlog))
    assert nanlog.plot.__name__ == "nanlog.plot"


def test_users_of_the_library_have_types(tmp_path: Path) -> None:
    """As far as mypy sees, through py.typed; it would name what is untyped."""
    (tmp_path / "user.py").write_text(
        """import nanlog
report = nanlog.diagnose("train.log")
reveal_type(report.onset)
reveal_type(report.run.to_frame())
reveal_type(nanlog.load("x").run.series("loss"))
reveal_type(nanlog.runs()[0].summary.step)
"""
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--follow-imports=silent", "user.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    types = [line.partition("type is ")[2].strip('"') for line in done.stdout.splitlines() if "Revealed" in line]
    assert types == [
        "nanlog.model.Onset | None",
        "pandas.core.frame.DataFrame",
        "nanlog.model.Series | None",
        "int | None",
    ], done.stdout
