"""Scripts run under ``nanlog record``, and what they leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nanlog.record.script.asked import Asked
from nanlog.replay.as_json import from_dict
from nanlog.replay.outcome import FirstNonfinite, Outcome

SCRIPTS = Path(__file__).parent / "scripts"
FORKING = Path(__file__).parent / "forking.py"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "KERAS_BACKEND": "torch"}


@dataclass(frozen=True)
class Ran:
    """How a script ended, what it printed, and where its record is."""

    code: int
    stdout: str
    stderr: str
    folder: Path

    @property
    def outcome(self) -> Outcome:
        return from_dict(json.loads((self.folder / "replay.json").read_text(encoding="utf-8")))

    @property
    def first(self) -> FirstNonfinite:
        first = self.outcome.first_nonfinite
        assert first is not None, self.stderr
        return first

    @property
    def bundles(self) -> list[Path]:
        return sorted(self.folder.glob("bundle-*"))

    @property
    def rows(self) -> list[dict[str, Any]]:
        lines = (self.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
        return [row for row in map(json.loads, lines) if "event" not in row]


class Forked:
    """A process that has imported a framework."""

    def __init__(self, process: subprocess.Popen[str], home: Path) -> None:
        self.process, self.home, self._runs = process, home, 0

    def close(self) -> None:
        with self.process:
            assert self.process.stdin is not None
            self.process.stdin.close()

    def __call__(self, script: str | Path, *args: str, recorded: bool = True, **options: Any) -> Ran:
        """``script`` is a file, or the text of one; ``place`` and the rest are as for ``nanlog record``."""
        self._runs += 1
        folder = self.home / f"run{self._runs}"
        folder.mkdir()
        if not isinstance(script, Path):
            (folder / "script.py").write_text(script, encoding="utf-8")
            script = folder / "script.py"
        environment, place = options.pop("environment", {}), options.pop("place", folder / "record")
        command = (str(script), *args)
        asked = asdict(Asked(command, output=str(place), **options)) if recorded else None
        request = {"folder": str(folder), "command": command, "asked": asked, "environment": environment}
        into, out = self.process.stdin, self.process.stdout
        assert into is not None
        assert out is not None
        into.write(json.dumps(request) + "\n")
        into.flush()
        code = int(out.readline())
        said = {name: (folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr")}
        return Ran(code, said["stdout"], said["stderr"], place)


def forked(home: Path, *modules: str) -> Forked:
    """A process with ``modules`` imported, to be called with scripts, and closed at the end."""
    process = subprocess.Popen(
        [sys.executable, FORKING, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    assert process.stdout is not None
    while process.stdout.readline().strip() != "ready":
        assert process.poll() is None
    return Forked(process, home)


def nanlog_record(folder: Path, *words: str) -> Ran:
    """The program itself; the record goes to ``folder / "record"``."""
    done = subprocess.run(
        [sys.executable, "-m", "nanlog", "record", "--output", str(folder / "record"), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    return Ran(done.returncode, done.stdout, done.stderr, folder / "record")


def line_of(script: Path, fault: str) -> int:
    """Where ``# FAULT fault`` stands."""
    lines = script.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"# FAULT {fault}"))
