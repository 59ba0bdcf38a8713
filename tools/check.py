"""Run every check that a change must pass, in the order of their speed; the same here and in CI.

``python tools/check.py`` runs all of them, ``python tools/check.py lint types`` only those named.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Programs that come with the interpreter's environment, so that no activation is needed.
SCRIPTS = Path(sys.executable).parent

CHECKS: dict[str, list[str]] = {
    "format": [str(SCRIPTS / "ruff"), "format", "--check", "."],
    "lint": [str(SCRIPTS / "ruff"), "check", "."],
    "layers": [str(SCRIPTS / "lint-imports"), "--no-logo"],
    "docs": [sys.executable, "tools/docs.py", "--check"],
    "types": [sys.executable, "-m", "mypy"],
    "tests": [sys.executable, "-m", "pytest"],
}


def main(names: list[str]) -> int:
    """Run the named checks (all of them by default); 1 when one of them fails, 2 for an unknown name."""
    if unknown := [name for name in names if name not in CHECKS]:
        print(f"no check is called {', '.join(unknown)}; there are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    failed = [name for name in names or CHECKS if not _passes(name)]
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def _passes(name: str) -> bool:
    print(f"== {name}: {' '.join(CHECKS[name][1:])}", flush=True)
    start = time.monotonic()
    done = subprocess.run(CHECKS[name], cwd=ROOT, check=False)
    print(
        f"== {name}: {'passed' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - start:.1f} s", flush=True
    )
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
