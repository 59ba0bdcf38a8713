"""``python .../nanlog/record/__main__.py OPTIONS SCRIPT ARGS...``: what ``nanlog record`` becomes.

A file that is run by its path, so that the interpreter, its exit code and its signals are those of the script.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # this folder, which Python put there; the script's comes in its place
    _root = str(Path(__file__).resolve().parents[2])
    sys.path.append(_root)  # where nanlog is not installed, but lies on the path of who started it
    from nanlog.record.script.asked import Asked
    from nanlog.record.script.running import run

    if sys.path.count(_root) > 1:
        sys.path.pop()
    run(Asked.of_text(sys.argv[1]))
