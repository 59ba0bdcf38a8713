"""Runs are forgotten whole, whoever reads and writes meanwhile, and whatever happens to who forgets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from nanlog.errors import StoreError
from nanlog.store import contents, forget, list_runs, load, load_report, save
from nanlog.store.folders import GRACE
from test_store_crash import assert_swept, lines_of, writer
from tiny_dialect import run_of, write


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write(tmp_path / "train.log", *(f"loss {step} 0.5" for step in range(500)))


def test_what_is_forgotten_is_gone_and_its_space_free(tmp_path: Path, log: Path) -> None:
    root = tmp_path / "store"
    kept = save(run_of(write(tmp_path / "other.log", "loss 0 1")), {"n": 1}, root)
    stored = save(run_of(log), {"n": 1}, root)
    size = sum(file.stat().st_size for file in stored.path.rglob("*") if file.is_file())
    assert forget(root, stored.run_id) == size > 1000
    assert forget(root, stored.run_id) is None
    assert list_runs(root) == (kept,)
    assert len(list((root / "generations").iterdir())) == 1
    assert list(root.glob(".tmp-*")) == []
    with pytest.raises(StoreError, match="there is no run"):
        load(root, stored.run_id)
    assert log.exists()
    assert save(run_of(log), None, root).run_id == stored.run_id


@pytest.mark.parametrize("word", ["", "..", "../store", "/", "a/b"])
def test_nothing_else_is_removed(tmp_path: Path, log: Path, word: str) -> None:
    stored = save(run_of(log), {"n": 1}, tmp_path / "store")
    assert forget(tmp_path / "store", word) is None
    assert list_runs(tmp_path / "store") == (stored,)


def test_damaged_entries_can_be_forgotten(tmp_path: Path, log: Path) -> None:
    root = tmp_path / "store"
    for damage in ("dangling", "folder", "empty"):
        stored = save(run_of(log), {"n": 1}, root)
        if damage == "dangling":
            stored.path.resolve().rename(tmp_path / "gone")
        elif damage == "empty":
            (stored.path / "run.json").unlink()
        else:  # as a copy has it that follows links
            target = stored.path.resolve()
            stored.path.unlink()
            target.rename(stored.path)
            (stored.path / "run.json").unlink()
        assert forget(root, stored.run_id) is not None
        assert contents(root) == ((), ())
        assert list((root / "runs").iterdir()) == []


def test_who_forgets_can_die_before_any_step(tmp_path: Path, log: Path) -> None:
    """The run is there whole or not at all, and the next writer frees what is left."""
    script = """
from nanlog.store import forget
changing = {"os.mkdir", "os.rename", "os.symlink", "os.remove", "os.rmdir"}
for step in range(1, 1000):
    run_id = save(version(step), {"n": step}, root).run_id
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
        forget(root, run_id)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    sys.stdin.readline()
"""
    root = tmp_path / "store"
    seen = set()
    with writer(script, root, log) as process:
        assert process.stdin is not None
        for step, status in enumerate(lines_of(process), 1):
            runs, damaged = contents(root)
            assert damaged == ()
            assert [len(load(root, run.run_id).table["loss"]) for run in runs] in ([], [step])
            seen.add(len(runs))
            if int(status) == 0:
                assert runs == ()
                break
            process.stdin.write("\n")
            process.stdin.flush()
    assert step > 5
    assert seen == {0, 1}
    assert_swept(root)


def test_forgetting_reading_and_writing_at_once(tmp_path: Path, log: Path) -> None:
    saving = 'for n in range(1, 16): save(version(n), {"n": n}, root)'
    forgetting = """
from nanlog.store import forget, list_runs
for _ in range(60):
    for run in list_runs(root): forget(root, run.run_id)
"""
    root = tmp_path / "store"
    with ExitStack() as stack:
        saved = save(run_of(log), {"n": 0}, root).run_id
        scripts = (saving, saving, forgetting, forgetting)
        processes = [stack.enter_context(writer(script, root, log)) for script in scripts]
        found = 0
        while any(process.poll() is None for process in processes):
            assert contents(root)[1] == ()
            try:
                report = load_report(root, saved)
                run = load(root, saved)
            except StoreError as error:
                assert "there is no run" in str(error)
            else:
                found += 1
                assert report is not None
                assert len(run.table["loss"]) > 0
        assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert contents(root)[1] == ()
    assert_swept(root)


def test_a_store_that_cannot_be_changed_says_so(tmp_path: Path, log: Path) -> None:
    """Root may do everything, and is nobody for this."""
    stored = save(run_of(log), {"n": 1}, tmp_path / "store")
    script = f"""
import os, sys
from pathlib import Path
from nanlog.errors import StoreError
from nanlog.store import forget
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    forget(Path({str(tmp_path / "store")!r}), {stored.run_id!r})
except StoreError as error:
    sys.exit(str(error))
"""
    if os.geteuid() == 0:
        for folder in (tmp_path, *tmp_path.parents[:2]):  # pytest's own
            folder.chmod(folder.stat().st_mode | 0o055)
    for folder in (tmp_path / "store", tmp_path / "store/runs"):
        folder.chmod(0o555)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"cannot remove {stored.run_id} from the store" in done.stderr
    assert list_runs(tmp_path / "store") == (stored,)


def test_what_a_dead_process_left_is_swept_by_who_forgets(tmp_path: Path, log: Path) -> None:
    root = tmp_path / "store"
    stored = save(run_of(log), None, root)
    left = root / ".tmp-999999999-0123abcd"
    left.mkdir()
    long_ago = time.time() - 2 * GRACE
    os.utime(left, (long_ago, long_ago))
    forget(root, stored.run_id)
    assert not left.exists()
