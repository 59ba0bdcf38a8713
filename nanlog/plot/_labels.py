"""Names of curves beside them, not in a legend: at the right edge, moved apart where they would meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nanlog.plot._style import SMALL, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nanlog.plot._envelope import Envelope
    from nanlog.plot._panel import Curve

__all__ = ["name_curves", "spread"]

#: Height of a name, in points.
_ROW = SMALL + 2.0
_AXES_SHARE = 0.75  #: of a panel's height that the axes have, about


def name_curves(axes: Axes, drawn: Sequence[tuple[Curve, int, Envelope]]) -> None:
    """Write the name of each curve right of the axes, at the height of its last finite point."""
    ends: dict[str, tuple[Curve, float]] = {}
    for curve, _, shape in drawn:
        if curve.name:
            finite = shape.y[np.isfinite(shape.y)]
            ends[curve.name] = (curve, float(finite[-1]) if len(finite) else np.inf)
    if len({curve.series.name for curve, _, _ in drawn}) < 2:
        return
    names = list(ends)
    low, high = axes.get_yaxis_transform().transform([(0, axes.get_ylim()[0]), (0, axes.get_ylim()[1])])[:, 1]
    at = axes.get_yaxis_transform().transform([(0, min(y, axes.get_ylim()[1])) for _, y in ends.values()])[:, 1]
    places = spread(((at - low) / (high - low)).tolist(), _row_share(axes))
    for name, place in zip(names, places, strict=True):
        curve = ends[name][0]
        axes.annotate(
            shown(name),
            (1.0, place),
            (6, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            size=SMALL,
            color=curve.line.colour,
            annotation_clip=False,
            gid="curve name",
        )


def _row_share(axes: Axes) -> float:
    """Height of a name as a share of that of the axes."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101
    height = axes.get_position().height * figure.get_figheight() * 72
    return _ROW / max(height, _ROW)


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Move places in 0..1 so that neighbours are ``apart``, as little as need be and in the same order.

    >>> spread([0.5, 0.5], 0.1)
    [0.45, 0.55]
    """
    order = np.argsort(places, kind="stable")
    groups: list[list[float]] = []  # of each group: the sum of what its members want for its middle, and their number
    for rank, index in enumerate(order.tolist()):
        groups.append([min(max(places[index], 0.0), 1.0) - rank * apart, 1.0])
        while len(groups) > 1 and groups[-2][0] / groups[-2][1] >= groups[-1][0] / groups[-1][1]:
            total, count = groups.pop()
            groups[-1][0] += total
            groups[-1][1] += count
    wanted = [total / count for total, count in groups for _ in range(int(count))]
    room = 1.0 - apart * (len(order) - 1)
    moved = [0.0] * len(order)
    for rank, index in enumerate(order.tolist()):
        moved[index] = round(min(max(wanted[rank], 0.0), max(room, 0.0)) + rank * apart, 6)
    return moved
