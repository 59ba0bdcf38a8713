"""Caffe: everything since 2013 that logs through glog, BVLC's, NVIDIA's, Intel's and the SSD branch.

What the lines mean is said where they are read: ``_caffe_heads`` (debug_info), ``_caffe_outputs`` (the solver's values),
``_caffe_dating`` (which iteration), ``_caffe_net`` (solver and nets), ``_caffe_events`` (crashes, snapshots).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, Parser, Source

from ._caffe_lines import LineReader, stretches
from ._caffe_training import TrainingLog

__all__ = ["PARSER", "Caffe"]

#: Lines that only Caffe writes, with and without glog's prefix.
_SURE = re.compile(
    rb"\b(?:sgd_|adam_)?solver\.(?:cpp|hpp):[0-9]+\] +(?:Iteration [0-9]+|Train net output #|Test net output #|Test score #"
    rb"|Initializing solver from parameters|Solver scaffolding done|Solving |Creating training net)"
    rb"|\bnet\.cpp:[0-9]+\] +(?:Initializing net from parameters|\[(?:Forward|Backward|Update)\] |Creating Layer |Setting up "
    rb"|Top shape: |Network initialization done|This network produces output )"
    rb"|\bupgrade_proto\.cpp:[0-9]+\] |\blayer_factory\.hpp:[0-9]+\] |\bcaffe\.cpp:[0-9]+\] "
    rb"|^[ \t>]*\[(?:Forward|Backward)\] Layer .+, (?:top|bottom|param) blob .+ (?:data|diff): "
    rb"|^[ \t>]*\[Update\] Layer .+, param .+ diff: "
    rb"|^[ \t>]*(?:Train|Test) net output #[0-9]+: .+ = ",
    re.MULTILINE,
)
#: Lines that scripts of other frameworks print as well.
_LIKELY = re.compile(
    rb"^[ \t>]*Iteration [0-9]+(?: \([^()\n]*\))?, (?:(?:loss|lr) = |Testing net)|^[ \t>]*Test score #[0-9]+: ",
    re.MULTILINE,
)


class Caffe:
    """Reads the logs of Caffe; see the module."""

    name = "caffe"
    title = "Caffe, all versions since 2013 (glog output, with debug_info where it is on)"

    def score(self, file: str, head: bytes) -> float:
        if _SURE.search(head):
            return 1.0
        return 0.7 if _LIKELY.search(head) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
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
