"""What is drawn upon the cells: where it began, which way it spread, and the steps that matter."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from nanlog.plot._heat_style import LOOKS
from nanlog.plot._style import GREY, INK, SMALL, WIDTH, Kind, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nanlog.plot._cells import Grid
    from nanlog.plot._marks import Event
    from nanlog.plot._spread import Spread

__all__ = ["mark_beginning", "mark_spread", "mark_steps", "said_of"]

_NAME = 34  #: longest name of a row
_NAMED = 2  #: rows that began together and are all named
_ARROWS = 1.02  #: where arrows stand beside the cells, in widths of the axes
_PIXEL = 1 / (0.75 * WIDTH * 100)  #: about a pixel, in widths of the axes
_LETTER, _BOLD = 0.52, 0.62  #: width of a letter in units of the size of type, about


def mark_steps(axes: Axes, grid: Grid, events: Sequence[Event]) -> None:
    """Vertical lines at the events; that of the onset at the left edge of its column, which it must not hide."""
    from matplotlib.patheffects import Normal, Stroke

    for event in events:
        if grid.edges[0] <= event.at <= grid.edges[-1]:
            line = event.line
            axes.axvline(
                float(grid.edges[grid.column(event.at)]) if event.bold else event.at,
                color=line.colour,
                linestyle=line.dashes,
                linewidth=0.8 * line.width,
                path_effects=[Stroke(linewidth=2.2 * line.width, foreground="white", alpha=0.55), Normal()],
                zorder=4,
                gid="event on cells",
            )


def mark_beginning(axes: Axes, grid: Grid, spread: Spread, unit: str) -> None:
    """A frame around the first cells, and their names beside it, on the side that has more room if one has too little.

    ``unit`` is what steps count.
    """
    from matplotlib.patches import Rectangle

    column = grid.column(spread.at.x)
    low, high = axes.get_xlim()
    around = 1.5 * _PIXEL * (high - low)  # a frame on the edges would hide a narrow cell
    left, right = float(grid.edges[column]) - around, float(grid.edges[column + 1]) + around
    for top, bottom in spread.blocks:
        for colour, width, gid in (("white", 2.8, "halo"), (INK, 1.3, "began")):
            box = Rectangle((left, top), right - left, bottom + 1 - top, fill=False, ec=colour, lw=width, zorder=5)
            box.set_clip_on(False)
            box.set_gid(gid)
            axes.add_patch(box)
    top, bottom = spread.blocks[0]
    lead, _, rest = said_of(grid, spread, unit).partition(": ")
    share = (right - low) / (high - low)
    on_left = share > 0.5 and len(rest) > _letters(1 - share)
    said = "\n".join([f"{lead}:", *wrap(rest, max(_letters(max(share, 1 - share)), _NAME), break_long_words=False)])
    axes.annotate(
        said,
        (left if on_left else right, (top + bottom + 1) / 2),
        (-22 if on_left else 22, 0),
        textcoords="offset points",
        ha="right" if on_left else "left",
        va="center",
        size=SMALL + 0.5,
        weight="bold",
        color=INK,
        bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": INK, "linewidth": 0.7},
        arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 1},
        zorder=6,
        gid="name of the beginning",
    )


def _letters(share: float) -> int:
    """How many bold letters stand beside a frame, in so much of the width of the axes."""
    return int((share * 72 / (100 * _PIXEL) - 30) / (_BOLD * (SMALL + 0.5)))


def said_of(grid: Grid, spread: Spread, unit: str = "step") -> str:
    """For example ``it began here: ip2/0 = NaN at step 35``; ``first of these`` where it began in another series."""
    rows = [grid.rows[k] for k in spread.first]
    names = [shown(row.name, _NAME) for row in rows]
    if len(rows) == len(grid.rows) > 1:
        where = f"all {len(rows)} rows"
    elif len(rows) <= _NAMED:
        where = " and ".join(names)
    else:
        where = f"{len(rows)} of {len(grid.rows)}, {names[0]} to {names[-1]}"
    here = any(grid.onset in row.series for row in rows)
    lead = "it began here" if here else "first of these"
    words = dict.fromkeys(LOOKS[row.bad_from.cell].word for row in rows if row.bad_from is not None)
    return f"{lead}: {where} = {' or '.join(words)} at {unit} {spread.at.x:.0f}"


def mark_spread(axes: Axes, grid: Grid, spread: Spread, height: float, unit: str) -> None:
    """Arrows right of the cells from where it began to the outermost rows that it reached, and when it was there.

    ``height`` is that of the axes, in inches.
    """
    across = axes.get_yaxis_transform()
    known = grid.order != "logged"
    for reached, begin, end, where in (
        (spread.above, spread.first[0], 0.15, "to input"),
        (spread.below, spread.first[-1] + 1, 0.85, "to output"),
    ):
        if reached is None:
            continue
        axes.annotate(
            "",
            (_ARROWS, reached.row + end),
            (_ARROWS, begin),
            xycoords=across,
            textcoords=across,
            arrowprops={"arrowstyle": "-|>", "color": Kind.NAN.colour, "linewidth": 2.0, "shrinkA": 0, "shrinkB": 0},
            annotation_clip=False,
            gid="spread",
        )
        when = f"same {unit}" if reached.by == spread.at.x else f"by {unit} {reached.by:.0f}"
        room = abs(begin - reached.row - end) / len(grid.rows) * height * 72
        _name_arrow(axes, (begin + reached.row + end) / 2, room, [where if known else "on", when])
    if spread.above is not None or spread.below is not None:
        rows = [row + 0.5 for block in spread.blocks for row in block]
        x = [_ARROWS] * len(rows)
        axes.plot(x, rows, "o", ms=4, color=Kind.NAN.colour, transform=across, clip_on=False, gid="spread from")


def _name_arrow(axes: Axes, middle: float, room: float, words: list[str]) -> None:
    """The words along an arrow that is ``room`` points long, or as many of the last of them as fit."""
    said = next((text for text in (", ".join(words), words[-1]) if len(text) * _LETTER * (SMALL - 0.5) <= room), "")
    if said:
        axes.text(
            *(_ARROWS + 0.012, middle, said),
            transform=axes.get_yaxis_transform(),
            rotation=90,
            ha="left",
            va="center",
            size=SMALL - 0.5,
            color=GREY,
            gid="name of the spread",
        )
