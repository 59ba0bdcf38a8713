"""``nanlog diagnose`` on real logs: exit codes, what is printed where, and that nothing in a log steers a terminal."""

from __future__ import annotations

import json
import os
import pty
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nanlog.cli import cli

Log = Callable[[str], Path]

HEALTHY = "healthy_negative_loss"
FAILED = "sqrt_of_zero_debug"
NANLOG = [sys.executable, "-m", "nanlog"]


def run(*arguments: str | Path, text: bytes | None = None, **environment: str) -> Result:
    words = ["diagnose", *map(str, arguments)]
    return CliRunner(env=environment).invoke(cli, words, prog_name="nanlog", input=text, catch_exceptions=False)


def document(result: Result) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = json.loads(result.stdout, parse_constant=pytest.fail)["reports"]
    return reports


@pytest.fixture
def logs(tmp_path: Path, sample_log: Log) -> Path:
    """A folder with ``failed.log``, ``healthy.log`` and ``other.log``, which is no log of a training."""
    shutil.copy(sample_log(FAILED), tmp_path / "failed.log")
    shutil.copy(sample_log(HEALTHY), tmp_path / "healthy.log")
    (tmp_path / "other.log").write_text("hello\nworld\n")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["healthy.log"], 0),
        (["failed.log"], 1),
        (["other.log"], 3),
        (["missing.log"], 3),
        (["healthy.log", "healthy.log"], 0),
        (["missing.log", "healthy.log"], 3),
        (["missing.log", "failed.log", "healthy.log"], 1),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_exit_code(logs: Path, names: list[str], code: int, form: str) -> None:
    result = run("--format", form, *(logs / name for name in names))
    assert result.exit_code == code
    assert ("Traceback" in result.output) is False


def test_a_path_that_cannot_be_read_does_not_spoil_the_others(logs: Path) -> None:
    paths = [str(logs / name) for name in ("missing.log", "failed.log", "other.log")]
    result = run("--format", "json", *paths)
    reports = document(result)
    assert [report["source"] for report in reports] == paths
    assert [report["verdict"] for report in reports] == ["cannot_judge", "unhealthy", "cannot_judge"]
    assert [report["parser"] for report in reports] == [None, "caffe", None]
    assert "missing.log" in reports[0]["error"]
    assert len(result.stderr.splitlines()) == 2


def test_the_text_of_several_runs_ends_in_a_table(logs: Path) -> None:
    result = run(logs / "failed.log", logs / "missing.log", logs / "healthy.log")
    table = result.stdout.rpartition("3 runs")[2]
    assert "1 unhealthy, 1 healthy, 1 not read" in table
    assert len([line for line in table.splitlines() if line.endswith(".log")]) == 3
    assert "cannot read" in result.stderr


def test_a_single_path_that_cannot_be_read_gives_one_sentence(tmp_path: Path) -> None:
    result = run(tmp_path / "missing.log")
    assert result.stdout == ""
    assert result.stderr.startswith("nanlog: cannot read ")
    assert result.stderr.count("\n") == 1


def test_standard_input(sample_log: Log) -> None:
    result = run("--format", "json", "-", text=sample_log(FAILED).read_bytes())
    assert result.exit_code == 1
    assert document(result)[0]["source"] == "-"


def test_standard_input_is_read_once() -> None:
    result = run("-", "-", text=b"")
    assert result.exit_code == 2


def test_a_quoted_pattern_stands_for_what_it_matches(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs)
    assert [report["source"] for report in document(run("--format", "json", "[fh]*.log"))] == [
        "failed.log",
        "healthy.log",
    ]
    (logs / "below" / "deep").mkdir(parents=True)
    (logs / "failed.log").rename(logs / "below" / "deep" / "run.1.log")
    assert [report["source"] for report in document(run("--format", "json", "./**/run*.log"))] == [
        "./below/deep/run.1.log"
    ]


def test_a_file_named_like_a_pattern_is_itself(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs)
    (logs / "failed.log").rename(logs / "run[1].log")
    (report,) = document(run("--format", "json", "run[1].log"))
    assert (report["source"], report["verdict"]) == ("run[1].log", "unhealthy")


def test_a_pattern_without_a_match_is_a_missing_file(tmp_path: Path) -> None:
    result = run(f"{tmp_path}/*.log")
    assert result.exit_code == 3
    assert "*.log" in result.stderr


def test_a_folder_is_one_run(logs: Path) -> None:
    (logs / "healthy.log").unlink()
    (logs / "other.log").unlink()
    (report,) = document(run("--format", "json", logs))
    assert (report["source"], report["verdict"]) == (str(logs), "unhealthy")


def test_the_source_is_the_path_as_it_was_given(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(logs)
    result = run("--format", "json", "./failed.log", f"../{logs.name}/healthy.log")
    assert [report["source"] for report in document(result)] == ["./failed.log", f"../{logs.name}/healthy.log"]
    assert str(logs.parent) not in result.stdout


def test_the_same_bytes_twice(sample_log: Log) -> None:
    texts = {form: {run("--format", form, sample_log(FAILED)).stdout for _ in range(2)} for form in ("json", "text")}
    assert all(len(same) == 1 for same in texts.values())


def test_an_unknown_dialect_is_wrong_usage(logs: Path) -> None:
    result = run("--format-in", "cafe", logs / "failed.log")
    assert result.exit_code == 2
    assert "caffe" in result.stderr


def test_a_dialect_can_be_named(logs: Path) -> None:
    assert run("--format-in", "caffe", logs / "failed.log").exit_code == 1
    assert run("--format-in", "caffe", logs / "other.log").exit_code == 3


def test_output_goes_to_a_file(logs: Path) -> None:
    result = run("--output", logs / "report.txt", logs / "failed.log")
    assert (result.exit_code, result.stdout) == (1, "")
    assert (logs / "report.txt").read_text(encoding="utf-8") == run(logs / "failed.log").stdout


def test_output_never_overwrites_the_log(logs: Path) -> None:
    before = (logs / "failed.log").read_bytes()
    result = run("--output", logs / ".." / logs.name / "failed.log", logs / "failed.log")
    assert result.exit_code == 2
    assert "overwrite" in result.stderr
    assert (logs / "failed.log").read_bytes() == before


def test_output_that_cannot_be_written_is_wrong_usage(logs: Path) -> None:
    result = run("--output", logs / "no" / "such" / "folder.txt", logs / "failed.log")
    assert result.exit_code == 2
    assert "folder.txt" in result.stderr


def test_runs_are_kept_unless_unwanted(logs: Path) -> None:
    run("--store", logs / "none", "--no-store", logs / "failed.log")
    assert not (logs / "none").exists()
    run("--store", logs / "kept", logs / "failed.log")
    assert list((logs / "kept").rglob("*.parquet"))


def test_a_store_that_cannot_be_written_is_a_warning(logs: Path) -> None:
    result = run("--store", logs / "other.log" / "below", logs / "failed.log")
    assert result.exit_code == 1
    assert "UNHEALTHY" in result.stdout
    assert result.stderr.startswith("nanlog: warning: ")


def test_piped_text_is_plain_and_the_same_in_every_locale(logs: Path) -> None:
    texts = set()
    for locale in ({}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1", "COLUMNS": "40"}):
        environment = {**os.environ, "TERM": "xterm-256color", **locale}
        done = subprocess.run(
            [*NANLOG, "diagnose", str(logs / "failed.log")], capture_output=True, check=False, env=environment
        )
        texts.add(done.stdout)
    (text,) = texts
    assert b"\x1b" not in text
    assert "──".encode() in text


def test_colour_can_be_forced_and_forbidden(logs: Path) -> None:
    assert "\x1b[" in run("--color", "always", logs / "failed.log").stdout
    assert "\x1b" not in run("--color", "never", logs / "failed.log").stdout


def in_a_terminal(command: list[str], **environment: str) -> bytes:
    """What ``command`` prints to a terminal of 80 columns, by its own ideas about colour."""
    master, slave = pty.openpty()
    inherited = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    with subprocess.Popen(
        command,
        stdout=slave,
        stderr=slave,
        stdin=slave,
        env={**inherited, "TERM": "xterm", "COLUMNS": "80", **environment},
    ) as child:
        os.close(slave)
        printed = b""
        while chunk := _read(master):
            printed += chunk
    os.close(master)
    assert child.returncode in {0, 1}
    return printed


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side was closed
        return b""


def test_colour_on_a_terminal(logs: Path) -> None:
    command = [*NANLOG, "diagnose", "--no-store", str(logs / "failed.log")]
    assert b"\x1b[1;31mUNHEALTHY" in in_a_terminal(command)
    plain = in_a_terminal(command, NO_COLOR="1")
    assert b"\x1b" not in plain
    assert max(map(len, plain.decode().splitlines())) <= 80


def test_a_bar_shows_that_a_long_log_is_read(tmp_path: Path) -> None:
    code = f"""
import time
from nanlog.cli._progress import LONG, ReadingBar
with ReadingBar({str(tmp_path / "{train}.log")!r}) as bar:
    for _ in range(3):
        bar(LONG)
        time.sleep(0.15)
"""
    assert b"{train}.log" in in_a_terminal([sys.executable, "-c", code])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_names_that_are_no_text_or_steer_a_terminal(tmp_path: Path, sample_log: Log) -> None:
    evil = os.fsencode(tmp_path) + b"/bad\xff\x1b[2J\n.log"
    Path(os.fsdecode(evil)).write_bytes(sample_log(FAILED).read_bytes().replace(b"sqrt", b"sq\x1b[31mrt\xe2\x80\xae"))
    for form in ("text", "json"):
        done = subprocess.run([*NANLOG, "diagnose", "--format", form, evil], capture_output=True, check=False)
        assert done.returncode == 1
        assert all(line.isprintable() for line in done.stdout.decode().split("\n"))
        assert done.stderr == b""


def test_a_reader_that_leaves_early_is_no_error(logs: Path) -> None:
    command = f"{sys.executable} -m nanlog diagnose -v {logs}/failed.log {logs}/failed.log | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["diagnose healthy.log", "show", "compare healthy.log healthy.log", "runs"])
def test_without_a_reader_the_exit_code_is_no_verdict(logs: Path, command: str) -> None:
    """As a shell reports a program that SIGPIPE ended: 1 would say that the training is unhealthy."""
    subprocess.run([*NANLOG, "diagnose", "healthy.log"], cwd=logs, capture_output=True, check=True)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*NANLOG, *command.split()], cwd=logs, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_interrupted(logs: Path) -> None:
    with subprocess.Popen([*NANLOG, "diagnose", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stderr is not None
        child.stdin.write((logs / "failed.log").read_bytes())
        child.stdin.flush()
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=20) == 130
        assert b"Traceback" not in child.stderr.read()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_to_be_full(logs: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*NANLOG, "diagnose", str(logs / "failed.log")], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 3
    assert done.stderr.startswith("nanlog: the report could not be written: No space left")
    assert done.stderr.count("\n") == 1


def test_a_closed_standard_output_is_wrong_usage(logs: Path) -> None:
    command = f"{sys.executable} -m nanlog diagnose {logs}/failed.log >&-"
    done = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "nanlog: standard output is closed: name a file with --output\n")


def test_folders_of_separate_runs_are_offered_one_by_one(
    logs: Path, sample_log: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(logs)
    for name, sample in (("a", HEALTHY), ("b", FAILED)):
        (logs / "runs here" / name).mkdir(parents=True)
        shutil.copy(sample_log(sample), logs / "runs here" / name / "train.log")
    text = run("runs here").stdout
    (command,) = [line.removeprefix("  one by one").strip() for line in text.splitlines() if "one by one" in line]
    assert shlex.split(command)[:2] == ["nanlog", "diagnose"]
    each = run(*shlex.split(command)[2:]).stdout
    assert "2 runs" in each
    assert "1 unhealthy, 1 healthy" in each
    assert "one by one" not in run(logs / "failed.log").stdout
