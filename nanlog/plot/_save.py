"""Figures become files whose bytes depend on nothing but the figure."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

from nanlog.errors import UsageError
from nanlog.plot._style import DPI, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "format_of", "save"]

#: Ending -> what matplotlib would add by itself: the date, and its own version.
_WITHOUT: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(_WITHOUT)


def format_of(name: str) -> str:
    """The format that the ending of a file's name asks for; raises :class:`~nanlog.errors.UsageError` for any other."""
    ending = Path(name).suffix.lower().removeprefix(".")
    if ending not in _WITHOUT:
        raise UsageError(f"{name}: a picture ends in .{', .'.join(FORMATS[:-1])} or .{FORMATS[-1]}")
    return ending


def save(figure: Figure, file: str | Path | IO[bytes], form: str | None = None, dpi: float = DPI) -> None:
    """Write a figure as PNG, SVG or PDF: by ``form``, else by the ending of ``file``.

    The text of an SVG stays text, and everything from the log in it is escaped.  The same figure gives the same bytes.
    """
    if form is None:
        form = format_of(str(file)) if isinstance(file, str | Path) else "png"
    with style():
        figure.savefig(file, format=form, metadata=_WITHOUT[form], dpi=dpi)
