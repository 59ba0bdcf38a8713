"""Options from ``nanlog.toml`` and ``pyproject.toml``: which file counts, what may stand there, what outranks it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labelled_logs import ROOT
from nanlog.cli import cli
from nanlog.cli._config import settings as settings_of
from nanlog.cli.diagnose import diagnose

FAILED = "sqrt_of_zero_debug"
CAUSE = "undefined_gradient"
PAGE = ROOT / "docs" / "configuration.md"


def run(*arguments: str | Path, **environment: str) -> Result:
    words = ["diagnose", *map(str, arguments)]
    return CliRunner(env=environment).invoke(cli, words, prog_name="nanlog", catch_exceptions=False)


def rules_in(result: Result) -> set[str]:
    (report,) = json.loads(result.stdout)["reports"]
    return {item["rule"] for item in (*report["findings"], *report["cannot_tell"])}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_log: Callable[[str], Path]) -> Path:
    """A folder with ``runs/train.log``; the working folder is ``runs``."""
    (tmp_path / "runs").mkdir()
    shutil.copy(sample_log(FAILED), tmp_path / "runs" / "train.log")
    monkeypatch.chdir(tmp_path / "runs")
    return tmp_path


def test_options_come_from_the_nearest_file_above(project: Path) -> None:
    (project / "nanlog.toml").write_text('format = "json"\nfail-on = "never"\n')
    result = run("train.log")
    assert (result.exit_code, result.stdout[:1]) == (0, "{")
    (project / "runs" / "nanlog.toml").write_text("verbose = true\n")
    result = run("train.log")
    assert (result.exit_code, result.stdout[:1]) == (1, "─")


def test_options_come_from_a_section_of_pyproject(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.nanlog]\nformat = "json"\n')
    assert run("train.log").stdout[:1] == "{"
    (project / "nanlog.toml").write_text("")  # in one folder the file of nanlog's own counts
    assert run("train.log").stdout[:1] == "─"


@pytest.mark.parametrize(
    "text", ["", "[tool.ruff]\n", 'dependencies = ["nanlog"]\n', "tool = 'nanlog'\n", "no TOML [[[\n", "\ufeff"]
)
def test_a_pyproject_that_says_nothing_about_nanlog_is_passed_by(project: Path, text: str) -> None:
    (project / "nanlog.toml").write_text('format = "json"\n')
    (project / "runs" / "pyproject.toml").write_text(text, encoding="utf-8")
    assert run("train.log").stdout[:1] == "{"


def test_a_file_can_be_named_or_none_be_wanted(project: Path) -> None:
    (project / "nanlog.toml").write_text('format = "json"\n')
    (project / "ci.toml").write_text('fail-on = "never"\n')
    assert run("--no-config", "train.log").stdout[:1] == "─"
    for words in (["--config", "../ci.toml"], ["--no-config", "--config", "../ci.toml"]):
        result = run(*words, "train.log")
        assert (result.exit_code, result.stdout[:1]) == (0, "─")


def test_a_named_pyproject_has_the_section(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.ruff]\n")
    result = run("--config", "../pyproject.toml", "train.log")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "nanlog: ../pyproject.toml has no section [tool.nanlog]: name another file, or write one\n"


def test_the_command_line_wins(project: Path) -> None:
    (project / "nanlog.toml").write_text(
        f'format = "json"\nfail-on = "never"\nverbose = true\nonly = ["{CAUSE}"]\ncolour = "always"\n'
    )
    assert run("train.log").exit_code == 0
    assert run("--fail-on", "unhealthy", "train.log").exit_code == 1
    coloured = run("--format", "text", "train.log").stdout
    assert "\x1b[" in coloured
    assert "\x1b[" not in run("--format", "text", "--color", "never", "train.log").stdout
    assert rules_in(run("train.log")) == {CAUSE}
    assert CAUSE not in rules_in(run("--only", "lr_too_high", "train.log"))


def test_verbose_can_be_taken_back(project: Path) -> None:
    plain, verbose = (run(*words, "train.log").stdout for words in ([], ["-v"]))
    assert plain != verbose
    (project / "nanlog.toml").write_text("verbose = true\n")
    assert run("train.log").stdout == verbose
    assert run("--no-verbose", "train.log").stdout == plain


def test_a_rule_that_is_asked_for_is_not_skipped_by_a_file(project: Path) -> None:
    (project / "nanlog.toml").write_text(f'format = "json"\nskip = ["{CAUSE}"]\n')
    assert CAUSE not in rules_in(run("train.log"))
    assert rules_in(run("--only", CAUSE, "train.log")) == {CAUSE}


def test_the_store_is_beside_the_file_that_names_it(project: Path) -> None:
    (project / "nanlog.toml").write_text('store = "kept"\n')
    run("train.log", NANLOG_STORE="")
    assert list((project / "kept").rglob("*.parquet"))
    assert not (project / "runs" / "kept").exists()


def test_the_environment_outranks_a_file_and_the_command_line_both(project: Path) -> None:
    (project / "nanlog.toml").write_text('store = "first"\n')
    run("train.log", NANLOG_STORE=str(project / "second"))
    run("--store", project / "third", "train.log", NANLOG_STORE=str(project / "fourth"))
    assert sorted(path.name for path in project.iterdir() if path.is_dir()) == ["runs", "second", "third"]


def test_a_store_on_the_command_line_is_written_whatever_a_file_says(project: Path) -> None:
    (project / "nanlog.toml").write_text("no-store = true\n")
    run("train.log", NANLOG_STORE=str(project / "unwanted"))
    assert not (project / "unwanted").exists()
    run("--store", project / "wanted", "train.log")
    assert (project / "wanted").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fomat = 'json'", "there is no setting 'fomat'; did you mean: format"),
        ("fail_on = 'never'", "there is no setting 'fail_on'; did you mean: fail-on"),
        ("output = 'x'", "there is no setting 'output'; there are format, verbose, "),
        ("tool.nanlog.format = 'json'", "there is no setting 'tool'; "),
        ("format = 3", "format must be some text in quotes, not 3"),
        ("format = 'jsn'", "format: 'jsn' is not one of 'text', 'json'"),
        ("format-in = 'kafe'", "format-in: there is no dialect 'kafe'; did you mean: caffe"),
        ("verbose = 1", "verbose must be true or false, not 1"),
        ("verbose = 'yes'", "verbose must be true or false, not 'yes'"),
        ("only = 'lr_too_high'", "only must be a list of names in quotes, not 'lr_too_high'"),
        ("skip = [1]", "skip must be a list of names in quotes, not [1]"),
        ("only = ['lr_to_high']", "only: there is no rule 'lr_to_high'; did you mean: lr_too_high"),
        ("store = ''", "store must be some text in quotes, not ''"),
        ('store = "a\\u0000b"', "store must be some text in quotes, not 'a\\x00b'"),
        ("store = 'nanlog.toml'", "store: "),
        ("format = 1979-05-27", "format must be some text in quotes, not datetime.date(1979, 5, 27)"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_key(project: Path, text: str, said: str) -> None:
    file = project / "nanlog.toml"
    file.write_text(text)
    result = run("train.log")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"nanlog: {file}: {said}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a = [[", "is no TOML (Invalid value"),
        (b"format = 'json'\nformat = 'text'", "is no TOML (Cannot overwrite a value (at "),
        (b"\xff\xfe", "is no TOML (its text is not UTF-8)"),
        (b"x = " + b"[" * 20_000, "is no TOML ("),
        (b"#" * (1 << 20), "is too long to be a configuration (64 KiB)"),
    ],
)
def test_a_file_that_is_no_toml(project: Path, content: bytes, said: str) -> None:
    file = project / "nanlog.toml"
    file.write_bytes(content)
    result = run("train.log")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"nanlog: {file} {said}")
    assert result.stderr.endswith("; nanlog diagnose --no-config does without it\n")
    assert run("--no-config", "train.log").exit_code == 1


def test_a_section_that_is_no_section(project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_text("tool.nanlog = 3\n")
    assert run("train.log").stderr == f"nanlog: {file}: tool.nanlog must be a section [tool.nanlog], not 3\n"


def test_a_named_file_that_is_missing(project: Path) -> None:
    result = run("--config", "nothing.toml", "train.log")
    assert result.exit_code == 2
    assert result.stderr.startswith("nanlog: cannot read nothing.toml (No such file or directory)")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_content_is_a_bug(project: Path, content: bytes) -> None:
    (project / "nanlog.toml").write_bytes(content)
    result = run("no such log")
    assert result.exit_code in {2, 3}
    assert result.stderr.startswith("nanlog: ")


def test_a_working_folder_that_is_gone_has_no_configuration(project: Path) -> None:
    log, gone = project / "runs" / "train.log", project / "gone"
    gone.mkdir()
    code = f"import os; os.rmdir({str(gone)!r}); from nanlog.cli import main; main()"
    command = [sys.executable, "-c", code, "diagnose", "--no-store", str(log)]
    done = subprocess.run(command, cwd=gone, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_file_that_is_closed_to_us(project: Path) -> None:
    (project / "nanlog.toml").write_text("")
    (project / "nanlog.toml").chmod(0)
    assert "Permission denied" in run("train.log").stderr


def test_other_commands_read_no_configuration(project: Path) -> None:
    (project / "nanlog.toml").write_text("broken [")
    for words in (["formats"], ["rules"], ["explain"], ["diagnose", "--help"]):
        assert CliRunner().invoke(cli, words).exit_code == 0


def test_every_setting_is_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [key for key in settings_of(diagnose) if f"`{key}`" not in page] == []


def test_the_examples_of_the_page_are_taken(project: Path) -> None:
    own, shared = PAGE.read_text(encoding="utf-8").split("```toml\n")[1:]
    (project / "nanlog.toml").write_text(own.partition("```")[0])
    assert run("train.log").exit_code == 1
    (project / "nanlog.toml").unlink()
    (project / "pyproject.toml").write_text(shared.partition("```")[0])
    result = run("train.log")
    assert (result.exit_code, result.stdout[:1]) == (1, "{")
