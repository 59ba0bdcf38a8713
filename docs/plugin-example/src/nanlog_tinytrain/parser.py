"""Reads what tinytrain prints: a line for each step, the settings in the first line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, BlockBuilder, Mark, MarkKind, Parser, Phase, SeriesInfo, Source, Stage

LOSS = SeriesInfo("loss", "loss", Stage.LOSS, phase=Phase.FORWARD)
LR = SeriesInfo("lr", "lr", Stage.LR, phase=Phase.LR)
GRAD_NORM = SeriesInfo("grad_norm", "|g|", Stage.GRADIENT, phase=Phase.BACKWARD, statistic=True)

FIRST = re.compile(rb"tinytrain (\d{1,4}\.\d{1,4})((?: \w{1,40}=\S{1,40}){0,40})")
STEP = re.compile(rb"step (\d{1,18}) loss (\S{1,40}) lr (\S{1,40}) \|g\| (\S{1,40})")
SAVED = re.compile(rb"saved (\S{1,200})")


class Tinytrain:
    """Everything about one log lives inside ``read``: the parser itself never changes."""

    name = "tinytrain"
    title = "tinytrain 1.x on standard output"
    gives = ("loss per step", "learning rate", "gradient norm", "settings", "checkpoints")

    def score(self, file: str, head: bytes) -> float:
        return 1.0 if FIRST.match(head) else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        for file in source.files:
            for piece in source.pieces(file):
                if not piece.continues:
                    yield self._block(file, piece.data, piece.first_line)

    def _block(self, file: str, data: bytes, first_line: int) -> Block:
        rows = BlockBuilder(file)
        for line, text in enumerate(data.replace(b"\r\n", b"\n").split(b"\n"), first_line):
            if text.startswith(b"step "):
                self._read_step(rows, line, text)
            elif found := FIRST.fullmatch(text):
                self._read_settings(rows, line, found)
            elif found := SAVED.fullmatch(text):
                checkpoint = found[1].decode(errors="replace")
                rows.mark(Mark(MarkKind.CHECKPOINT, file, line, text=checkpoint))
        return rows.build()

    def _read_settings(self, rows: BlockBuilder, line: int, found: re.Match[bytes]) -> None:
        rows.mark(Mark(MarkKind.START, rows.file, line))
        rows.fact("framework", "tinytrain", line)
        rows.fact("framework_version", found[1].decode(), line)
        for setting in found[2].split():
            key, _, value = setting.decode(errors="replace").partition("=")
            number = number_of(value.encode())
            rows.fact(f"hparams.{key}", value if number is None else number, line)

    def _read_step(self, rows: BlockBuilder, line: int, text: bytes) -> None:
        """A line that begins like a step and is none is kept as unread: nothing is dropped silently."""
        found = STEP.fullmatch(text)
        values = [number_of(word) for word in found.groups()[1:]] if found else []
        if found is None or None in values:
            rows.unread(line, text.decode(errors="replace"), "not a whole step")
            return
        for series, value in zip((LOSS, LR, GRAD_NORM), values, strict=True):
            if value is not None:
                rows.add(series, step=int(found[1]), value=value, line=line)


def number_of(word: bytes) -> float | None:
    """``nan`` and ``inf`` are numbers; a word that is none gives None."""
    try:
        return float(word)
    except ValueError:
        return None


PARSER: Parser = Tinytrain()
