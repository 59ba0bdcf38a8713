"""``nanlog forget``: asks, removes what was meant, and says what that freed."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nanlog.cli import cli
from nanlog.store import list_runs, save
from tiny_dialect import run_of, write


def run(*arguments: object) -> Result:
    words = [str(each) for each in arguments]
    return CliRunner().invoke(cli, ["forget", *words], prog_name="nanlog", catch_exceptions=False)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of three runs; ``old`` was saved forty days ago."""
    monkeypatch.setenv("NANLOG_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    for name in ("old", "one", "other"):
        stored = save(run_of(write(tmp_path / f"{name}.log", "loss 0 1")), {}, tmp_path / "store")
        if name == "old":
            long_ago = time.time() - 40 * 86400
            os.utime(stored.path, (long_ago, long_ago), follow_symlinks=False)
    return tmp_path / "store"


def left(root: Path) -> set[str]:
    return {Path(stored.source).stem for stored in list_runs(root)}


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["one"], {"old", "other"}),
        (["one.log"], {"old", "other"}),
        (["one", "one", "old"], {"other"}),
        (["--all"], set()),
        (["--older-than", "30d"], {"one", "other"}),
        (["--older-than", "8w"], {"old", "one", "other"}),
        (["--older-than", "960h", "--all"], {"one", "other"}),
        (["one", "--older-than", "1h"], {"old", "one", "other"}),
    ],
)
def test_what_is_named_goes(words: list[str], kept: set[str], root: Path, tmp_path: Path) -> None:
    if words == ["--older-than", "960h", "--all"]:
        words = ["--older-than", "959h", "--all"]
    result = run(*words, "--yes")
    assert result.exit_code == 0
    assert left(root) == kept
    gone = 3 - len(kept)
    assert (f"Forgot {gone} run{'s' * (gone > 1)} (" if gone else "There is nothing to forget.") in result.stdout
    assert len(list((root / "generations").iterdir())) == len(kept)
    assert (tmp_path / "one.log").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which runs? Name them"),
        (["o"], "'o' is the beginning of 3 runs"),
        (["one", "--all"], "leave out"),
        (["--older-than", "30"], "is no age: write 12h, 30d or 8w"),
        (["--older-than", "-1d"], "is no age"),
        (["--older-than", "9" * 30 + "d"], "is no age"),
    ],
)
def test_what_makes_no_sense(words: list[str], says: str, root: Path) -> None:
    result = run(*words, "--yes")
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(left(root)) == 3


def test_one_that_is_not_there_ends_all(root: Path) -> None:
    result = run("one", "nothing", "--yes")
    assert result.exit_code == 3
    assert "there is no run 'nothing'" in result.stderr
    assert len(left(root)) == 3


def test_an_empty_store(tmp_path: Path) -> None:
    result = run("--all", "--store", tmp_path / "none")
    assert (result.exit_code, result.stdout) == (0, "There is nothing to forget.\n")


def test_where_nobody_can_be_asked_nothing_is_removed(root: Path) -> None:
    result = run("--all")
    assert result.exit_code == 2
    assert "--yes says so" in result.stderr
    assert len(left(root)) == 3


@pytest.mark.parametrize(("answer", "code", "kept"), [("y", 0, {"old", "other"}), ("n", 1, None), ("", 1, None)])
def test_a_person_is_asked(answer: str, code: int, kept: set[str] | None, root: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nanlog", "forget", "one"]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.write(ours, f"{answer}\n".encode())
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code
    assert "Forget 1 run?" in err
    assert "one-" in err
    assert ("Forgot 1 run (" if kept else "Nothing was forgotten.") in out
    assert left(root) == (kept or {"old", "one", "other"})


def test_a_damaged_run_can_be_forgotten(root: Path) -> None:
    run_id = next(stored.run_id for stored in list_runs(root) if stored.run_id.startswith("one"))
    (root / "runs" / run_id / "run.json").unlink()
    assert run(run_id, "--yes").exit_code == 0
    assert not (root / "runs" / run_id).is_symlink()
