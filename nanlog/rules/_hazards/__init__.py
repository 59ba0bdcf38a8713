"""Static hazards: settings that can end in NaN, in what the log prints or in the files beside it.

A hazard alone is a note, whatever the verdict.  One that agrees with the onset is a sign of the rule it belongs to.
What is said of no default of any framework is worth reading: each module names the source of its thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from nanlog.model import Evidence
from nanlog.rules._hazards._caffe import layers, solver
from nanlog.rules._hazards._divisors import divisors
from nanlog.rules._hazards._precision import precision
from nanlog.rules._hazards._rates import rates
from nanlog.rules._hazards._scaler import scaler
from nanlog.rules._hazards._stated import Stated
from nanlog.rules._hazards._training import training
from nanlog.rules._view import View

__all__ = ["hazards"]


def hazards(view: View) -> Iterator[Evidence]:
    """Every hazard of the attempt, each citing the line of the setting; what many layers share is said once."""
    stated = Stated(view.run)
    of_settings = (part(view, stated) for part in (rates, training, divisors, precision, scaler))
    found: dict[str, list[Evidence]] = {}
    for hazard in chain(solver(view), layers(view), *of_settings):
        found.setdefault(hazard.says, []).append(hazard)
    for same in found.values():
        more = len(same) - 1
        yield replace(same[0], says=f"hazard: {same[0].says}" + (f" (and in {more} more places)" if more else ""))
