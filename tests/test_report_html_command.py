"""``nanlog report``: where the page comes from and where it goes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from html_pages import Page
from nanlog.cli import cli
from nanlog.store import list_runs, save_replay, store_root


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_log: Callable[[str], Path]) -> Path:
    """A working folder with a log and no store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NANLOG_STORE")
    shutil.copy(sample_log("nan_label_debug"), tmp_path / "labels.log")
    return tmp_path


def report(*words: str) -> Result:
    return CliRunner().invoke(cli, ["report", *words])


def run_ids() -> list[str]:
    return [run.run_id for run in list_runs(store_root())]


def only_page(folder: Path) -> Path:
    (made,) = folder.glob("*.html")
    return made


def test_of_a_log_it_is_named_like_the_run(here: Path) -> None:
    done = report("--html", "labels.log")
    assert done.exit_code == 0, done.output
    assert done.stderr == f"the report is in {only_page(here).name}\n"
    assert only_page(here).stem in run_ids()


def test_without_an_argument_it_is_of_the_run_saved_last(here: Path) -> None:
    report("labels.log", "--out", "one.html")
    report("--out", "two.html")
    run_id = run_ids()[0]
    report(run_id[:4], "--out", "three.html")
    assert Path("one.html").read_bytes() == Path("two.html").read_bytes() == Path("three.html").read_bytes()


def test_a_page_holds_the_answer_the_lines_and_the_pictures(here: Path) -> None:
    report("labels.log", "--no-store")
    assert not Path(".nanlog").exists()
    read = Page(only_page(here).read_text(encoding="utf-8"))
    assert "Bad values in the data or the labels" in read.text
    assert "[Forward] Layer data, top blob label data: -nan" in read.text
    overview, layers = read.of("img")
    assert "First to go bad: data/data/label (NaN at step 13)" in overview["alt"]
    assert "series of gradients from step 0 to step 30" in layers["alt"]
    assert "nanlog explain faulty_input" in read.text


def test_a_file_is_not_overwritten_unless_wished(here: Path) -> None:
    Path("mine.html").write_text("mine")
    refused = report("labels.log", "--out", "mine.html")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert Path("mine.html").read_text() == "mine"
    assert report("labels.log", "--out", "mine.html", "--force").exit_code == 0
    assert Path("mine.html").read_text().startswith("<!DOCTYPE html>")


def test_the_log_itself_is_not_overwritten_even_if_forced(here: Path) -> None:
    before = Path("labels.log").read_bytes()
    refused = report("labels.log", "--out", "labels.log", "--force")
    assert refused.exit_code == 2
    assert Path("labels.log").read_bytes() == before


def test_a_dash_is_standard_output(here: Path) -> None:
    done = report("labels.log", "--out", "-")
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stderr == ""
    assert not list(here.glob("*.html"))


@pytest.mark.parametrize("out", ["nowhere/x.html", "."])
def test_where_it_cannot_be_written_is_said(here: Path, out: str) -> None:
    done = CliRunner().invoke(cli, ["report", "labels.log", "--out", out])
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_an_empty_store_is_said(here: Path) -> None:
    done = report()
    assert done.exit_code == 3
    assert "nanlog diagnose LOG" in done.stderr


def test_a_log_that_is_gone_is_told(here: Path) -> None:
    report("labels.log", "--out", "one.html")
    Path("labels.log").unlink()
    report("--out", "two.html")
    text = Page(Path("two.html").read_text(encoding="utf-8")).text
    assert "No lines of labels.log are quoted: it is not where it was read" in text
    assert "top blob label data: -nan" not in text


def test_a_log_that_was_written_to_since_is_told(here: Path) -> None:
    report("labels.log", "--out", "one.html")
    later = Path("labels.log").stat().st_mtime + 3600
    os.utime("labels.log", (later, later))
    report("--out", "two.html")
    assert "labels.log was written to after it was diagnosed" in Page(Path("two.html").read_text()).text
    assert "was written to" not in Page(Path("one.html").read_text()).text


def test_a_log_from_a_pipe_has_no_lines_to_quote(here: Path) -> None:
    log = Path("labels.log").read_bytes()
    done = CliRunner().invoke(cli, ["report", "-", "--out", "x.html"], input=log)
    assert done.exit_code == 0, done.output
    assert "No lines of standard input are quoted" in Page(Path("x.html").read_text()).text


def test_a_replay_in_the_store_is_on_the_page(here: Path) -> None:
    report("labels.log", "--out", "one.html")
    run_id = run_ids()[0]
    causes = [{"cause": "faulty_input", "verdict": "confirmed", "because": ["without the sample it is finite"]}]
    save_replay(store_root(), run_id, {"schema_version": 1, "reproduced": True, "causes": causes, "trials": []})
    report("--out", "two.html")
    assert "Confirmed by replay: bad values" in Page(Path("two.html").read_text()).text


def test_a_browser_is_asked_to_show_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable BROWSER names the program that Python's own module starts; here it notes what it was asked for."""
    program = here / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {here}/asked\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)
    assert report("labels.log", "--out", "x.html", "--open").exit_code == 0
    assert (here / "asked").read_text() == f"{(here / 'x.html').as_uri()}\n"
    assert report("labels.log", "--out", "-", "--open").exit_code == 2


def test_hostile_names_of_files_are_inert(here: Path) -> None:
    name = "<img src=x onerror=window.__hit=1>'\"\x1b[31m.log"
    Path("labels.log").rename(name)
    assert report(name, "--out", "x.html").exit_code == 0
    text = Path("x.html").read_text()
    assert "<img src=x" not in text
    assert "<img src=x onerror=window.__hit=1>'\"\\x1b[31m.log" in Page(text).text
