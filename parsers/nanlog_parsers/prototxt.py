"""Caffe's own definitions, on their own: ``solver.prototxt`` and ``net.prototxt`` hold hazards before any training."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nanlog.model import Block, Fact, Parser, Source, Unread

__all__ = ["PARSER", "Prototxt"]

#: A definition of more lines than the largest nets have is none.
_MOST_LINES = 200_000
_LONGEST_LINE = 2_000
_SOLVER = re.compile(rb"^[ \t]*(?:base_lr|lr_policy|solver_mode|snapshot_prefix|train_net|net)[ \t]*:", re.MULTILINE)
_NET = re.compile(rb"^[ \t]*layers?[ \t]*\{", re.MULTILINE)
_TYPED = re.compile(rb"^[^#\n]{0,200}\btype[ \t]*:", re.MULTILINE)
_ENDINGS = (".prototxt", ".pbtxt", ".prototxt.txt")


class Prototxt:
    """Reads definitions in protobuf's text format; see the module."""

    name = "prototxt"
    title = "Caffe's solver and net definitions (.prototxt), beside a log or on their own"
    gives = ("solver and net parameters", "hazards in them")

    def score(self, file: str, head: bytes) -> float:
        is_net = bool(_NET.search(head) and _TYPED.search(head))
        if not is_net and len(_SOLVER.findall(head)) < 2:
            return 0.0
        return 0.9 if file.lower().endswith(_ENDINGS) else 0.25

    def read(self, source: Source) -> Iterator[Block]:
        from nanlog_parsers.caffe._dump import facts
        from nanlog_parsers.caffe._prototxt import read_prototxt

        for file in source.files:
            text = b"".join(piece.data for piece in source.pieces(file) if piece.first_line <= _MOST_LINES)
            lines = [line[:_LONGEST_LINE] for line in text.decode("utf-8", "replace").split("\n")[:_MOST_LINES]]
            document = read_prototxt("\n".join(lines))
            is_solver = document.message.first("layer") is None and document.message.first("layers") is None
            prefix = "solver" if is_solver else "net.train"
            found = [*facts(document.message, prefix, file), Fact("framework", "caffe", file, 1)]
            if not is_solver:
                found = _of_training(found)
            unread = tuple(Unread(file, problem.line, problem.text, problem.why) for problem in document.problems)
            yield Block(file, facts=tuple(found), unread=unread, stream="definitions")


def _of_training(found: list[Fact]) -> list[Fact]:
    """Without the layers that only a test net has, numbered as Caffe numbers those of the training net."""
    layers: dict[str, list[Fact]] = {}
    for fact in found:
        layers.setdefault(_layer(fact.key), []).append(fact)
    kept = [fact for key, own in layers.items() if not key for fact in own]
    trained = [own for key, own in layers.items() if key and not _tests_only(own)]
    for index, own in enumerate(trained):
        begin = f"net.train.layer[{index}]"
        kept += [Fact(begin + f.key[len(_layer(f.key)) :], f.value, f.file, f.line) for f in own]
    return kept


def _layer(key: str) -> str:
    """``net.train.layer[3]`` of ``net.train.layer[3].name``; "" for what is of no layer."""
    head, bracket, _ = key.partition("]")
    return head + bracket if bracket and head.startswith("net.train.layer[") else ""


def _tests_only(layer: list[Fact]) -> bool:
    return any(re.search(r"\]\.include(?:\[\d+\])?\.phase$", fact.key) and fact.value == "TEST" for fact in layer)


PARSER: Parser = Prototxt()
