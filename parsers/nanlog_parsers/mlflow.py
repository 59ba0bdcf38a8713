"""Reads the file store of MLflow: ``mlruns/<experiment>/<run>``, where each metric and each parameter has a file.

::

    metrics/train_loss     1690000000000 0.5 10        time in ms, value, step (older versions: no step)
    params/lr              0.1

The layout is that of ``mlflow.store.tracking.file_store``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, BlockBuilder, FactValue, Parser, Piece, SeriesInfo, Source
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import NUMBER, number, value_of

__all__ = ["PARSER", "MLflow"]

_SURE, _PARAMETER = 0.8, 0.25
#: Time, value, step; newer versions may add the data set and the model.
_POINT = re.compile(
    rf"(?P<time>[0-9]{{9,16}}) (?P<value>{NUMBER})(?: (?P<step>-?[0-9]{{1,18}})(?: \S{{1,500}}){{0,4}})?", re.ASCII
)
#: MLflow allows 6000 characters.
_LONGEST_PARAMETER = 6000
_LONGEST_LINE = 3000
_KEPT_TEXT = 300
#: Times of 1973 in milliseconds are times of 5138 in seconds.
_MILLISECONDS = 10**11
_TRIED = 20


class MLflow:
    """See the module."""

    name = "mlflow"
    title = "the file store of MLflow: mlruns/<experiment>/<run> with metrics/ and params/"
    gives = ("every metric at its step and time", "parameters")

    def score(self, file: str, head: bytes) -> float:
        if _place(file, "metrics"):
            lines = head.split(b"\n")[:_TRIED]
            whole = lines[:-1] if len(lines) > 1 else lines
            return _SURE if all(_point(line) is not None for line in whole) else 0.0
        # MLflow ends no parameter with a line end
        is_word = 0 < len(head) <= _LONGEST_PARAMETER and b"\n" not in head and b"\0" not in head
        return _PARAMETER if _place(file, "params") and is_word else 0.0

    def read(self, source: Source) -> Iterator[Block]:
        metrics = {file: name for file in source.files if (name := _place(file, "metrics"))}
        names = Names()
        names.let_stand_in(metrics.values())
        names.claim(metrics.values())
        for file in source.files:
            if file in metrics:
                for piece in source.pieces(file):
                    yield _points(piece, names.info(metrics[file]))
            else:
                yield _parameter(source, file)


def _place(file: str, folder: str) -> str:
    """The part of a path below the last folder of that name; "" where there is none."""
    parts = file.replace("\\", "/").split("/")
    below = parts[::-1].index(folder) if folder in parts[:-1] and parts[-1] != folder else 0
    return "/".join(parts[len(parts) - below :]) if below else ""


def _point(line: bytes) -> re.Match[str] | None:
    return _POINT.fullmatch(line.decode("latin-1").strip()) if len(line) <= _LONGEST_LINE else None


def _points(piece: Piece, info: SeriesInfo) -> Block:
    """Each metric is a stream of its own: that of the loss does not precede that of the accuracy."""
    rows = BlockBuilder(piece.file, stream=piece.file)
    lines = piece.data.split(b"\n")
    for line, text in enumerate(lines, piece.first_line):
        found = _point(text)
        if found is not None:
            time, step = int(found["time"]), None if found["step"] is None else int(found["step"])
            seconds = time / 1000 if time >= _MILLISECONDS else float(time)
            known = step if step is not None and step >= 0 else None
            rows.add(info, step=known, value=value_of(found["value"]), line=line, time=seconds)
        elif text.strip() and line < piece.first_line + len(lines) - 1:  # the last one may have been cut
            rows.unread(line, text[:_KEPT_TEXT].decode("utf-8", "replace"), "no time, value and step")
    return rows.build()


def _parameter(source: Source, file: str) -> Block:
    rows = BlockBuilder(file, stream=file)
    text = source.head(file, _LONGEST_PARAMETER).decode("utf-8", "replace").strip()
    for _ in source.pieces(file):
        pass  # so that its lines are counted
    if name := _place(file, "params"):
        rows.fact(f"hparams.{name}", _scalar(text), 1)
    return rows.build()


def _scalar(text: str) -> FactValue:
    if text in ("True", "False"):
        return text == "True"
    value = number(text)
    return text if value is None else value


PARSER: Parser = MLflow()
