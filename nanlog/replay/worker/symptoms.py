"""What is not finite after a step, and how large things have grown: cheap enough for every step of every trial."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from .rates import before_updates
from .training import Training

__all__ = ["Step", "Symptom", "Watch", "optimizer_tensors", "spoilt_state"]


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
    """Looks at a training after each step for what was finite when the watch began, and is not any more.

    What was bad before (a mask of infinities, a weight of a part that is not in use) matters if it reaches the loss or
    spoils something else.
    """

    training: Training
    _exempt: set[str] = field(default_factory=set)
    _gradient: float = math.nan

    def __post_init__(self) -> None:
        self._exempt = {name for _, name, tensor in state_of(self.training) if not math.isfinite(_largest(tensor))}

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
        """The first tensor of the state that is not finite any more."""
        return spoilt_state(self.training, self._exempt)


def spoilt_state(training: Training, exempt: Collection[str] = ()) -> Symptom | None:
    """The first tensor of the state that is not finite, but for those named in ``exempt``."""
    for kind, name, tensor in state_of(training):
        if name not in exempt and not math.isfinite(_largest(tensor)):
            return Symptom(kind, name)
    return None


def state_of(training: Training) -> Iterator[tuple[str, str, torch.Tensor]]:
    """Kind, name and tensor of everything that a step leaves behind."""
    yield from (("parameter", name, tensor) for name, tensor in training.model.named_parameters())
    yield from (("buffer", name, tensor) for name, tensor in training.model.named_buffers())
    yield from (("optimizer state", name, tensor) for name, tensor in optimizer_tensors(training))


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
    if tensor.layout is torch.sparse_coo:  # the gradient of an embedding
        tensor = tensor.detach()._values()
    numbers = tensor.is_floating_point() or tensor.is_complex()
    if tensor.layout is not torch.strided or not numbers or tensor.numel() == 0:
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
