"""One step looked into, operator by operator, down to the one that made something non-finite of finite values.

A dispatch mode sees each operator as it is executed, forward, backward and update alike; a function mode above it knows
the public name and the line of the user's code; autograd's node tells whose gradient is being computed.
"""

from __future__ import annotations

from ._leaves import batch_names
from ._ranges import Range
from .probe import Probe

__all__ = ["Probe", "Range", "batch_names"]
