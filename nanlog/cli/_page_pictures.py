"""The pictures of a page, each with the words that say what it shows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from nanlog.errors import NotLoggedError
from nanlog.model import FirstBad, Report
from nanlog.report._calm import span
from nanlog.report._words import name, number, series_words, steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nanlog.report.html import Picture

__all__ = ["pictures_of"]

#: A larger one is given as pixels.
_LARGEST_SVG = 1 << 20
_DPI = 170
_NAMED = 5  #: series that went bad, in the words for a picture
_WHOLE = ("loss", "lr", "grad_norm", "val/loss")
#: What is drawn layer by layer.
_LAYERED = ("grad_norm/", "param_diff/", "diff/")


def pictures_of(report: Report) -> Iterator[Picture]:
    """The overview, and the gradients of each layer, as far as the log has what they show."""
    from nanlog import plot
    from nanlog.report.html import Picture

    drawn: list[tuple[str, str, Callable[[Report], Figure]]] = [("Overview", _overview(report), plot.overview)]
    if layers := sum(series.startswith(_LAYERED) for series in report.run.table):
        drawn.append(("Gradients of each layer", _gradients(report, layers), plot.grad_norms))
    for title, alt, draw in drawn:
        try:
            figure = draw(report)
        except NotLoggedError:
            continue
        yield Picture(title, alt, *_encoded(figure))


def _encoded(figure: Figure) -> tuple[str, bytes]:
    """SVG, its letters as outlines: it is to look alike where the fonts are others.  PNG where that is large."""
    import matplotlib as mpl

    from nanlog.plot import save
    from nanlog.plot._style import style

    made = io.BytesIO()
    with style():
        mpl.rcParams["svg.fonttype"] = "path"
        figure.savefig(made, format="svg", metadata={"Date": None, "Creator": None})
    if made.tell() <= _LARGEST_SVG:
        return "image/svg+xml", made.getvalue()
    pixels = io.BytesIO()
    save(figure, pixels, "png", dpi=_DPI)
    return "image/png", pixels.getvalue()


def _overview(report: Report) -> str:
    there = [series_words(series) for series in _WHOLE if report.run.series(series) is not None]
    return " ".join([f"{_listed(there or ['The series']).capitalize()} {_extent(report)}.", *_went(report, ())])


def _gradients(report: Report, layers: int) -> str:
    return " ".join([f"{layers:,} series of gradients {_extent(report)}.", *_went(report, _LAYERED)])


def _extent(report: Report) -> str:
    ends = span(report.run)
    return "in the order logged" if ends is None else f"from step {ends[0]} to step {ends[1]}"


def _went(report: Report, kinds: tuple[str, ...]) -> Iterator[str]:
    """What went bad first among series of some kinds (or all), and that nothing did."""
    order = () if report.onset is None else report.onset.order
    bad = [each for each in order if not kinds or each.series.startswith(kinds)]
    if not bad:
        yield "All of them are finite." if kinds else "Nothing in it is bad."
        return
    more = f", and {len(bad) - _NAMED:,} more later" if len(bad) > _NAMED else ""
    yield f"First to go bad: {_listed([_said(each) for each in bad[:_NAMED]])}{more}."


def _said(bad: FirstBad) -> str:
    return f"{name(bad.series)} ({number(bad.value)} at {steps(bad)})"


def _listed(parts: list[str]) -> str:
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
