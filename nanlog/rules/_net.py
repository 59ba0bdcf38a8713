"""The net and the solver as the log prints them, rebuilt from the flat facts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nanlog.model import Fact, FactValue, Run

_LAYER = re.compile(r"net\.train\.layer\[(\d+)\]\.(.+)")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the training net; ``fields`` maps the path inside the layer to its fact."""

    index: int
    fields: dict[str, Fact] = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.value("name", ""))

    @property
    def type(self) -> str:
        return str(self.value("type", ""))

    @property
    def bottoms(self) -> list[str]:
        return [str(fact.value) for key, fact in self.fields.items() if key.startswith("bottom[")]

    @property
    def tops(self) -> list[str]:
        return [str(fact.value) for key, fact in self.fields.items() if key.startswith("top[")]

    def value(self, path: str, default: FactValue) -> FactValue:
        return self.fields[path].value if path in self.fields else default

    def number(self, path: str, default: float) -> float:
        """The numeric field at ``path``; ``default`` (what Caffe assumes) where it is not printed."""
        value = self.value(path, default)
        return float(value) if isinstance(value, int | float) else default

    def fact(self, path: str) -> Fact:
        """The fact at ``path``, or the layer's type, or whatever stands first: a line to cite in any case."""
        return self.fields.get(path) or self.fields.get("type") or next(iter(self.fields.values()))

    def matching(self, ending: str) -> Iterator[Fact]:
        """Facts whose path ends so, at any depth."""
        return (fact for key, fact in self.fields.items() if key.endswith(ending))


@dataclass(frozen=True, slots=True)
class Net:
    """The layers of the training net in order; empty where the log does not print it."""

    layers: tuple[Layer, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.layers)

    def of_type(self, *types: str) -> list[Layer]:
        return [layer for layer in self.layers if layer.type in types]

    def named(self, name: str | None) -> Layer | None:
        return next((layer for layer in self.layers if layer.name == name), None)

    def writers(self, blob: str) -> list[Layer]:
        """Layers that write ``blob``, in order (in-place layers included)."""
        return [layer for layer in self.layers if blob in layer.tops]

    def losses(self) -> list[Layer]:
        """Layers whose top is a training loss."""
        return [
            layer
            for layer in self.layers
            if "Loss" in layer.type or any(key.startswith("loss_weight") for key in layer.fields)
        ]

    def upstream(self, layer: Layer) -> list[Layer]:
        """Every layer whose output can reach ``layer``."""
        wanted, found = set(layer.bottoms), []
        for earlier in reversed(self.layers[: self.layers.index(layer)]):
            if wanted & set(earlier.tops):
                found.append(earlier)
                wanted |= set(earlier.bottoms)
        return found


def train_net(run: Run) -> Net:
    """The training net that ``run`` (one attempt) printed last."""
    fields: dict[int, dict[str, Fact]] = {}
    for fact in run.facts:
        if fact.key.startswith("net.train.layer[") and (match := _LAYER.fullmatch(fact.key)):
            fields.setdefault(int(match[1]), {})[match[2]] = fact
    return Net(tuple(Layer(index, fields[index]) for index in sorted(fields)))
