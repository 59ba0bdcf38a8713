"""``nanlog plot`` as a program: what it writes, where, and what it exits with."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nanlog.cli import cli


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_log: Callable[[str], Path]) -> Iterator[Path]:
    """A log in an empty working folder with a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NANLOG_STORE", str(tmp_path / "store"))
    yield Path(shutil.copy(sample_log("sqrt_of_zero_nested_gradients"), tmp_path / "metrics.jsonl"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["plot", *arguments], prog_name="nanlog", catch_exceptions=False)


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".png", ".svg", ".pdf"))


def test_a_log_gets_an_overview_named_after_its_run(log: Path) -> None:
    result = run("metrics.jsonl")
    assert result.exit_code == 0
    (name,) = pictures(log.parent)
    assert re.fullmatch(r"[a-z0-9-]*metrics-[a-z0-9]{8}-overview\.png", name)
    assert result.stdout == ""
    assert result.stderr == f"the picture is in {name}\n"
    assert (log.parent / name).read_bytes().startswith(b"\x89PNG")


def test_without_a_word_it_is_the_run_saved_last(log: Path) -> None:
    run("metrics.jsonl", "--out", "first.png")
    assert run("--loss").exit_code == 0
    assert any(name.endswith("-loss.png") for name in pictures(log.parent))


def test_without_any_run_it_says_how_to_get_one(log: Path) -> None:
    result = run()
    assert result.exit_code == 3
    assert "nanlog diagnose LOG puts one in" in result.stderr


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--loss", "--lr"], "loss-lr"),
        (["--lr", "--loss"], "loss-lr"),
        (["--grad-norms"], "grad-norms"),
        (["--series", "metric/*"], "series"),
        (["--loss", "--series", "metric/*"], "loss-series"),
        (["--all"], "all"),
    ],
)
def test_the_name_says_what_it_shows(log: Path, options: list[str], name: str) -> None:
    result = run("metrics.jsonl", "--no-store", *options)
    assert result.exit_code == 0, result.stderr
    (written,) = pictures(log.parent)
    assert re.fullmatch(rf"[a-z0-9-]*metrics-[a-z0-9]{{8}}-{name}\.png", written)


def test_nothing_is_overwritten_without_force(log: Path) -> None:
    (log.parent / "mine.png").write_text("a photograph")
    result = run("metrics.jsonl", "--out", "mine.png")
    assert result.exit_code == 2
    assert "mine.png is there already: --force replaces it" in result.stderr
    assert (log.parent / "mine.png").read_text() == "a photograph"
    assert run("metrics.jsonl", "--out", "mine.png", "--force").exit_code == 0
    assert (log.parent / "mine.png").read_bytes().startswith(b"\x89PNG")


def test_the_log_itself_is_not_overwritten_with_force_either(log: Path) -> None:
    shutil.copy(log, "metrics.png")
    before = Path("metrics.png").read_bytes()
    result = run("metrics.png", "--out", "metrics.png", "--force")
    assert result.exit_code == 2
    assert "would overwrite the log itself" in result.stderr
    assert Path("metrics.png").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--out", "a.gif"], 2, "a picture ends in .png, .svg or .pdf"),
        (["--out", "nowhere/a.png"], 2, "nowhere/a.png could not be written (No such file or directory)"),
        (["--steps", "10"], 2, "give the first and the last step, as in 900:1100"),
        (["--steps", "20:10"], 2, "the first step comes after the last; give 10:20"),
        (["--steps", "100000:"], 2, "nothing lies within the steps 100000::"),
        (["--steps", "1:2", "--around-onset", "3"], 2, "give one of them"),
        (["--out", "a.png", "--terminal"], 2, "give one of them"),
        (["--attempt", "4"], 2, "there is no training 4"),
        (["--params"], 3, "the log does not say the sizes of parameters: it has"),
        (["--series", "nothing*"], 3, "no series matches nothing*"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_sentence(log: Path, options: list[str], code: int, says: str) -> None:
    result = run("metrics.jsonl", *options)
    assert result.exit_code == code
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not pictures(log.parent)


def test_a_log_without_numbers_is_said_to_have_none(log: Path) -> None:
    Path("text.log").write_text("hello\nworld\n")
    result = run("text.log")
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1


def test_around_the_onset(log: Path) -> None:
    result = run("metrics.jsonl", "--loss", "--around-onset", "5", "--out", "near.svg")
    assert result.exit_code == 0
    text = Path("near.svg").read_text()
    assert ">onset 125<" in text
    assert ">50<" not in text


def test_a_healthy_run_has_no_onset_to_look_at(log: Path, sample_log: Callable[[str], Path]) -> None:
    result = run(str(sample_log("healthy_plateau")), "--around-onset", "5")
    assert result.exit_code == 2
    assert "there is no onset" in result.stderr


def test_in_the_terminal(log: Path) -> None:
    result = run("metrics.jsonl", "--terminal")
    assert result.exit_code == 0
    assert "| onset 125" in result.stdout
    assert "x NaN   ^ +Inf   v -Inf" in result.stdout
    assert "\x1b" not in result.stdout
    assert "xxxxx" in result.stdout
    assert not pictures(log.parent)


def test_a_window_needs_a_screen(log: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "MPLBACKEND": "agg", "NANLOG_STORE": str(log.parent / "store")}
    code = "from nanlog.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "plot", "metrics.jsonl", "--show"],
        capture_output=True, text=True, check=False, cwd=log.parent, env=environment,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no window can be opened" in done.stderr
    assert "--terminal" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_names_every_picture() -> None:
    text = run("--help").stdout
    for option in ("--loss", "--lr", "--grad-norms", "--params", "--activations", "--ratio", "--all", "--series"):
        assert option in text
