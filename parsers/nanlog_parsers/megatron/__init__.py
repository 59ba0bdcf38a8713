"""Megatron-LM, and what descends from it: Megatron-DeepSpeed, GPT-NeoX and others that kept its ``training_log``.

One line every ``--log-interval`` iterations, from the last rank::

     iteration      100/     300 | consumed samples: 6400 | ... | learning rate: 1.000000E-01 | lm loss: 2.307089E+00 |
     loss scale: 1.0 | grad norm: 0.233 | number of skipped iterations:   0 | number of nan iterations:   0 |

A loss is the mean over the iterations of the interval whose update was not skipped, and it is printed only if it is
above zero: a NaN has no field.  ``number of nan iterations`` counts the iterations whose loss was NaN or infinite.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, Parser, Source
from nanlog_parsers._line_logs import blocks
from nanlog_parsers._ranks import Ranks

from ._log import ITERATION, MegatronLog

__all__ = ["PARSER", "Megatron"]

_SURE = re.compile(
    rb"\biteration {1,12}[0-9]{1,18}/ {0,12}[0-9]{1,18} \|[^\n]{0,2000}"
    rb"(?:number of (?:skipped|nan) iterations|elapsed time per iteration|learning rate):"
)
_LIKELY = re.compile(rb"-{3,40} arguments -{3,40}\n|\[before the start of training step\] datetime: ")


class Megatron:
    """See the module."""

    name = "megatron"
    title = "Megatron-LM, Megatron-DeepSpeed, GPT-NeoX (iteration 100/ 300 | ... | lm loss: ...)"
    gives = (
        "loss per logging interval",
        "learning rate",
        "gradient norm",
        "loss scale",
        "skipped and NaN iterations",
        "validation",
        "every rank on its own",
    )

    def score(self, file: str, head: bytes) -> float:
        if _SURE.search(head):
            return 0.95
        return 0.8 if _LIKELY.search(head) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        return blocks(source, Ranks(source, ITERATION.search), MegatronLog)


PARSER: Parser = Megatron()
