"""The four lines that every displayed iteration prints, read at one go.

``_glog``, ``_messages`` and ``_heads`` read the same lines and many more shapes of them; this is the short
cut for the usual one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ._messages import Displayed, Output

__all__ = ["Norms", "hot_line"]


class Norms(NamedTuple):
    """``All net params (data, diff): L1 norm = (data_l1, diff_l1); L2 norm = (data_l2, diff_l2)``."""

    data_l1: float
    diff_l1: float
    data_l2: float
    diff_l2: float


# Whether it is a number is left to float.
_NUMBER = rb"([-+.0-9einaf]+)"
_LINE = re.compile(
    rb"[IE][0-9]{4}[0-9 :.]+ [a-z_]+\.cpp:[0-9]+\]"
    rb"(?: Iteration ([0-9]{1,18})(?: \([^()\]]*\))?, (?:loss = " + _NUMBER + rb"|lr = " + _NUMBER + rb")"
    rb"|     (Train|Test) net output #[0-9]+: ([^\s=\x80-\xff]+) = "
    + _NUMBER
    + rb"(?: \(\* -?[0-9]+(?:\.[0-9]*)?(?:e[-+][0-9]+)? = "
    + _NUMBER
    + rb" loss\))?"
    rb"|     \[Backward\] All net params \(data, diff\): L1 norm = \("
    + rb"\); L2 norm = \(".join([_NUMBER + rb", " + _NUMBER] * 2)
    + rb"\))$"
)
_LOSS, _LR, _UNWEIGHTED, _WEIGHTED = 2, 3, 6, 7


def hot_line(text: bytes, start: int, end: int) -> Displayed | Output | Norms | None:
    """Read the line from ``start`` to ``end``; None when it has another shape than the usual one."""
    found = _LINE.match(text, start, end)
    if found is None:
        return None
    shape = found.lastindex
    try:
        if shape == _LR:
            return Displayed(int(found[1]), "lr", float(found[3]))
        if shape == _LOSS:
            return Displayed(int(found[1]), "loss", float(found[2]))
        if shape == _WEIGHTED:
            return Output(found[4] == b"Test", found[5].decode(), float(found[6]), float(found[7]))
        if shape == _UNWEIGHTED:
            return Output(found[4] == b"Test", found[5].decode(), float(found[6]), None)
        return Norms(*map(float, found.group(8, 9, 10, 11)))
    except ValueError:
        return None
