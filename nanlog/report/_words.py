"""Plain words for the closed vocabularies of the model: patterns, causes, series, places, numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from nanlog.model import Cause, FactValue, Finding, FirstBad, Judgement, Onset, Pattern
from nanlog.report._clean import NAME_LIMIT, SENTENCE_LIMIT, printable

__all__ = [
    "CAUSES",
    "REPLAYED",
    "confirmation",
    "counted",
    "headline",
    "name",
    "number",
    "percent",
    "place",
    "series_words",
    "share",
    "steps",
]

CAUSES = {
    Cause.LR_TOO_HIGH: "The learning rate is too high",
    Cause.BAD_LR_POLICY: "The schedule computes an invalid learning rate",
    Cause.FAULTY_LOSS: "The loss function itself",
    Cause.FAULTY_INPUT: "Bad values in the data or the labels",
    Cause.POOLING_STRIDE_GT_KERNEL: "Average pooling with a stride larger than its kernel",
    Cause.BATCHNORM_INSTABILITY: "Batch normalisation over too little variance",
    Cause.BAD_INITIALISATION: "Parameters that start absurd",
    Cause.FP16_OVERFLOW: "A value beyond the range of a 16-bit float",
    Cause.UNDEFINED_GRADIENT: "A gradient that is undefined where the forward pass is finite",
    Cause.RELU_RNN: "An unbounded activation inside a recurrence",
    Cause.DIVISION_BY_ZERO_SPARSITY: "A division by zero: normalising over nothing",
    Cause.SOFTWARE_BUG: "A fault of software or hardware",
    Cause.AMP_SKIP: "The loss scaler found an overflow and skipped the step",
    Cause.NONE: "A NaN that does no harm",
    Cause.UNKNOWN: "An unknown cause",
}

#: What a replay made of a cause.
REPLAYED = {
    Judgement.CONFIRMED: "confirmed by replay",
    Judgement.REFUTED: "refuted by replay",
    Judgement.NOT_REPRODUCED: "not reproduced by replay",
    Judgement.COULD_NOT_RUN: "replay could not tell",
}

_SERIES = {
    "loss": "training loss",
    "loss_smoothed": "averaged loss",
    "metric": "training output",
    "lr": "learning rate",
    "grad_norm": "gradient norm",
    "grad_l1": "L1 norm of the gradient",
    "clip_norm": "gradient norm that was clipped",
    "loss_scale": "loss scale",
    "param_norm": "norm of the parameters",
    "param_l1": "L1 norm of the parameters",
    "data": "activations",
    "diff": "backward gradients",
    "param": "parameters",
    "param_diff": "parameter gradients",
    "update": "parameter updates",
    "update_norm": "norm of the updates",
    "update_ratio": "size of the updates beside the parameters",
    "nonfinite": "share of non-finite values",
    "message": "a message of the framework",
    "skipped_step": "an update that the loss scaler skipped",
}

#: ``grad_max``, ``activation_mean``: a statistic of each layer.
_STATISTIC = re.compile(r"(grad|param|update|activation)_(\w+)")
_OF = {"grad": "gradients", "param": "parameters", "update": "updates", "activation": "activations"}

_FACTS = {"net.": "layers of the net", "solver.": "parameters of the solver", "model.": "layers of the model"}
#: What a rule asks for, where that is more than one series.
_ALL = {"data/*": "inputs and activations", "grad_norm/*": "gradient norm of each layer"}


def series_words(series: str, layer: str | None = None) -> str:
    """Say what a series of the vocabulary holds: ``data/conv1/conv1`` is "activations of conv1".

    Names with ``*`` and ``fact:KEY``, as rules ask for them, are understood; anything else stays as it is.
    """
    if series.startswith("fact:"):
        key = series.removeprefix("fact:")
        return next((words for start, words in _FACTS.items() if key.startswith(start) and key[-1] == "*"), name(key))
    if series in _ALL:
        return _ALL[series]
    kind, _, rest = series.partition("/")
    if kind.startswith("rank") and rest and kind.removeprefix("rank").isdecimal():
        return f"{series_words(rest, layer)} of rank {kind.removeprefix('rank')}"
    if kind.startswith("val") and rest and kind.removeprefix("val").isdecimal() | (kind == "val"):
        return "validation loss" if rest == "loss" else f"{series_words(rest, layer)} in validation"
    words = _SERIES.get(kind.rstrip("*"))
    if words is None and rest and (found := _STATISTIC.fullmatch(kind)) is not None:
        words = _OF[found[1]] + ("" if found[2] == "value" else f" ({found[2].replace('_', ' ')})")
    if words is None:
        return name(series)
    if layer is not None:
        return f"{words} of {name(layer)}"
    return f"{words} {name(rest)}" if kind in {"loss", "lr", "metric"} and rest.strip("*") else words


def headline(onset: Onset) -> str:
    """What happened, in one sentence; what is judged is the loss unless the onset says otherwise."""
    if onset.loss_step is None and onset.order and (onset.series or "").startswith("nonfinite/"):
        return f"A check in the net found non-finite values in {name(onset.order[0].layer or 'a layer')}."
    if onset.loss_step is None and onset.series == "message":
        return "A message says that a value is not finite; no logged loss shows it."
    what = _subject(onset)
    match onset.pattern:
        case Pattern.GRADUAL_GROWTH:
            grew = "grew over several logged points" if _grew_for_long(onset) else "left its normal range"
            return f"The {what} {grew}, then became {_bad_value(onset)}."
        case Pattern.SUDDEN_JUMP:
            return f"The {what} went from normal to {_bad_value(onset)} between two logged points."
        case Pattern.INVALID_LR:
            return f"The learning rate itself became {_bad_value(onset)}."
        case Pattern.FROM_START:
            return f"The {what} showed {_bad_value(onset)} from the first logged point on."
        case Pattern.DIVERGENCE:
            return f"The {what} exploded and stayed there; it never became NaN in this log."
        case Pattern.MASKED:
            return f"The {what} {_shown(onset)}, which stands for {_mask(onset)}."
        case Pattern.TRANSIENT:
            return _passing(onset, what)
        case Pattern.HEALTHY:
            return "Nothing non-finite that matters."


def confirmation(findings: Sequence[Finding]) -> str:
    """``Confirmed by replay: bad values in the data or the labels.``; "" where no replay confirmed a cause."""
    causes = [CAUSES[finding.cause] for finding in findings if finding.replayed is Judgement.CONFIRMED]
    return f"Confirmed by replay: {' and '.join(cause[0].lower() + cause[1:] for cause in causes)}." if causes else ""


def _grew_for_long(onset: Onset) -> bool:
    """Whether more than the last finite point had left the normal range."""
    return onset.departure_step is None or onset.departure_step != onset.last_finite_step


def _shown(onset: Onset) -> str:
    """What a masked series showed: a number, or no number where there should be one."""
    if onset.masked_value is None and onset.order and math.isnan(onset.order[0].value) and onset.masked_as:
        return f"is missing from its rows from {steps(onset.order[0])} on"
    own = next((bad.value for bad in onset.order if math.isfinite(bad.value)), onset.masked_value)
    return "showed " + ("a finite value" if own is None else number(own))


def _mask(onset: Onset) -> str:
    return printable(onset.masked_as, SENTENCE_LIMIT) if onset.masked_as else "NaN"


def _passing(onset: Onset, what: str) -> str:
    """Something that was bad for a while; an average is not, it stays bad when what it is of has long recovered."""
    if onset.masked_as:
        back = "" if onset.recovered_step is None else f" and comes back at step {onset.recovered_step}"
        return f"The {what} {_shown(onset)}{back}, which stands for {_mask(onset)}."
    if onset.series == "loss_smoothed" and onset.loss_step is None:
        return f"The {what} became {_bad_value(onset)} over steps that are not logged; every logged loss is finite."
    return f"The {what} became {_bad_value(onset)} for a while, then finite again."


def _subject(onset: Onset) -> str:
    """The loss, unless it never went bad: then the series that did."""
    if onset.loss_step is not None or onset.series is None:
        return "training loss"
    first = onset.order[0] if onset.order else None
    return series_words(onset.series, first.layer if first else None)


def _bad_value(onset: Onset) -> str:
    """NaN or infinity as the loss (or the rate) shows it; what another series shows says little about the loss."""
    judged = "lr" if onset.pattern is Pattern.INVALID_LR else "loss"
    own = next((bad.value for bad in onset.order if bad.series.split("/")[0] == judged), None)
    if own is None and (onset.loss_step is None or onset.series is None):
        own = onset.value
    return "non-finite" if own is None or math.isfinite(own) else number(own)


def number(value: FactValue) -> str:
    """Six significant digits; NaN, +Inf and -Inf in words of their own."""
    if isinstance(value, bool | str):
        return printable(str(value), NAME_LIMIT)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return format(value, ".6g") if isinstance(value, float) else str(value)


def percent(confidence: float) -> str:
    """A whole percentage; no log makes a cause certain, and none that is mentioned is impossible."""
    if confidence < 0.005:
        return "<1%"
    return ">99%" if confidence >= 0.995 else f"{confidence:.0%}"


def share(finding: Finding) -> str:
    """How sure it is, in a word or two: what a replay says, else the percentage."""
    settled = finding.replayed in (Judgement.CONFIRMED, Judgement.REFUTED)
    return REPLAYED[finding.replayed] if finding.replayed and settled else percent(finding.confidence)


def counted(amount: int, noun: str, plural: str | None = None) -> str:
    """``1 line``, ``12,345 lines``."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def name(text: str) -> str:
    return printable(text, NAME_LIMIT)


def steps(bad: FirstBad) -> str:
    return "an undated step" if bad.step is None else f"step {bad.step}"


def place(file: str | None, line: int | None, limit: int) -> str:
    """``file:line``; a long path keeps its end."""
    if file is None:
        return "" if line is None else f"line {line}"
    shown = printable(file, 4096)
    if len(shown) > limit:
        shown = "…" + shown[-limit + 1 :]
    return shown if line is None else f"{shown}:{line}"
