"""``python -m nanlog.replay.worker REQUEST_FD MESSAGES_FD``: one session, told to the host through a pipe."""

from __future__ import annotations

import json
import os
import sys
import threading

from nanlog.replay.codec import decode
from nanlog.replay.plan import Plan
from nanlog.replay.protocol import Channel

__all__ = ["main"]


def main() -> None:
    """Read the plan from the first pipe, carry it out, tell it through the second."""
    with os.fdopen(int(sys.argv[1]), "rb") as request:
        plan = decode(Plan, json.load(request))
    send = Channel(os.fdopen(int(sys.argv[2]), "wb"))
    sys.argv = [plan.target or "nanlog"]  # what the user's code sees
    try:
        from .session import Session
    except ImportError as error:
        send("failed", kind="UnreadableError", says=_no_torch(error))
        return
    sys.path.insert(0, plan.directory)
    Session(plan, send).run()
    sys.stdout.flush()
    sys.stderr.flush()
    threading.excepthook = lambda *_: None
    os._exit(0)  # threads and workers of the user's code do not keep the host waiting


def _no_torch(error: ImportError) -> str:
    if error.name != "torch":
        return f"the replay cannot start: {error}"
    return (
        f"torch is not installed for {sys.executable}: install nanlog where the training runs:"
        " pip install 'nanlog[torch]'"
    )


if __name__ == "__main__":
    main()
