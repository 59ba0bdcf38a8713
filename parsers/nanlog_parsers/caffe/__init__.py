"""Caffe: everything since 2013 that logs through glog, BVLC's, NVIDIA's, Intel's and the SSD branch.

What the lines mean is said where they are read: ``_heads`` (debug_info), ``_outputs`` (values of the
solver), ``_dating`` (which iteration), ``_net`` (solver and nets), ``_events`` (crashes, snapshots).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, Parser, Source

__all__ = ["PARSER", "Caffe"]

#: Lines that only Caffe writes, with and without glog's prefix.
_SURE = re.compile(
    rb"\b(?:sgd_|adam_)?solver\.(?:cpp|hpp):[0-9]+\] +"
    rb"(?:Iteration [0-9]+|(?:Train|Test) net output #|Test score #|Initializing solver from parameters|Solving )"
    rb"|\bnet\.cpp:[0-9]+\] +"
    rb"(?:Initializing net from parameters|\[(?:Forward|Backward|Update)\] |Creating Layer |Setting up |Top shape: )"
    rb"|\b(?:upgrade_proto|caffe)\.cpp:[0-9]+\] |\blayer_factory\.hpp:[0-9]+\] "
    rb"|^[ \t>]*\[(?:Forward|Backward)\] Layer .{1,200}, (?:top|bottom|param) blob .{1,200} (?:data|diff): "
    rb"|^[ \t>]*\[Update\] Layer .{1,200}, param .{1,200} diff: "
    rb"|^[ \t>]*(?:Train|Test) net output #[0-9]+: .{1,200} = ",
    re.MULTILINE,
)
#: Lines that scripts of other frameworks may print as well.
_LIKELY = re.compile(
    rb"^[ \t>]*(?:Iteration [0-9]+(?: \([^()\n]*\))?, (?:(?:loss|lr) = |Testing net)|Test score #[0-9]+: )",
    re.MULTILINE,
)


class Caffe:
    """Reads the logs of Caffe; see the module."""

    name = "caffe"
    title = "Caffe, all versions since 2013 (glog output, with debug_info where it is on)"
    gives = (
        "loss per step",
        "learning rate",
        "outputs and test scores",
        "gradients, activations and parameters of each layer (debug_info)",
        "solver and net parameters",
        "checkpoints, restarts and crashes",
    )

    def score(self, file: str, head: bytes) -> float:
        if _SURE.search(head):
            return 1.0
        return 0.7 if _LIKELY.search(head) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        # only who is chosen imports what it reads with
        from ._lines import LineReader, stretches
        from ._training import TrainingLog

        files = source.files
        for file in files:
            if len(files) > 1 and not self.score(file, source.head(file)):
                continue
            reader = LineReader()
            log = TrainingLog(file, reader.table.heads)
            for stretch in stretches(source.pieces(file)):
                yield log.read(reader.read(stretch))
            yield log.finish()


PARSER: Parser = Caffe()
