"""The sentence for a source that no parser knows: what was tried, what came nearest and why, what it looks like."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from nanlog.model import Parser, Source

__all__ = ["unknown"]

#: What people hand over by mistake, by its first bytes.
_LOOKS = (
    (b"PK\x03\x04", "a zip archive, as torch.save and Keras write checkpoints"),
    (b"\x89HDF\r\n", "an HDF5 file, as Keras writes weights"),
    (b"\x80\x02", "a Python pickle, as torch.save wrote checkpoints"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<html", "a web page"),
)
_QUOTED = 60  #: characters of a line that are quoted


def unknown(source: Source, tried: Sequence[Parser], enough: float) -> str:
    """Say why nothing came of a source; ``enough`` is how sure a parser must be."""
    cannot = f"cannot read {source.name}"
    heads = {file: head for file in source.files if (head := source.head(file))}
    if not heads:
        return f"{cannot}: {_emptiness(source)}; was the log written somewhere else?"
    if not tried:
        return f"{cannot}: no parser is installed; try: pip install --force-reinstall nanlog"
    score, file, nearest = max(
        ((parser.score(file, head), file, parser) for parser in tried for file, head in heads.items()),
        key=lambda known: known[0],
    )
    names = ", ".join(parser.name for parser in tried)
    if score > 0:
        why = f"{nearest.name} came nearest, {score:.0%} sure where {enough:.0%} is needed, because of "
        why += _reason(nearest, file, heads[file], score)
    else:
        file = next(iter(heads))
        why = f"none of them finds a line of its own; {_looks(file, heads[file], alone=len(source.files) == 1)}"
    return (
        f"{cannot}: no parser knows it (tried: {names}); {why}; nanlog formats says what each reads; "
        f"if you know better, name the parser: --format-in {nearest.name}"
    )


def _emptiness(source: Source) -> str:
    for file in source.files:
        deque(source.pieces(file), maxlen=0)  # damage is told after a file was read
    return "; ".join(unread.why for unread in source.damage()[:3]) or "it is empty"


def _reason(parser: Parser, file: str, head: bytes, score: float) -> str:
    """The line without which the parser would be less sure, taking it that more text never makes it less so."""
    lines = head.split(b"\n")
    count = bisect_left(range(len(lines)), score, key=lambda size: parser.score(file, b"\n".join(lines[: size + 1])))
    if count >= len(lines):
        return f"the whole of {file}"
    return f"line {count + 1} of {file}: {_quoted(lines[count])}"


def _looks(file: str, head: bytes, *, alone: bool) -> str:
    it = "it" if alone else file
    if file.replace("\\", "/").endswith("training_args.bin"):
        return (
            f"{it} is a pickle of TrainingArguments, which could hold code and is never opened: give to_json_string()"
        )
    for magic, kind in _LOOKS:
        if head.startswith(magic):
            return f"{it} is {kind}"
    if b"\0" in head:
        return f"{it} is no text"
    first = next((line for line in head.split(b"\n") if line.strip()), b"")
    return f"{it} begins with {_quoted(first)}" if first else f"{it} holds nothing but white space"


def _quoted(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= _QUOTED else text[: _QUOTED - 1] + "…")
