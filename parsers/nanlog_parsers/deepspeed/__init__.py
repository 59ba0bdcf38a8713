"""DeepSpeed's own lines, and what a script prints between them.

::

    [2026-11-23 02:27:56,424] [INFO] [loss_scaler.py:190:update_scale] [deepspeed] OVERFLOW! Rank 0 Skipping step. ...
    [2026-11-23 02:27:56,444] [INFO] [logging.py:107:log_dist] [Rank 0] step=10, skipped=3, lr=[0.1], mom=[(0.9, 0.999)]
    steps: 10 loss: 2.3021 iter time (s): 0.123 samples/sec: 130.0                     (pipeline engine)

The engine prints no loss: it is in the lines of the script, whatever they look like.  ``step`` counts all updates, the
skipped ones too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, Parser, Source
from nanlog_parsers._line_logs import blocks
from nanlog_parsers._ranks import Ranks

from ._log import DeepSpeedLog, holds_values

__all__ = ["PARSER", "DeepSpeed"]

_SURE = re.compile(
    rb"\[deep(?:speed|scale)\] (?:OVERFLOW!|fp16 dynamic loss scale overflow!)"
    rb"|\[Rank [0-9]{1,6}\] (?:step=[0-9]{1,18}, skipped=[0-9]|DeepSpeed info: version=)"
    rb"|: log_dist\] [^\n]{0,40}DeepSpeed"
    rb"|^steps: [0-9]{1,18} loss: \S{1,40} iter time \(s\): ",
    re.MULTILINE,
)


class DeepSpeed:
    """See the package."""

    name = "deepspeed"
    title = "DeepSpeed (OVERFLOW!, step=10, skipped=3, lr=[...]) and the lines of the script that uses it"
    gives = (
        "skipped updates and the loss scale",
        "learning rate",
        "loss, where the script prints it",
        "every rank on its own",
    )

    def score(self, file: str, head: bytes) -> float:
        return 0.9 if _SURE.search(head) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        return blocks(source, Ranks(source, holds_values), DeepSpeedLog)


PARSER: Parser = DeepSpeed()
