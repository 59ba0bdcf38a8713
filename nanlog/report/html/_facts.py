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

#: What to look for under which keys (the last part of a key, without its index); the first four are always answered.
_KINDS: tuple[tuple[str, str], ...] = (
    ("Optimizer", r"optim(izer)?(_type|_name|_class)?|solver_type|solver\.type"),
    ("Learning rate", r"base_lr|(init_|peak_|max_)?lr|learning_rate"),
    ("Precision", r"precision|mixed_precision|(amp_|torch_)?dtype|fp16|bf16|half_precision_backend|dtype_policy|amp"),
    ("Batch size", r"(micro_|global_|per_device_|per_gpu_)?(train_)?(micro_)?batch_size(_per_gpu)?"),
    ("Schedule", r"lr_policy|lr_scheduler(_type)?|sched(uler)?|gamma|stepsize|power|warm(up)?(_steps|_ratio|_iters)?"),
    ("Gradient clipping", r"clip_gradients|max_grad_norm|gradient_clip_val|grad_clip|clip_norm|clipnorm"),
    ("Momentum", r"momentum2?|adam_beta[12]|betas?|delta|eps(ilon)?|adam_epsilon"),
    ("Weight decay", r"weight_decay|regularization_type"),
    ("Seed", r"(random_|manual_)?seed"),
    ("Device", r"device|solver_mode|gpus?|accelerator"),
    ("Length", r"max_iter|max_steps|max_epochs|num_train_epochs|epochs|total_steps|steps_per_epoch"),
    ("Framework", r"framework|framework_version|writer"),
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
    last = {fact.key: fact for fact in run.facts}
    for rank, (label, keys) in enumerate(_KINDS):
        wanted = re.compile(rf"(?:.*[._/])?(?:{keys})", re.IGNORECASE)
        found = [fact for key, fact in last.items() if not key.startswith("net.") and wanted.fullmatch(key)]
        values = [_stated(sheet, fact) for fact in found[:_SHOWN]]
        if label == "Learning rate":
            values += _rate(run)
        if values or rank < _ALWAYS:
            yield Setting(label, tuple(values) or (Markup('<span class="open">{}</span>').format(_NOT_SAID),))


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
    """The rate as it was logged, first and last."""
    rate = run.series("lr")
    if rate is None or not len(rate):
        return
    first, last = (number(float(rate.value[k])) for k in (0, -1))
    varies = len(np.unique(rate.value)) > 1
    yield Markup("{} <code>lr</code>").format(f"{first} to {last}, as logged" if varies else f"{first}, as logged")
