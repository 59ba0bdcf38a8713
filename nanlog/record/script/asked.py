"""What was asked for on the command line, handed to the interpreter that runs the script."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["FIRST_SECONDS", "Asked"]

#: The probe looks into the first steps for so long: what breaks at once is found at once, and a run of hours does not
#: notice.
FIRST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of ``nanlog record``; ``command`` is the script and its arguments.

    ``module`` says that the first word of ``command`` is a module (``-m``).  ``locating`` is set for a second run that
    is made to find the operator only.
    """

    command: tuple[str, ...]
    module: bool = False
    output: str | None = None
    probe_from: int | None = None
    probe_first: float = FIRST_SECONDS
    locate: bool = False
    stop: bool = False
    quiet: bool = False
    target: str | None = None
    memory: float = 1024.0
    batches: int | None = None
    state_every: int | None = None
    layers_every: int = 10
    locating: bool = False

    def as_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> Asked:
        content: dict[str, Any] = json.loads(text)
        return cls(**{**content, "command": tuple(content["command"])})
