"""What is not finite after a step, and how large things have grown: cheap enough for every step of every trial."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from .rates import before_updates
from .training import Training

__all__ = ["Step", "Symptom", "Watch"]


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that matters is not finite: ``loss``, ``parameter``, ``buffer``, ``optimizer state``; or ``raised``."""

    kind: str
    name: str = ""
    error: BaseException | None = None

    def __str__(self) -> str:
        if self.kind == "raised":
            return f"the step raised {type(self.error).__name__}: {_one_line(self.error)}"
        return f"the {self.kind}{f' {self.name}' if self.name else ''} is not finite"


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was run.  ``gradient`` and ``parameter`` are the largest absolute values, NaN where not known."""

    step: int
    loss: float = math.nan
    gradient: float = math.nan
    parameter: float = math.nan
    rates: tuple[float, ...] = ()
    symptom: Symptom | None = None
    skipped: bool = False


@dataclass
class Watch:
    """Looks at a training after each step; buffers that hold infinities on purpose from the start are left alone."""

    training: Training
    _exempt: set[str] = field(default_factory=set)
    _gradient: float = math.nan

    def __post_init__(self) -> None:
        frozen = ((name, p) for name, p in self.training.model.named_parameters() if not p.requires_grad)
        fixed = [*self.training.model.named_buffers(), *frozen]
        self._exempt = {name for name, tensor in fixed if _largest(tensor) == math.inf}

    @contextmanager
    def gradients(self) -> Iterator[None]:
        """Inside, the largest gradient before each update is noted."""
        self._gradient = math.nan

        def note(optimizer: torch.optim.Optimizer) -> None:
            parameters = (p for group in optimizer.param_groups for p in group["params"])
            self._gradient = _largest_of(p.grad for p in parameters if p.grad is not None)

        with before_updates(note):
            yield

    def after(self, step: int, loss: float) -> Step:
        """What the step came to."""
        training = self.training
        skipped = training.skipped()
        size = _largest_of(p for name, p in training.model.named_parameters() if name not in self._exempt)
        symptom = self.symptom()
        if symptom is None and not math.isfinite(loss):
            symptom = Symptom("loss")
        return Step(step, loss, self._gradient, size, tuple(training.rates()), symptom, skipped)

    def symptom(self) -> Symptom | None:
        """The first tensor of the state that is not finite."""
        model = self.training.model
        for kind, tensors in (("parameter", model.named_parameters()), ("buffer", model.named_buffers())):
            for name, tensor in tensors:
                if name not in self._exempt and not math.isfinite(_largest(tensor)):
                    return Symptom(kind, name)
        for name, tensor in optimizer_tensors(self.training):
            if not math.isfinite(_largest(tensor)):
                return Symptom("optimizer state", name)
        return None


def optimizer_tensors(training: Training) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors in the states of the optimizers, named after their parameters: ``exp_avg of layer.weight``."""
    names = {id(p): name for name, p in training.model.named_parameters()}
    for optimizer in training.optimizers:
        for parameter, state in optimizer.state.items():
            for key, value in state.items() if isinstance(state, dict) else ():
                if isinstance(value, torch.Tensor):
                    yield f"{key} of {names.get(id(parameter), 'a parameter')}", value


def _largest(tensor: torch.Tensor) -> float:
    """The largest absolute value; NaN where there is one."""
    if tensor.numel() == 0 or not (tensor.is_floating_point() or tensor.is_complex()):
        return 0.0
    return float(tensor.detach().abs().max())


def _largest_of(tensors: Iterable[torch.Tensor]) -> float:
    found = 0.0
    for tensor in tensors:
        size = _largest(tensor)
        if math.isnan(size):
            return size
        found = max(found, size)
    return found


def _one_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else "no message"
