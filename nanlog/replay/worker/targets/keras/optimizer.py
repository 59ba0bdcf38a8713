"""Keras' optimizer seen as one of torch: with torch's hooks of the update, and its state by parameter."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import torch

__all__ = ["KerasOptimizer"]


class KerasOptimizer(torch.optim.Optimizer):  # type: ignore[misc]  # mypy does not read torch
    """Stands between a Keras optimizer and its ``apply``.

    Whoever listens to torch's optimizers hears of the update; rate and epsilon in ``param_groups`` and tensors in
    ``state`` are what the update uses, if they were changed.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self._variables: list[Any] = list(inner._trainable_variables)
        self._links = {id(v.value): dict(_states(inner, index, v)) for index, v in enumerate(self._variables)}
        super().__init__([variable.value for variable in self._variables], {"lr": self.rate})
        if isinstance(getattr(inner, "epsilon", None), float):
            self.param_groups[0]["eps"] = inner.epsilon
        self._apply = inner.apply
        self._pending: Sequence[Any] = ()
        inner.apply = self._applied
        self.mirror()

    @property
    def rate(self) -> float:
        return float(self.inner.learning_rate)

    def mirror(self) -> None:
        """Show the state as Keras has it now."""
        self.state.clear()
        for variable in self._variables:
            self.state[variable.value] = {name: each.value for name, each in self._links[id(variable.value)].items()}
        self.param_groups[0]["lr"] = self.rate
        if "eps" in self.param_groups[0]:
            self.param_groups[0]["eps"] = self.inner.epsilon

    def _applied(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """In place of the inner ``apply``: the gradients, free of a loss scale, are put where torch looks for them."""
        self._pending = list(self._variables if trainable_variables is None else trainable_variables)
        for gradient, variable in zip(grads, self._pending, strict=False):
            variable.value.grad = gradient
        self.param_groups[0]["lr"] = self.rate
        self.step()

    def step(self, closure: Any = None) -> None:
        group, rate, epsilon = self.param_groups[0], self.rate, getattr(self.inner, "epsilon", None)
        self._push()
        if group["lr"] != rate:
            self.inner._get_current_learning_rate = functools.partial(_number, group["lr"])
        if group.get("eps", epsilon) != epsilon:
            self.inner.epsilon = group["eps"]
        try:
            self._apply([variable.value.grad for variable in self._pending], self._pending)
        finally:
            vars(self.inner).pop("_get_current_learning_rate", None)
            if epsilon is not None:
                self.inner.epsilon = epsilon

    def _push(self) -> None:
        """What was cleared is 0 again; what was given another dtype or device has it."""
        for variable in self._variables:
            shown = self.state.get(variable.value, {})
            for name, each in self._links[id(variable.value)].items():
                if name not in shown:
                    each.value.zero_()
                elif shown[name] is not each.value:
                    each.value.data = shown[name]


def _states(inner: Any, index: int, variable: Any) -> Iterator[tuple[str, Any]]:
    """The variables that an optimizer keeps for one of the model: in lists as long as that of the model's."""
    for name, kept in vars(inner).items():
        if not isinstance(kept, list) or len(kept) != len(inner._trainable_variables) or "trainable" in name:
            continue
        each = kept[index]
        if hasattr(each, "value") and hasattr(each, "path"):
            yield name.strip("_"), each


def _number(rate: float) -> torch.Tensor:
    return torch.tensor(rate, dtype=torch.float32)
