"""What the log states about the training: its solver, net, optimiser and settings."""

from __future__ import annotations

import re
from functools import cached_property

from nanlog.model import Case, Fact, Run
from nanlog.rules._advice import Advice
from nanlog.rules._frameworks import advice_for
from nanlog.rules._net import Net, train_net

_MODEL_LAYER = re.compile(r"model\.layer\[\d+\]\.type")
_OPTIMIZER_KEYS = ("optimizer", "optim", "opt", "optimizer_name", "optimizer_type", "optimiser")
#: Longest first: adamw is no adam.
_OPTIMIZERS = (
    *("adadelta", "adagrad", "adafactor", "adamax", "adamw", "nadam", "radam", "adam"),
    *("rmsprop", "lion", "sgd"),
)
#: Hyper-parameters that say in which precision a net computes, and what its random numbers begin with.
PRECISION_KEYS = frozenset(
    ["precision", "mixed_precision", "dtype", "torch_dtype", "amp_dtype", "half_precision_backend", "dtype_policy"]
) | {"fp16", "bf16"}
SEED_KEYS = frozenset(("seed", "random_seed", "manual_seed", "global_seed"))
_CLIP_KEYS = (
    *("gradient_clip_val", "max_grad_norm", "grad_clip", "clip_grad", "clip_grad_norm", "clipnorm", "clip_norm"),
    "gradient_clipping",
)


def optimizer_in(text: str) -> str:
    """The optimiser that a text names, in upper case (``torch.optim.AdamW`` is ADAMW); "" where it names none."""
    return next((word.upper() for word in _OPTIMIZERS if word in text.lower()), "")


class Settings:
    """What is stated in one :class:`Case`; each answer is worked out at most once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.run: Run = case.run
        self.onset = case.onset

    @cached_property
    def net(self) -> Net:
        return train_net(self.run)

    @cached_property
    def advice(self) -> Advice:
        return advice_for(self.case.whole)

    @property
    def is_caffe(self) -> bool:
        return self.advice.framework == "caffe"

    def solver(self, key: str) -> Fact | None:
        return self.run.fact(f"solver.{key}")

    def solver_number(self, key: str, default: float) -> float:
        """A numeric solver parameter; ``default`` (what Caffe assumes) where it is not printed."""
        fact = self.solver(key)
        return float(fact.value) if fact is not None and isinstance(fact.value, int | float) else default

    @property
    def knows_solver(self) -> bool:
        return any(fact.key.startswith("solver.") for fact in self.run.facts)

    @cached_property
    def solver_type(self) -> str:
        """The optimiser in upper case; what the framework takes by itself where nothing tells, else ""."""
        fact = self.solver("type") or self.solver("solver_type")
        return str(fact.value).upper() if fact is not None else self._optimizer or self.advice.optimizer

    @cached_property
    def _optimizer(self) -> str:
        """The optimiser by a hyper-parameter of that name, or by the name its rate is logged under (``lr-AdamW``)."""
        said = [str(f.value) for f in self.run.facts if f.key.rpartition(".")[2].lower() in _OPTIMIZER_KEYS]
        said += [s.info.original for name, s in self.run.table.items() if name == "lr" or name.startswith("lr/")]
        return next(filter(None, map(optimizer_in, said)), "")

    def setting(self, *words: str) -> Fact | None:
        """A hyper-parameter whose last name is one of ``words``, as a framework or a script printed it."""
        named = (f for f in reversed(self.run.facts) if f.key.rpartition(".")[2].lower() in words)
        return next((fact for fact in named if not fact.key.startswith(("net.", "shape."))), None)

    def layer_of_type(self, word: str) -> Fact | None:
        """A layer of the model that a framework's summary lists, by a part of its type (``BatchNorm``)."""
        return next((f for f in self.run.facts if _MODEL_LAYER.fullmatch(f.key) and word in str(f.value)), None)

    @cached_property
    def clips(self) -> Fact | None:
        """The setting that clips gradients, where the log names one that does."""
        fact = self.solver("clip_gradients") or self.setting(*_CLIP_KEYS)
        off = fact is None or fact.value in (0, "0", "0.0", "None", "null", "", False)
        return None if off else fact
