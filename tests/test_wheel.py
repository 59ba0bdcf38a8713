"""The built wheel, installed without anything a developer has besides, does its work."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from labelled_logs import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (built,) = out.glob("nanlog-*.whl")
    return built


def test_it_holds_the_program_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"nanlog", "nanlog_parsers"}
    assert {"nanlog/py.typed", "nanlog_parsers/py.typed"} <= set(names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_it_holds_the_published_schema(wheel: Path) -> None:
    published = (ROOT / "docs" / "report.schema.json").read_bytes()
    assert zipfile.ZipFile(wheel).read("nanlog/report/report.schema.json") == published


def test_installed_alone_it_diagnoses(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    scripts = tmp_path / "venv" / "bin"
    pip = [str(scripts / "python"), "-m", "pip", "install", "-q", "--no-compile"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), str(wheel)], check=True, capture_output=True, text=True)
    log = ROOT / "sample_logs" / "caffe" / "sqrt_of_zero_debug" / "train.log"
    command = [str(scripts / "nanlog"), "diagnose", str(log)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "undefined_gradient" in done.stdout
    assert "root" in done.stdout
