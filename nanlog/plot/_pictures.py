"""Which panels each picture has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nanlog.model import Series
from nanlog.onset import base_name, main_loss
from nanlog.plot._choice import MOST_CURVES, curves_of, in_table
from nanlog.plot._panel import CurvePanel, Panel
from nanlog.plot._ratio import RULE_OF_THUMB, ratios
from nanlog.plot._subject import subject_of
from nanlog.plot.heat import HeatPanel

if TYPE_CHECKING:
    from nanlog.model import Report, Run
    from nanlog.plot._subject import Subject

__all__ = ["PICTURES", "available", "first_bad_panels", "overview_panels", "series_panels"]

_LARGE, _MEDIUM, _SMALL = 2.6, 2.0, 1.5  #: heights in inches
#: Series of each layer.
_OF_LAYERS = {
    "grad_norm": "gradient norm of each parameter",
    "param_diff": "gradients of the parameters, mean size",
    "diff": "gradients of the activations, mean size",
    "param": "parameters, mean size",
    "data": "activations, mean size",
    "param_norm": "norm of each parameter",
    "update_norm": "norm of the update of each parameter",
    "update_ratio": "update / parameter, as logged",
}
#: Statistics of each layer, the most telling first, and how they are called.
_STATISTICS = {
    "norm": "norm",
    "rms": "root mean square",
    "abs_mean": "mean size",
    "abs_max": "largest size",
    "max": "maximum",
    "mean": "mean",
    "std": "standard deviation",
    "value": "as logged",
    "l1": "L1 norm",
    "median": "median",
    "min": "minimum",
    "var": "variance",
}
_MEASURED = {"grad": "gradients", "param": "parameters", "update": "updates", "activation": "activations"}
#: So many statistics of one quantity are drawn.
_MOST_STATISTICS = 3
#: Height of the cells in an overview, in inches.
_LOW = 2.6
#: So many panels of series chosen by their names, at most.
_MOST_PANELS = 12


def _loss(subject: Subject) -> list[Panel]:
    """The training loss, its parts and averages, and the losses of evaluations."""
    return _curves(subject, in_table(subject, "loss", "loss_smoothed"), "loss", _LARGE)


def _lr(subject: Subject) -> list[Panel]:
    return _curves(subject, in_table(subject, "lr"), "learning rate", _SMALL, "lr/")


def _grad_norms(subject: Subject) -> list[Panel]:
    """The global norm, and below it the gradients of each layer."""
    panels = _global_norm(subject)
    for kind, found in _layer_gradients(subject):
        panels += _layers(subject, kind, found)
    return panels


def _global_norm(subject: Subject) -> list[Panel]:
    whole = [series for series in in_table(subject, "grad_norm", "clip_norm") if "/" not in base_name(series.name)]
    if whole:
        clipped = all(base_name(series.name) == "clip_norm" for series in whole)
        return _curves(subject, whole, "gradient norm, where it was clipped" if clipped else "gradient norm", _MEDIUM)
    return _curves(subject, in_table(subject, "grad_l1"), "L1 norm of the gradient", _MEDIUM)


def _layer_gradients(subject: Subject) -> list[tuple[str, list[Series]]]:
    """What is logged of the gradient of each layer: its norm, else Caffe's mean sizes, of blobs and of parameters."""
    return _statistics(subject, "grad") or [
        (kind, series) for kind in ("diff", "param_diff") if (series := in_table(subject, kind))
    ]


def _statistics(subject: Subject, what: str) -> list[tuple[str, list[Series]]]:
    """The statistics of a quantity that are logged of each layer, the most telling ones."""
    found = {f"{what}_{statistic}": in_table(subject, f"{what}_{statistic}") for statistic in _STATISTICS}
    layered = {kind: [one for one in series if "/" in base_name(one.name)] for kind, series in found.items()}
    return [(kind, series) for kind, series in layered.items() if series][:_MOST_STATISTICS]


def _params(subject: Subject) -> list[Panel]:
    whole = [one for one in in_table(subject, "param_norm") if "/" not in base_name(one.name)]
    panels = _curves(subject, whole, "norm of the parameters", _MEDIUM)
    for kind, series in (("param", in_table(subject, "param")), *_statistics(subject, "param")):
        panels += _layers(subject, kind, series)
    return panels


def _activations(subject: Subject) -> list[Panel]:
    panels = _layers(subject, "data", in_table(subject, "data"))
    for kind, series in _statistics(subject, "activation"):
        panels += _layers(subject, kind, series)
    return panels


def _ratio(subject: Subject) -> list[Panel]:
    """Of a few parameters as curves, in which the values are read, of many as cells."""
    what, found = ratios(subject.run)
    if not found:
        return []
    if len(found) > MOST_CURVES:
        return [HeatPanel(what, tuple(found), RULE_OF_THUMB, "no ratio")]
    rule = (RULE_OF_THUMB, f"{RULE_OF_THUMB:g}, a rule of thumb")
    return [CurvePanel(what, curves_of(subject, found, "ratio/"), _LARGE, rule)]


def _curves(subject: Subject, series: Sequence[Series], title: str, height: float, prefix: str = "") -> list[Panel]:
    return [CurvePanel(title, curves_of(subject, series, prefix), height)] if series else []


def _layers(subject: Subject, kind: str, series: list[Series]) -> list[Panel]:
    """What is logged for each layer, as cells of layers and steps; of a single layer as a curve."""
    if len({base_name(one.name) for one in series}) > 1:
        return [HeatPanel(_title(kind), tuple(series))]
    return _curves(subject, series, _title(kind), _LARGE, f"{kind}/")


def _title(kind: str) -> str:
    """What a panel of this quantity of layers is called."""
    what, _, statistic = kind.partition("_")
    if kind in _OF_LAYERS or what not in _MEASURED or statistic not in _STATISTICS:
        return _OF_LAYERS.get(kind, kind.replace("_", " "))
    return f"{_MEASURED[what]} of each layer, {_STATISTICS[statistic]}"


#: Name of a picture -> its panels; none where the log has nothing for it.
PICTURES: dict[str, Callable[[Subject], list[Panel]]] = {
    "loss": _loss,
    "lr": _lr,
    "grad-norms": _grad_norms,
    "params": _params,
    "activations": _activations,
    "ratio": _ratio,
}


def available(what: Report | Run) -> tuple[str, ...]:
    """Those of :data:`PICTURES` for which the log has something."""
    subject = subject_of(what)
    return tuple(name for name, panels in PICTURES.items() if panels(subject))


def overview_panels(subject: Subject) -> list[Panel]:
    """What one wants to see first: loss, rate, gradient norm, and the series that went bad first."""
    loss = _loss(subject)
    if not loss and (main := main_loss(subject.run)) is not None:
        loss = _curves(subject, [main], base_name(main.name), _LARGE)
    norm = _global_norm(subject) or [_low(panel) for panel in _grad_norms(subject)[:1]]
    panels = [*loss, *_lr(subject), *(norm if not _same(norm, loss) else [])]
    return panels + first_bad_panels(subject, panels)


def _low(panel: Panel) -> Panel:
    return replace(panel, highest=_LOW) if isinstance(panel, HeatPanel) else panel


def _same(one: Sequence[Panel], other: Sequence[Panel]) -> bool:
    return bool(one and other) and one[0].series == other[0].series


def first_bad_panels(subject: Subject, shown: Sequence[Panel]) -> list[Panel]:
    """The series that went bad first, where ``shown`` does not have it."""
    there = {series.name for panel in shown for series in panel.series}
    first = subject.run.series(subject.onset.series or "")
    if first is None or first.name in there:
        return []
    return _curves(subject, [first], f"first to go bad: {first.name}", _MEDIUM)


def series_panels(subject: Subject, globs: Sequence[str]) -> tuple[list[Panel], list[str]]:
    """A panel for each quantity among the series that match, and the names of those beyond the last panel.

    A pattern matches the name of a series, or what the framework called it; as in a shell, ``*`` matches anything.
    """
    groups: dict[str, list[Series]] = {}
    for name, series in subject.run.table.items():
        if any(fnmatchcase(name, glob) or fnmatchcase(series.info.original, glob) for glob in globs):
            base = base_name(name)
            kind = base.partition("/")[0]
            groups.setdefault(base if kind == "metric" else kind, []).append(series)
    panels: list[Panel] = []
    for kind, found in list(groups.items())[:_MOST_PANELS]:
        layered = any("/" in base_name(one.name) for one in found)
        title = kind[7:] if kind.startswith("metric/") else _title(kind) if layered else kind.replace("_", " ")
        panels += _curves(subject, found, title, _MEDIUM, f"{kind}/")
    return panels, [series.name for found in list(groups.values())[_MOST_PANELS:] for series in found]
