"""The lines that ``debug_info`` prints, cut into a head that recurs in every iteration and a value that does not.

[Forward] Layer conv1, top blob conv1 data: 0.282042
[Forward] Layer conv1, param blob 0 data: 0.277965        (since 2014-12)
[Backward] Layer conv1, bottom blob data diff: 0.01
[Backward] Layer conv1, param blob 0 diff: 0.02
[Update] Layer conv1, param 0 data: 0.27; diff: 0.0003    (until 2015-07)
[Backward] All net params (data, diff): L1 norm = (696.677, 52.6458); L2 norm = (9.02038, 0.908777)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["ALL_PARAMS", "NORMS", "Direction", "Head", "debug_head", "nonfinite_head"]


class Direction(IntEnum):
    FORWARD = 0
    BACKWARD = 1
    UPDATE = 2


@dataclass(frozen=True, slots=True)
class Head:
    """What a value of debug_info is about.

    ``role`` is ``top``, ``bottom`` or ``param`` (``net`` for the norms over all parameters, ``check`` for a share of
    non-finite elements); ``quantity`` is ``data`` or ``diff`` (the norm's name, for ``net``).
    """

    direction: Direction
    layer: str
    role: str
    blob: str
    quantity: str
    original: str

    @property
    def is_first_of_two(self) -> bool:
        """The parameter in ``[Update] ... data: 0.27; diff: 0.0003``."""
        return self.direction is Direction.UPDATE and self.quantity == "data"


_DIRECTIONS = {f"[{direction.name.capitalize()}]": direction for direction in Direction}
_BLOB = {f", {role} blob ": role for role in ("top", "bottom", "param")}
_PARAM = re.compile(r"(?:blob )?([0-9]+)(?: \(owned by layer .+\))?", re.ASCII)
#: The four values stand in the order of :data:`NORMS`.
ALL_PARAMS = re.compile(
    r"\[Backward\] All net params \(data, diff\): "
    r"L1 norm = \(([^,()]*), ([^,()]*)\); L2 norm = \(([^,()]*), ([^,()]*)\)"
)
NORMS = tuple(
    Head(Direction.BACKWARD, "", "net", "", name, f"[Backward] All net params ({what}): {norm} norm")
    for norm, what, name in (
        ("L1", "data", "param_l1"),
        ("L1", "diff", "grad_l1"),
        ("L2", "data", "param_norm"),
        ("L2", "diff", "grad_norm"),
    )
)


def debug_head(text: str) -> Head | None:
    """Read the part of a debug line up to and with the colon before its value, the prefix of glog left out.

    A name that runs into another message (processes that write at once cut each other's lines) is no name.
    """
    text = text.strip(" \t")
    original = text.removesuffix(":")
    bracket, _, rest = original.partition(" Layer ")
    direction = _DIRECTIONS.get(bracket)
    names, _, quantity = rest.rpartition(" ")
    runs_on = " data: " in names or " diff: " in names or "] " in rest
    if direction is None or quantity not in ("data", "diff") or runs_on or original is text:
        return None
    if direction is Direction.UPDATE:
        layer, _, blob = names.partition(", param ")
        found = _PARAM.fullmatch(blob)
        return Head(direction, layer, "param", found[1], quantity, original) if layer and found else None
    mark = min((m for m in _BLOB if m in names), key=names.index, default=None)
    if mark is None:
        return None
    layer, _, blob = names.partition(mark)
    return Head(direction, layer, _BLOB[mark], blob, quantity, original) if layer and blob else None


def nonfinite_head(layer: str, phase: str, blob: str) -> Head:
    """The head of a message in which a layer of the user reports its share of non-finite elements."""
    direction = Direction.FORWARD if phase == "forward" else Direction.BACKWARD
    return Head(direction, layer, "check", blob, "share", f"{layer} {phase} pass {blob}")
