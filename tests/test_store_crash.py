"""Whatever happens to a writer, the store shows whole runs only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from nanlog.store import list_runs, load, load_replay, load_report, save, save_replay
from nanlog.store.folders import GRACE
from tiny_dialect import run_of, write

#: A writer saves runs of one log; version n of it has n points, and its report says n.
PREFACE = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from dataclasses import replace
from tiny_dialect import run_of
from nanlog.store import save
root, log = Path(sys.argv[1]), Path(sys.argv[2])
whole = run_of(log)
def version(n):
    return replace(whole, table={{"loss": whole.table["loss"].where(slice(0, n))}})
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "train.log", *(f"loss {step} 0.5" for step in range(500)))


@contextmanager
def writer(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PREFACE + script, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout.readline, "")


def versions(root: Path) -> list[int]:
    """Load everything that the store shows."""
    found = []
    for stored in list_runs(root):
        loss = load(root, stored.run_id).table["loss"]
        assert loss.step.tolist() == list(range(len(loss)))
        report = load_report(root, stored.run_id)
        assert report is not None
        assert set(report) == {"n"}
        found.append(len(loss))
    return found


def assert_swept(root: Path) -> None:
    """Age what was left behind, save once more, and look that it is gone."""
    long_ago = time.time() - 2 * GRACE
    for path in [*root.glob(".tmp-*"), *(root / "generations").iterdir()]:
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    save(run_of(write(root.parent / "other.log", "loss 0 1")), {"n": 1}, root)
    assert list(root.glob(".tmp-*")) == []
    shown = {path.resolve() for path in (root / "runs").iterdir()}
    assert set((root / "generations").iterdir()) == shown


@pytest.mark.parametrize("replacing", [False, True])
def test_a_writer_can_die_before_any_step(tmp_path: Path, log: Path, replacing: bool) -> None:
    """Kill it before it changes the file system for the first time, then for the second time, and so on."""
    script = """
import pyarrow.parquet  # once, before the forks
changing = {"os.mkdir", "os.rename", "os.symlink", "os.remove", "os.rmdir"}
for step in range(1, 1000):
    child = os.fork()
    if child == 0:
        left = step
        def die(event, arguments):
            global left
            if event in changing or (event == "open" and arguments[1] == "w"):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(die)
        save(version(step), {"n": step}, root)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.stdin.readline()
"""
    root = tmp_path / "store"
    shown: list[int] = []
    if replacing:
        with writer('save(version(500), {"n": 500}, root)', root, log) as process:
            process.wait()
        shown = [500]
    with writer(script, root, log) as process:
        assert process.stdin is not None
        for step, status in enumerate(lines_of(process), 1):
            assert versions(root) in (shown, [step])
            shown = versions(root)
            if int(status) == 0:
                assert shown == [step]
                break
            assert int(status) == -signal.SIGKILL
            process.stdin.write("\n")
            process.stdin.flush()
    assert step > 15
    assert_swept(root)


def test_a_replay_outlives_a_writer_that_dies_before_any_step(tmp_path: Path, log: Path) -> None:
    script = """
changing = {"os.rename", "os.symlink", "os.remove", "os.rmdir"}
for step in range(1, 1000):
    child = os.fork()
    if child == 0:
        left = step
        def die(event, arguments):
            global left
            if event in changing:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(die)
        save(version(500), {"n": 1}, root)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.stdin.readline()
"""
    root = tmp_path / "store"
    with writer('save(version(500), {"n": 1}, root)', root, log) as process:
        process.wait()
    run_id = list_runs(root)[0].run_id
    save_replay(root, run_id, {"reproduced": True})
    with writer(script, root, log) as process:
        assert process.stdin is not None
        for status in lines_of(process):
            assert load_replay(root, run_id) == {"reproduced": True}
            if int(status) == 0:
                break
            process.stdin.write("\n")
            process.stdin.flush()
    assert_swept(root)


def test_a_writer_can_be_killed_at_any_moment(tmp_path: Path, log: Path) -> None:
    script = """
for n in range(1, 500):
    save(version(n), {"n": n}, root)
    print(n, flush=True)
"""
    root = tmp_path / "store"
    for delay in (0, 0.013, 0.041, 0.077):
        with writer(script, root, log) as process:
            saved = int(next(lines_of(process)))
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            saved = max([saved, *map(int, lines_of(process))])
        # one more may have been shown without being told
        assert versions(root) in ([saved], [saved + 1])
    assert_swept(root)


def test_many_can_write_and_read_at_once(tmp_path: Path, log: Path) -> None:
    script = """
for n in range(1, 13):
    save(version(n), {"n": n}, root)
"""
    root = tmp_path / "store"
    others = [write(tmp_path / f"{k}.log", *(f"loss {step} 0.5" for step in range(500))) for k in range(2)]
    with ExitStack() as stack:
        writers = [stack.enter_context(writer(script, root, path)) for path in (log, log, *others)]
        while any(process.poll() is None for process in writers):
            assert all(1 <= n < 13 for n in versions(root))
        assert [process.returncode for process in writers] == [0, 0, 0, 0]
    assert versions(root) == [12, 12, 12]
    assert_swept(root)


def test_what_the_living_are_writing_is_not_swept(tmp_path: Path, log: Path) -> None:
    own = tmp_path / "store" / f".tmp-{os.getpid()}-0123abcd"
    young = tmp_path / "store" / ".tmp-999999999-0123abcd"
    for folder in (own, young):
        folder.mkdir(parents=True)
    long_ago = time.time() - 2 * GRACE
    os.utime(own, (long_ago, long_ago))
    save(run_of(log), None, tmp_path / "store")
    assert own.exists()
    assert young.exists()
    os.utime(young, (long_ago, long_ago))
    save(run_of(log), None, tmp_path / "store")
    assert own.exists()
    assert not young.exists()
