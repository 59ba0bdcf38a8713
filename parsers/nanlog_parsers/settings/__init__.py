"""Configuration files, beside a log or on their own: what was set, each scalar with its line.

JSON: ``config.json`` of a model of Hugging Face, ``ds_config.json`` of DeepSpeed, ``TrainingArguments`` as
``to_json_string`` writes them, a model of Keras (``model.to_json()``), anybody's own settings.  YAML: what accelerate,
Weights & Biases, Hydra, axolotl and LLaMA-Factory keep, ``args.yaml`` of Ultralytics, anybody's own.
``training_args.bin`` is a pickle, which can hold code: it is never opened.
"""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Block, BlockBuilder, Parser, Piece, Source

from ._kinds import kind_of

__all__ = ["PARSER", "Settings"]

#: No configuration is larger; what follows is not read.
_MOST_BYTES = 4 << 20


class Settings:
    """Reads settings; see the package."""

    name = "settings"
    title = "settings: config.json of a model, ds_config.json, TrainingArguments, Keras' model JSON, YAML of trainers"
    gives = ("hyper-parameters", "hazards in them")

    def score(self, file: str, head: bytes) -> float:
        return kind_of(file, head)[1]

    def read(self, source: Source) -> Iterator[Block]:
        from ._facts import facts
        from ._tree import from_json, from_yaml

        for file in source.files:
            head = source.head(file)
            kind = kind_of(file, head)[0]
            read = from_json if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" else from_yaml
            rows = BlockBuilder(file, "settings")
            for key, value, line in facts(kind, read(_first(source, file))):
                rows.fact(key, value, line)
            yield rows.build()


def _first(source: Source, file: str) -> Iterator[Piece]:
    """As much of a file as a configuration can be long; the rest is passed over, so that its lines are counted."""
    size = 0
    for piece in source.pieces(file):
        size += len(piece.data)
        if size <= _MOST_BYTES:
            yield piece


PARSER: Parser = Settings()
