"""The worker process: started in a session of its own, heard through a pipe, ended without mercy."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from .codec import encode
from .outcome import Status
from .plan import Plan
from .protocol import received

__all__ = ["Ended", "Worker"]

#: nanlog itself may lie in a folder that is on no other path; the user's folder must not come before the library.
_START = "import sys; sys.path.append({root!r}); from nanlog.replay.worker.__main__ import main; main()"
_TAIL = 4096  #: bytes of what the worker printed that are kept
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker ended that did not say so itself, in one sentence without a full stop."""

    status: Status
    why: str


class Worker:
    """A context in which the worker runs; leaving it ends the process and all that it started."""

    def __init__(self, plan: Plan, relay: Callable[[bytes], object] | None = None) -> None:
        self._plan = plan
        self._relay = relay
        self._printed: deque[bytes] = deque(maxlen=64)
        self._messages: deque[Mapping[str, Any]] = deque()
        self._buffer = b""
        self._open = True

    def __enter__(self) -> Self:
        request_out, request_in = os.pipe()
        self._pipe, messages_in = os.pipe()
        code = _START.format(root=str(Path(__file__).resolve().parents[2]))
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter
            [sys.executable, "-P", "-c", code, str(request_out), str(messages_in)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(request_out, messages_in),
            start_new_session=True,  # Ctrl-C reaches the host alone, which then decides
            env=environment,
        )
        os.close(request_out)
        os.close(messages_in)
        with contextlib.suppress(BrokenPipeError), os.fdopen(request_in, "w") as request:
            json.dump(encode(self._plan), request)
        self._reader = threading.Thread(target=self._drain, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(1.0)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        os.close(self._pipe)

    @property
    def running(self) -> bool:
        """Whether the pipe is open still: after its end there is nothing more to wait for."""
        return self._open

    def next(self, until: float) -> Mapping[str, Any] | None:
        """The next message; None at the end of them or when it is ``until`` (in monotonic seconds)."""
        while not self._messages and self._open:
            left = until - time.monotonic()
            if left <= 0:
                return None
            ready, _, _ = select.select([self._pipe], [], [], min(left, 0.5))
            if ready:
                self._take(os.read(self._pipe, _CHUNK))
        return self._messages.popleft() if self._messages else None

    def _take(self, chunk: bytes) -> None:
        self._open = bool(chunk)
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            self._messages.extend(received(line))

    def _drain(self, output: IO[bytes]) -> None:
        """What the user's code prints is passed on, and its end kept for when the worker dies."""
        while chunk := os.read(output.fileno(), _CHUNK):
            self._printed.append(chunk[-_TAIL:])
            if self._relay is not None:
                self._relay(chunk)

    def ended(self, doing: str) -> Ended:
        """How it ended, with the last line that it printed; ``doing`` says what it was at."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10.0)
        self._reader.join(1.0)
        code = self._process.returncode
        if code is not None and code < 0:
            return Ended(Status.CRASHED, f"the worker was ended by {_signal(-code)}{doing}{self._last_words()}")
        return Ended(Status.CRASHED, f"the worker ended with exit code {code}{doing}{self._last_words()}")

    def _last_words(self) -> str:
        lines = b"".join(self._printed)[-_TAIL:].decode("utf-8", "replace").strip().splitlines()
        return f"; it said: {lines[-1][:300]}" if lines else ""


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    reasons = {
        "SIGKILL": " (out of memory?)",
        "SIGSEGV": " (a fault in compiled code)",
        "SIGABRT": " (a failed assertion)",
    }
    return name + reasons.get(name, "")
