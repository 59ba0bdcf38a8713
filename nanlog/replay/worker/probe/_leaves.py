"""The tensors that exist before a step, by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from nanlog.replay.outcome import ReplayPhase
from nanlog.replay.worker.tree import tensors

from ._events import Leaf
from ._ledger import Ledger, Span, span_of

__all__ = ["Leaves", "batch_names", "module_names", "plain", "unwrapped"]

_LABELS = frozenset({"label", "labels", "target", "targets", "y", "y_true"})
_INPUTS = frozenset(
    {"input", "inputs", "x", "image", "images", "features", "input_ids", "input_values", "pixel_values", "data"}
)
#: Wrappers whose own name is no part of the user's model.
_WRAPPERS = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")


def plain(name: str) -> str:
    """Without wrappers; of a Keras variable its path.

    >>> plain("_orig_mod.fc.weight"), plain("_functional._torch_params.net/dense/kernel")
    ('fc.weight', 'net/dense/kernel')
    """
    name = name.rpartition("_torch_params.")[2]
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def module_names(model: torch.nn.Module) -> dict[int, str]:
    """By identity; a model wrapped for several devices is looked into."""
    inner = unwrapped(model)
    names = {id(module): plain(name) for name, module in inner.named_modules()}
    layers = getattr(inner, "_flatten_layers", None)
    if callable(layers):  # Keras, whose layers torch does not know as parts of the model
        names |= {id(layer): str(layer.name) for layer in layers(include_self=False)}
    return {id(model): "", **names}


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    if type(model).__name__ in (
        "DistributedDataParallel",
        "DataParallel",
        "FullyShardedDataParallel",
        "OptimizedModule",
    ):
        for name in ("module", "_fsdp_wrapped_module", "_orig_mod"):
            inner = model._modules.get(name)
            if inner is not None:
                return unwrapped(inner)
    return model


def batch_names(batch: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """``input`` and ``label`` where the batch is a tensor, a pair or a mapping with customary keys; else the path."""
    if isinstance(batch, torch.Tensor):
        yield "input", batch
    elif isinstance(batch, list | tuple) and len(batch) == 2:
        yield from _part(batch[0], "input", "[0]")
        yield from _part(batch[1], "label", "[1]")
    elif isinstance(batch, list | tuple) and len(batch) == 1:
        yield from batch_names(batch[0])
    elif isinstance(batch, Mapping):
        for key, value in batch.items():
            word = "label" if str(key).lower() in _LABELS else "input" if str(key).lower() in _INPUTS else None
            yield from _part(value, word, f"[{key!r}]")
    else:
        yield from tensors(batch)


def _part(part: Any, word: str | None, path: str) -> Iterator[tuple[str, torch.Tensor]]:
    found = list(tensors(part, path))
    if word is not None and len(found) == 1:
        yield word, found[0][1]
    else:
        yield from found


class Leaves:
    """Names by memory.  ``gradients`` are those of parameters, known once backward has run."""

    def __init__(self) -> None:
        self._known: Ledger[Leaf] = Ledger()
        self.gradients: Ledger[str] = Ledger()
        self._kept: dict[Leaf, torch.Tensor] = {}

    def clear(self) -> None:
        self._known.clear()
        self.gradients.clear()
        self._kept.clear()

    def add_model(self, model: torch.nn.Module) -> None:
        inner = unwrapped(model)
        for name, parameter in inner.named_parameters():
            self.add(parameter, _owned(ReplayPhase.PARAMETER, plain(name)))
        for name, buffer in inner.named_buffers():
            self.add(buffer, _owned(ReplayPhase.PARAMETER, plain(name), buffer=True))

    def add_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Its parameters where the model does not know them, and its states, which bear the parameter's name."""
        for group, values in enumerate(optimizer.param_groups):
            for index, parameter in enumerate(values["params"]):
                known = self.of(parameter)
                leaf = known or Leaf(ReplayPhase.PARAMETER, f"param_groups[{group}][{index}]")
                if known is None:
                    self.add(parameter, leaf)
                state = optimizer.state.get(parameter, {})
                for key, value in state.items() if isinstance(state, Mapping) else ():
                    if isinstance(value, torch.Tensor):
                        self.add(value, Leaf(ReplayPhase.OPTIMIZER_STATE, leaf.tensor, leaf.module, str(key)))

    def add_batch(self, batch: Any, part: str | None = None) -> None:
        """The batch, or one ``part`` of several.

        It is kept until the step ends, so that nothing else takes its place in memory.
        """
        for name, tensor in batch_names(batch):
            if self.of(tensor) is None:
                leaf = Leaf(ReplayPhase.INPUT, name or "input", detail=part)
                self._kept[leaf] = tensor
                self.add(tensor, leaf)

    def whole(self, leaf: Leaf, part: torch.Tensor) -> torch.Tensor:
        """The tensor of the batch that ``part`` is a view of."""
        return self._kept.get(leaf, part)

    def add(self, tensor: torch.Tensor, leaf: Leaf) -> None:
        self._known.write(span_of(tensor), leaf)

    def of(self, tensor: torch.Tensor) -> Leaf | None:
        return self.at(span_of(tensor))

    def at(self, span: Span | None) -> Leaf | None:
        found = self._known.behind(span)
        return found[0] if found else None

    def gradient(self, tensor: torch.Tensor) -> str | None:
        if not self.gradients:
            return None
        found = self.gradients.behind(span_of(tensor))
        return found[0] if found else None


def _owned(phase: ReplayPhase, name: str, *, buffer: bool = False) -> Leaf:
    module = name.rpartition("/")[0].rpartition("/")[2] if "/" in name else name.rpartition(".")[0]
    return Leaf(phase, name, module or None, buffer=buffer)
