"""The outcome for programs, and back: what ``--format json`` prints and what is kept as ``replay.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .codec import decode, encode
from .outcome import Outcome

__all__ = ["SCHEMA_VERSION", "as_dict", "from_dict"]

SCHEMA_VERSION = 1

#: The keys that others build on come first.
_FIRST = (
    "run",
    "checkpoint",
    "device",
    "reproduced",
    "deterministic",
    "first_nonfinite",
    "trials",
    "causes",
    "smallest_change",
)


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """Plain values only, ready for ``json.dumps(..., allow_nan=False)``; keys in a fixed order."""
    plain = encode(outcome)
    rest = {key: value for key, value in plain.items() if key not in _FIRST}
    return {"schema_version": SCHEMA_VERSION, **{key: plain[key] for key in _FIRST}, **rest}


def from_dict(document: Mapping[str, Any]) -> Outcome:
    """The inverse.  Raises ``ValueError`` for a document of another kind; keys it does not know are left out."""
    return decode(Outcome, document)
