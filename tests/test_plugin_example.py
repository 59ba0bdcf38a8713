"""The example of a plug-in under ``docs/``, installed as a user would install it, and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from labelled_logs import ROOT

EXAMPLE = ROOT / "docs" / "plugin-example"
LOG = EXAMPLE / "samples" / "log_of_zero.log"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the installed plug-in and nothing else."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(EXAMPLE)], check=True, capture_output=True, text=True)
    return target


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=site, env=environment, capture_output=True, text=True, check=False
    )


def test_its_own_tests_pass(site: Path) -> None:
    done = run(site, "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(EXAMPLE), str(EXAMPLE / "tests"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_dialect_is_listed(site: Path) -> None:
    done = run(site, "nanlog", "formats", "--format", "json")
    assert done.stderr == ""
    (ours,) = [form for form in json.loads(done.stdout)["formats"] if form["name"] == "tinytrain"]
    assert ours["title"] == "tinytrain 1.x on standard output"
    assert "gradient norm" in ours["gives"]


def test_its_log_is_diagnosed_by_its_rule(site: Path) -> None:
    done = run(site, "nanlog", "diagnose", "--no-store", "--format", "json", str(LOG))
    assert (done.returncode, done.stderr) == (1, "")
    (report,) = json.loads(done.stdout)["reports"]
    assert (report["parser"], report["onset"]["step"]) == ("tinytrain", 27)
    first = report["findings"][0]
    assert (first["rule"], first["cause"]) == ("log_without_epsilon", "faulty_loss")
    assert first["evidence"][0]["line"] == 1
    assert first["remedies"][0] == "set eps to 1e-7"


def test_its_rule_is_explained(site: Path) -> None:
    done = run(site, "nanlog", "explain", "log_without_epsilon")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "log_without_epsilon"
    assert "Set eps to 1e-7" in done.stdout


def test_without_it_nobody_is_sure_of_its_log() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nanlog", "formats"], cwd=EXAMPLE, capture_output=True, text=True, check=True
    )
    assert "tinytrain" not in done.stdout


def test_the_samples_are_what_its_program_prints() -> None:
    settings = {
        "healthy": [],
        "log_of_zero": ["--eps", "0", "--outlier", "27"],
        "lr_too_high": ["--linear", "--lr", "4", "--steps", "400"],
    }
    program = str(EXAMPLE / "tinytrain.py")
    for name, arguments in settings.items():
        done = subprocess.run([sys.executable, program, *arguments], capture_output=True, text=True, check=True)
        assert done.stdout == (EXAMPLE / "samples" / f"{name}.log").read_text(encoding="utf-8")
