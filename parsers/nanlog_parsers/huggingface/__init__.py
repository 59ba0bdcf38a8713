"""The Trainer of Hugging Face's transformers (and of trl and others on top of it), versions 4 and 5.

What it prints is read in ``_stdout`` (the dicts in ``_dicts``; which steps they belong to, in ``_steps``), the
``trainer_state.json`` it writes in ``_state``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, Parser, Source

from ._state import is_state, state_blocks

__all__ = ["PARSER", "HuggingFace"]

_NUMBER = rb"(?:'[^'\n]{1,40}'|[-+0-9.naife]{1,40})"
_SURE = re.compile(
    rb"\{'(?:loss|eval_\w{1,100}|train_runtime|[\w/]{1,100})': " + _NUMBER + rb"[^{}\n]{0,20000}'epoch': '?[0-9]"
    rb"|\{'train_runtime': " + _NUMBER + rb", "
    rb"|\{'eval_loss': " + _NUMBER + rb", 'eval_\w{1,40}': "
)
_LIKELY = re.compile(rb"\*{5} Running training \*{5}\r?\n[^\n]{0,300} Num examples = [0-9]")


class HuggingFace:
    """Reads the logs of a Trainer; see the package."""

    name = "huggingface"
    title = "Hugging Face Trainer, transformers 4 and 5: what it prints ({'loss': ...}) and trainer_state.json"
    gives = ("loss per logging window", "learning rate", "gradient norm", "evaluations", "what the NaN filter hides")

    def score(self, file: str, head: bytes) -> float:
        if is_state(head):
            return 0.97
        if b"': " in head and _SURE.search(head):
            return 0.93
        return 0.9 if b"Running training" in head and _LIKELY.search(head) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        from nanlog_parsers._names import Names
        from nanlog_parsers._ranks import Ranks
        from nanlog_parsers._states import bulk

        from ._stdout import StdoutLog

        names = Names()
        states = tuple(file for file in source.files if is_state(source.head(file)))
        yield from state_blocks(source, states, names)
        ranks = Ranks(source, lambda text: "{'" in text)
        for file in source.files:
            if file in states:
                continue
            log = StdoutLog(file, names, ranks)
            for found in bulk(source.pieces(file)):
                for line, rank, text in ranks.lines(file, found):
                    log.read(line, rank, text)
                yield from log.take()
            yield from log.finish()


PARSER: Parser = HuggingFace()
