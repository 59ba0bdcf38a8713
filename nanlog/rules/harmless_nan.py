"""A NaN that does no harm: it stands in a metric, not in anything the training depends on.

What it sees
    A metric (accuracy, IoU, AUC) that is nan or inf while losses, gradients, parameters and rate are finite; nan in
    the rows of a table in which nothing was evaluated.

Why it ends in NaN
    A metric over a class that is absent from the batch, or over an empty evaluation set, is 0/0.

Fires on
    harmless_nan_precision, harmless_nan_precision_of_a_class

Quiet on
    healthy_lenet_debug, healthy_negative_loss, healthy_gradient_clipping, healthy_truncated_debug, nan_label_debug,
    nan_batch_state

What to do
    Nothing for the training; leave absent classes out of the mean if the number matters.

May be wrong when
    A user's own metric layer feeds something that is trained.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nanlog.model import Cause, Pattern, Sign
from nanlog.onset import padding
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View, number


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern is not Pattern.HEALTHY:
        return
    yield from _fills_rows(view)
    for name, series in view.run.table.items():
        bad = np.flatnonzero(~np.isfinite(series.value))
        if len(bad):
            index = int(bad[0])
            value = number(float(series.value[index]))
            says = f"{name} = {value} in {len(bad)} of {len(series)} points; the loss is finite"
            yield view.sign("metric_only", view.point(series, index, says))


def _fills_rows(view: View) -> Iterator[Sign]:
    """Rows that hold other values need something in this column, too."""
    whole = view.case.whole
    logged = whole.of_attempt(view.onset.attempt) if whole.attempts else whole
    for name, fills in padding(logged).items():
        index, series = int(np.argmax(fills)), logged.table[name]
        says = f"{name} = nan fills {int(fills.sum())} of {len(series)} rows, in which it was not measured"
        yield view.sign("metric_only", view.point(series, index, says))


def remedies(view: View) -> Iterator[str]:
    yield "nothing to repair: no update depends on this number"


def next_test(view: View) -> str:
    return "none needed"


RULE = CauseRule(__name__, Cause.NONE, signs, remedies, next_test)
