"""What a log says before the first iteration: solver, nets, shapes, device."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from nanlog.model import Fact, FactValue
from nanlog_parsers._numbers import value_of

from ._dating import TRAIN
from ._dump import facts
from ._prototxt import Message, read_prototxt

__all__ = ["Setup", "Structure"]

#: Lines of one dump; the largest nets have some 50,000.
_LONGEST_DUMP = 200_000
_LONGEST_LINE = 2_000


@dataclass(slots=True)
class Structure:
    """Which layers a net has, as far as the log tells."""

    layers: set[str] = field(default_factory=set)
    fed: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)

    def is_input(self, layer: str) -> bool | None:
        """Say whether the layer takes data from outside; None when the log does not tell."""
        if layer not in self.layers:
            return None
        return layer not in self.fed and layer not in self.parameters


class Setup:
    """Reads the messages of one training's set-up; ``found`` collects the facts."""

    def __init__(self, file: str) -> None:
        self.found: list[Fact] = []
        self.structures: defaultdict[int, Structure] = defaultdict(Structure)
        self.solver = Message()
        self._file = file
        self._net: int | None = None
        self._nets = 0
        self._layer = ""
        self._tops = 0
        self._dump: list[tuple[int, str]] | None = None
        self._dump_is_solver = False
        self._has_solver = False
        self._has_name = False

    @property
    def is_dumping(self) -> bool:
        """True while lines without a prefix belong to a definition."""
        return self._dump is not None

    def dump_line(self, line: int, text: str) -> None:
        if self._dump is not None and len(self._dump) < _LONGEST_DUMP:
            self._dump.append((line, text[:_LONGEST_LINE]))

    def dump_ends(self) -> None:
        """Read the definition collected so far; broken parts of it are left out."""
        dump, self._dump = self._dump, None
        if not dump:
            return
        document = read_prototxt("\n".join(text for _, text in dump), [line for line, _ in dump])
        if self._dump_is_solver:
            self.solver, self._has_solver = document.message, True
            self.found += facts(document.message, "solver", self._file)
            return
        net = self._net if self._net is not None else self._net_of(document.message)
        self._net = net
        self.found += facts(document.message, f"net.{_net_key(net)}", self._file)
        name = next((f for f in document.message.fields if f.name == "name"), None)
        if name is not None and not isinstance(name.value, Message):
            self._fact("net.name", name.value, name.line)
            self._has_name = True
        _learn(self.structures[net], document.message)

    def read(self, name: str, found: re.Match[str], line: int) -> None:
        """Read a message of ``_messages``; others than those of a set-up are ignored."""
        match name:
            case "solver_dump" | "net_dump":
                self._dump, self._dump_is_solver = [], name == "solver_dump"
            case "train_net":
                self._net = TRAIN
            case "test_net":
                self._net = int(found["net"] or 0) + 1
                self._nets = max(self._nets, self._net)
            case "layer" | "setting_up":
                self._layer, self._tops = found["name"], 0
                self.structures[self._net or TRAIN].layers.add(self._layer)
            case "bottom":
                self.structures[self._net or TRAIN].fed.add(found["name"])
            case "shape":
                self._fact(f"shape.{self._place()}[{self._tops}]", found["shape"].strip(), line)
                self._tops += 1
            case "loss_weight":
                self._fact(f"loss_weight.{self._place()}[{max(self._tops - 1, 0)}]", value_of(found["value"]), line)
            case "device" | "device_model":
                self._fact("device", found["name"], line)
            case "device_number":
                self._fact("device", f"GPU {found['name']}", line)
            case "solving" if not self._has_name:
                self._fact("net.name", found["name"], line)
            case "policy" if not self._has_solver:
                self._fact("solver.lr_policy", found["name"], line)

    def take(self) -> list[Fact]:
        """The facts found since the last time."""
        found, self.found = self.found, []
        return found

    def solver_number(self, key: str) -> int | None:
        value = self.solver.first(key)
        return value if isinstance(value, int) and value >= 0 else None

    def test_passes(self, net: int) -> int | None:
        """``test_iter`` of a test net."""
        passes = [value for value in self.solver.all("test_iter") if isinstance(value, int)]
        return passes[net - 1] if 0 < net <= len(passes) else None

    def _place(self) -> str:
        return f"{_net_key(self._net or TRAIN)}.{self._layer}"

    def _net_of(self, net: Message) -> int:
        state = net.first("state")
        if not isinstance(state, Message) or state.first("phase") != "TEST":
            return TRAIN
        self._nets += 1
        return self._nets

    def _fact(self, key: str, value: FactValue, line: int) -> None:
        self.found.append(Fact(key, value, self._file, line))


def _net_key(net: int) -> str:
    return "train" if net == TRAIN else f"test{net - 1}"


def _learn(structure: Structure, net: Message) -> None:
    for layer in (*net.all("layer"), *net.all("layers")):
        name = layer.first("name") if isinstance(layer, Message) else None
        if not isinstance(layer, Message) or not isinstance(name, str):
            continue
        structure.layers.add(name)
        if layer.first("bottom") is not None:
            structure.fed.add(name)
        if layer.first("type") == "Parameter":
            structure.parameters.add(name)
