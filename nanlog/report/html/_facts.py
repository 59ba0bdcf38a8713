"""What the log says of the training itself: the settings that matter to a NaN, and all others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from nanlog.model import Fact, Run
from nanlog.report._words import name, number
from nanlog.report.html._sheet import Sheet

__all__ = ["Setting", "all_facts", "settings"]

MOST = 400  #: rows of the table of all facts
_SHOWN = 6  #: facts of one kind
_NOT_SAID = "the log does not say"

#: What to look for under which keys (the last part of a key in lower case); the first four are always answered.
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (label, re.compile(words))
    for label, words in (
        ("Optimizer", r"optim(izer)?(_type|_name|_class)?|solver_type"),
        ("Learning rate", r"base_lr|(init_|peak_|max_)?lr|learning_rate"),
        (
            "Precision",
            r"precision|mixed_precision|(amp_|torch_)?dtype|fp16|bf16|half_precision_backend|dtype_policy|amp",
        ),
        ("Batch size", r"(micro_|global_|per_device_|per_gpu_)?(train_)?(micro_)?batch_?size(_per_gpu)?"),
        (
            "Schedule",
            r"lr_policy|lr_scheduler(_type)?|sched(uler)?|gamma|stepsize|power|warm(up)?(_steps|_ratio|_iters|_epochs)?",
        ),
        ("Gradient clipping", r"clip_gradients|max_grad_norm|gradient_clip_val|grad_clip|clip_norm|clipnorm"),
        ("Momentum", r"momentum2?|adam_beta[12]|betas?|delta|eps(ilon)?|adam_epsilon"),
        ("Weight decay", r"weight_decay|regularization_type"),
        ("Seed", r"(random_|manual_)?seed"),
        ("Device", r"device|solver_mode|gpus?|accelerator"),
        ("Length", r"max_iter|max_steps|max_epochs|num_train_epochs|epochs|total_steps|steps_per_epoch"),
        ("Framework", r"framework|framework_version|writer"),
    )
)
_ALWAYS = 4
#: Values nobody wants to find in a file that is sent around.
_SECRET = re.compile(r"(^|[._-])(token|secret|password|passwd|pwd|api_?key|access_?key|credentials?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setting:
    label: str
    values: tuple[Markup, ...]  #: each with the place that states it


def settings(sheet: Sheet, run: Run) -> Iterator[Setting]:
    """The settings that matter to a NaN; of the first four it is said where the log has none."""
    stated: dict[str, dict[str, Fact]] = {}
    for fact in run.facts:
        if (label := _kind(fact.key)) is not None:
            stated.setdefault(label, {})[fact.key] = fact
    for rank, (label, _) in enumerate(_KINDS):
        values = [_stated(sheet, fact) for fact in list(stated.get(label, {}).values())[:_SHOWN]]
        match label:
            case "Learning rate":
                values += _rate(run)
            case "Optimizer" if not values:
                values += _optimizer(sheet, run)
        if values or rank < _ALWAYS:
            yield Setting(label, tuple(values) or (Markup('<span class="open">{}</span>').format(_NOT_SAID),))


def _kind(key: str) -> str | None:
    """What a fact is about; of the layers of a net only the batch they are given matters here."""
    word = key.rpartition("/")[2].rpartition(".")[2].lower()
    if key.startswith(("net.", "shape.", "model.")):
        return "Batch size" if key.startswith("net.train.") and word == "batch_size" else None
    if key == "solver.type":
        return "Optimizer"
    return next((label for label, words in _KINDS if words.fullmatch(word)), None)


def all_facts(sheet: Sheet, facts: Sequence[Fact]) -> Iterator[tuple[Markup, Markup, Markup]]:
    """Key, value and place, in the order stated; 400 at most."""
    for fact in facts[:MOST]:
        yield sheet.text(fact.key), sheet.text(_value(fact)), sheet.place(fact.file, fact.line)


def _stated(sheet: Sheet, fact: Fact) -> Markup:
    said = Markup("{} <code>{}</code>").format(sheet.text(_value(fact)), sheet.text(name(fact.key)))
    return sheet.with_place(said, fact.file, fact.line)


def _value(fact: Fact) -> str:
    if _SECRET.search(fact.key) and isinstance(fact.value, str) and fact.value:
        return "(left out: it may be a secret)"
    return fact.value if isinstance(fact.value, str) else number(fact.value)


def _rate(run: Run) -> Iterator[Markup]:
    """The rate as it was logged: first and last, and its range where that is wider."""
    rate = run.series("lr")
    if rate is None or not len(rate):
        return
    first, last = (number(float(rate.value[k])) for k in (0, -1))
    finite = rate.value[np.isfinite(rate.value)]
    ends = [number(float(end)) for end in (finite.min(), finite.max())] if len(finite) else []
    said = first if first == last else f"{first} first, {last} last"
    wider = f" ({ends[0]} to {ends[1]} between)" if set(ends) - {first, last} else ""
    yield Markup("{} <code>lr</code>").format(f"{said}{wider}, as logged")


def _optimizer(sheet: Sheet, run: Run) -> Iterator[Markup]:
    """Where no fact names it: by the name the rate is logged under (``lr-Adam``), or what Caffe takes by itself."""
    rates = [series.info.original for name_, series in run.table.items() if name_ == "lr" or name_.startswith("lr/")]
    named = [rate.removeprefix("lr-") for rate in rates if rate.startswith("lr-")]
    if named:
        yield Markup("{}, as its rate is called").format(sheet.text(name(named[0])))
    elif any(fact.key.startswith("solver.") for fact in run.facts):
        yield Markup("SGD, which Caffe takes where the solver names none")
