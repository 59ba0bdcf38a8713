"""The command line as a program: what it prints, where, and what it exits with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import nanlog
from nanlog import __version__
from nanlog.cli import cli
from nanlog.engine import rules
from nanlog.model import Verdict

HEAVY = ("matplotlib", "numpy", "pandas", "pyarrow", "rich", "nanlog.model", "nanlog.engine")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="nanlog", catch_exceptions=False)


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_help_names_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in ("completion", "diagnose", "explain", "formats", "rules"))


def test_every_command_explains_itself_with_an_example() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        result = run(name, "--help")
        assert result.exit_code == 0
        assert f"nanlog {name}" in result.stdout.partition("Usage:")[2].partition("\n")[2]


def test_version() -> None:
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"nanlog {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["diagnose", "--help"],
        ["explain", "--help"],
        ["formats", "--help"],
        ["rules", "--help"],
        ["--version"],
    ],
)
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    code = f"""
import sys
from collections.abc import Callable
from nanlog.cli import cli
cli({arguments}, standalone_mode=False)
print("loaded:", [name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
    assert python(code).stderr == "loaded: []\n"


def test_python_m_nanlog() -> None:
    done = subprocess.run([sys.executable, "-m", "nanlog", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"nanlog {__version__}\n"


def test_an_unknown_command_is_wrong_usage_and_gets_a_hint() -> None:
    result = run("diagnos")
    assert result.exit_code == 2
    assert "Did you mean: nanlog diagnose" in result.stderr


def test_a_path_instead_of_a_command_gets_a_hint(tmp_path: Path) -> None:
    result = run(str(tmp_path))
    assert result.exit_code == 2
    assert f"nanlog diagnose {tmp_path}" in result.stderr


@pytest.mark.parametrize(
    "arguments", [[""], ["--nonsense"], ["x\x1b[2J"], ["diagnose"], ["diagnose", "--format", "x", "y"]]
)
def test_wrong_usage(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "\x1b" not in result.stderr


def test_explain_lists_every_rule() -> None:
    result = run("explain")
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.splitlines() if line[:1] != " "]
    assert listed == [rule.name for rule in rules()]


@pytest.mark.parametrize("rule", [rule.name for rule in rules()])
def test_explain_a_rule(rule: str) -> None:
    result = run("explain", rule)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == rule
    assert {"What it sees", "What to do", "May be wrong when"} <= set(lines)
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in result.stdout


def test_explain_suggests_the_rule_that_was_meant() -> None:
    result = run("explain", "LR-to-high")
    assert result.exit_code == 2
    assert "did you mean: nanlog explain lr_too_high" in result.stderr


def test_explain_of_something_else_says_how_to_list_them() -> None:
    result = run("explain", "\x1b[2J")
    assert result.exit_code == 2
    assert "nanlog rules lists all of them" in result.stderr
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_NANLOG_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [("nanlog expl", "explain"), ("nanlog explain lr_", "lr_too_high"), ("nanlog diagnose --format j", "json"),
     ("nanlog diagnose --format-in ca", "caffe"), ("nanlog diagnose --only lr_", "lr_too_high"),
     ("nanlog diagnose --only lr_too_high --skip soft", "software_bug"), ("nanlog diagnose --fail-on n", "never")],
)  # fmt: skip
def test_completion_offers_commands_rules_and_formats(words: str, offered: str) -> None:
    environment = {
        "_NANLOG_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    result = CliRunner().invoke(cli, [], prog_name="nanlog", env=environment)
    assert offered in [line.partition(",")[2] for line in result.stdout.splitlines()]


BUG = "import click, sys; from nanlog.cli import main; main(click.Command('nanlog', callback=lambda: 1 / 0))"


def test_a_bug_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NANLOG_DEBUG", raising=False)
    done = python(BUG)
    assert done.returncode == 3
    assert done.stderr.startswith("nanlog: this is a bug in nanlog, not in your log (ZeroDivisionError)")
    assert "nanlog --debug" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_traceback_of_a_bug_is_shown_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANLOG_DEBUG", "1")
    done = python(BUG)
    assert done.returncode == 3
    assert "Traceback" in done.stderr


def test_debug_shows_the_traceback_of_an_error() -> None:
    assert "Traceback" in run("--debug", "explain", "nothing").stderr
    assert "Traceback" not in run("explain", "nothing").stderr


def test_the_same_from_python(sample_log: Callable[[str], Path]) -> None:
    assert nanlog.diagnose(str(sample_log("sqrt_of_zero_debug"))).verdict is Verdict.UNHEALTHY
    with pytest.raises(AttributeError, match="nothing"):
        _ = nanlog.nothing  # type: ignore[attr-defined,unused-ignore]
