"""``nanlog diagnose --format markdown`` and ``--format sarif`` on real logs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nanlog.cli import cli

FORMATS = ("markdown", "sarif")
RESULTS = {"markdown": "## nanlog: unhealthy", "sarif": '"ruleId": "undefined_gradient"'}


def run(*arguments: str | Path, text: bytes | None = None) -> Result:
    words = ["diagnose", "--no-store", *map(str, arguments)]
    return CliRunner().invoke(cli, words, prog_name="nanlog", input=text, catch_exceptions=False)


def sarif_of(result: Result) -> dict[str, Any]:
    (found,) = json.loads(result.stdout)["runs"]
    return dict(found)


@pytest.fixture
def logs(tmp_path: Path, sample_log: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(sample_log("sqrt_of_zero_debug"), tmp_path / "failed.log")
    shutil.copy(sample_log("healthy_negative_loss"), tmp_path / "healthy.log")
    (tmp_path / "other.log").write_text("hello\nworld\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["healthy.log"], 0),
        (["failed.log"], 1),
        (["other.log"], 3),
        (["missing.log"], 3),
        (["missing.log", "failed.log", "healthy.log"], 1),
    ],
)
def test_exit_code(logs: Path, names: list[str], code: int, form: str) -> None:
    result = run("--format", form, *names)
    assert result.exit_code == code
    assert (RESULTS[form] in result.stdout) == ("failed.log" in names)
    assert "Traceback" not in result.output


def test_sarif_of_several_paths(logs: Path) -> None:
    result = run("--format", "sarif", "missing.log", logs / "failed.log", "healthy.log", "other.log")
    found = sarif_of(result)
    files = {item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in found["results"]}
    assert files == {"failed.log"}
    told = found["invocations"][0]["toolExecutionNotifications"]
    assert [item["level"] for item in told] == ["error", "error"]
    assert "missing.log" in told[0]["message"]["text"]


def test_markdown_of_several_paths(logs: Path) -> None:
    text = run("--format", "markdown", "missing.log", "failed.log", "healthy.log").stdout
    titles = [line for line in text.split("\n") if line.startswith("## ")]
    assert titles == [
        "## nanlog: not read",
        "## nanlog: unhealthy, sudden jump at step 0",
        "## nanlog: healthy",
        "## 3 runs",
    ]
    assert "| unhealthy | step 0 | sudden jump |" in text


@pytest.mark.parametrize("form", FORMATS)
def test_standard_input(logs: Path, form: str) -> None:
    result = run("--format", form, "-", text=(logs / "failed.log").read_bytes())
    assert result.exit_code == 1
    assert RESULTS[form] in result.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_output_goes_to_a_file(logs: Path, form: str) -> None:
    result = run("--format", form, "--output", "report.out", "failed.log")
    assert (result.exit_code, result.stdout) == (1, "")
    assert Path("report.out").read_text(encoding="utf-8") == run("--format", form, "failed.log").stdout


@pytest.mark.parametrize("form", FORMATS)
def test_names_that_are_no_text_or_steer_a_page(logs: Path, form: str) -> None:
    evil = b"bad\xff\x1b[2J\n[x](http:\\evil) @someone `<b>.log"
    text = (logs / "failed.log").read_bytes().replace(b"fc1", b"[fc](1)@fc<b>")
    Path(os.fsdecode(evil)).write_bytes(text)
    command: list[str | bytes] = [sys.executable, "-m", "nanlog", "diagnose", "--no-store", "--format", form, evil]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    page = done.stdout.decode()
    assert all(line.isprintable() for line in page.split("\n"))
    if form == "markdown":
        outside = "".join(page.split("`")[::2])
        assert [part for part in ("@", "<", "](", "http:", "\\x1b") if part in outside] == []
