"""PyTorch Lightning 1 and 2: what CSVLogger writes, and what a training prints.

``metrics.csv`` is read by ``_table``, ``hparams.yaml`` by ``_hparams``.  Of what is printed, ``_bars`` reads one state
of a progress bar, ``_messages`` one line of Trainer and its callbacks, ``_tracebacks`` exceptions and anomalies;
``_progress`` knows the step, and ``_screen`` puts them together.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Block, BlockBuilder, Parser, Source

from ._recognition import Form, recognised

__all__ = ["PARSER", "Lightning"]

#: Tables follow one another from version to version; what was set and what was printed lies beside them.
_LOGGED, _SET, _PRINTED = "logger", "settings", "screen"


class Lightning:
    """Reads the logs of PyTorch Lightning; see the module."""

    name = "lightning"
    title = "PyTorch Lightning 1 and 2 (metrics.csv, hparams.yaml, TQDM and Rich bars, Trainer's messages)"
    gives = (
        "loss per logged step and epoch",
        "learning rate",
        "gradient norms of each parameter",
        "validation",
        "hyper-parameters",
        "messages of the Trainer",
    )

    def score(self, file: str, head: bytes) -> float:
        return recognised(file, head)[1]

    def read(self, source: Source) -> Iterator[Block]:
        from nanlog_parsers._names import Names

        from ._screen import read_screen
        from ._table import read_metrics

        forms = {file: recognised(file, source.head(file))[0] for file in source.files}
        names = Names()
        for file, form in forms.items():
            if form is Form.TABLE:
                yield from read_metrics(source, file, names, _LOGGED)
            elif form is Form.SETTINGS:
                yield _settings(source, file)
            else:
                # bars count batches from 1, tables steps from 0
                shift = -1 if Form.TABLE in forms.values() else 0
                yield from read_screen(source, file, names, _PRINTED, shift)


def _settings(source: Source, file: str) -> Block:
    from ._hparams import settings

    rows = BlockBuilder(file, _SET)
    rows.fact("framework", "lightning", 1)
    for setting in settings(_lines(source, file)):
        path = setting.path
        key = path if path.startswith("trainer.") else "seed" if path == "seed_everything" else f"hparams.{path}"
        rows.fact(key, setting.value, setting.line)
    return rows.build()


def _lines(source: Source, file: str) -> Iterator[tuple[int, str]]:
    for piece in source.pieces(file):
        if not piece.continues:
            yield from enumerate(piece.data.decode("utf-8", "replace").split("\n"), piece.first_line)


PARSER: Parser = Lightning()
