"""Runs scripts under the recorder in processes that have their framework already: started once, forked for each run.

``python forking.py MODULE...`` imports the modules and then reads one request a line: a JSON object with ``folder``
(the working folder, which takes ``stdout`` and ``stderr``), and ``asked`` (what ``nanlog record`` hands on; null to run
``command`` as it is).  It answers with the exit status of each.
"""

from __future__ import annotations

# ruff: noqa: T201  it answers on standard output
import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any


def _become(request: dict[str, Any]) -> None:
    """In the child: the streams, the folder and the signals that a program started from a shell has."""
    folder = Path(request["folder"])
    os.setsid()
    os.chdir(folder)
    streams = (os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("stdout", "stderr"))
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(request.get("environment", {}))


#: What every recorded training comes to import: torch's optimizers load its compiler, which takes seconds.
COMMON = ("torch", "torch._dynamo", "nanlog.record.script.watch", "nanlog.record.script.outcome_of")

for name in (*sys.argv[1:], *COMMON):
    importlib.import_module(name)
if "torch" in sys.modules:
    sys.modules["torch"].set_num_threads(1)
gc.collect()
gc.freeze()  # or each child would copy all of it when it ends
print("ready", flush=True)
asking: dict[str, Any] | None = None
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        asking = json.loads(line)
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

if asking is not None:  # outside of any function, so that what the script raises ends the interpreter as it would
    _become(asking)
    if asking["asked"] is None:
        import runpy

        sys.argv = asking["command"]
        sys.path[0] = str(Path(sys.argv[0]).parent)
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        from nanlog.record.script.asked import Asked
        from nanlog.record.script.running import run

        del sys.path[0]
        run(Asked.of_text(json.dumps(asking["asked"])))
