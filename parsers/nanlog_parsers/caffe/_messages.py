"""The messages of Caffe that are no debug values: one pattern each, found by the first word."""

from __future__ import annotations

import re
from typing import NamedTuple

from nanlog_parsers._numbers import NUMBER, value_of

__all__ = ["Displayed", "Known", "Output", "looks_like_ours", "recognised"]


class Displayed(NamedTuple):
    """``Iteration N, loss = value``, or ``lr``."""

    step: int
    quantity: str
    value: float


class Output(NamedTuple):
    """``Train net output #i: name = value (* weight = weighted loss)``, or ``Test``; None without the parenthesis."""

    is_test: bool
    name: str
    value: float
    weighted: float | None


class Known(NamedTuple):
    """Any other message: the name of its pattern and what that found."""

    name: str
    found: re.Match[str]


_FILE = r"(?P<file>.+?)"
_NET = r"(?: \(#(?P<net>[0-9]{1,9})\))?"
_STEP = r"Iteration (?P<step>[0-9]{1,18})"
# (61.1 iter/s, 0.163s/10 iters) since 2017; NVIDIA's branch counts epochs behind it
_RATE = r"(?: \([^()]*\))?,(?: \S+ep,)?"
_OUTPUT = (
    rf"net output #(?P<index>[0-9]+): (?P<name>.+?) = (?P<value>{NUMBER})"
    rf"(?: \(\* (?P<weight>{NUMBER}) = (?P<weighted>{NUMBER}) loss\))?"
)

#: name -> pattern of the whole message, surrounding blanks left out; under the word it begins with.
_BY_WORD: dict[str, dict[str, str]] = {
    "Iteration": {
        "loss": rf"{_STEP}{_RATE} loss = (?P<value>{NUMBER})",
        "lr": rf"{_STEP}{_RATE} lr = (?P<value>{NUMBER})(?:,.*)?",
        "testing": rf"{_STEP}(?: \([^()]*\))?, Testing net{_NET}",
    },
    "Train": {"output": rf"Train {_OUTPUT}"},
    "Test": {
        "output": rf"Test {_OUTPUT}",
        "test_score": rf"Test score #(?P<index>[0-9]+): (?P<value>{NUMBER})",
        "test_loss": rf"Test loss: (?P<value>{NUMBER})",
    },
    "Gradient": {
        "clipping": r"Gradient clipping: scaling down gradients \(L2 norm "
        rf"(?P<value>{NUMBER}) > (?P<bound>{NUMBER})\) by scale factor (?P<factor>{NUMBER})"
    },
    "MultiStep": {"multistep": rf"MultiStep Status: {_STEP}, step = .*"},
    "Snapshotting": {"snapshot": rf"Snapshotting (?:solver state )?to (?:binary proto file |HDF5 file )?{_FILE}"},
    "Resuming": {"resume": rf"Resuming from {_FILE}"},
    "Restoring": {"resume": rf"Restoring previous solver status from {_FILE}"},
    "SGDSolver:": {"restoring": r"SGDSolver: restoring history"},
    "Finetuning": {"finetune": rf"Finetuning from {_FILE}"},
    "Optimization": {"end": r"Optimization Done\.", "stopped": r"Optimization stopped early\."},
    "Initializing": {
        "solver_dump": r"Initializing solver from parameters:.*",
        "net_dump": r"Initializing net from parameters:.*",
    },
    "Starting": {"begin": r"Starting Optimization"},
    "Solving": {"solving": r"Solving (?P<name>.*)"},
    "Learning": {"policy": r"Learning Rate Policy: (?P<name>\S+)"},
    "Creating": {
        "train_net": r"Creating training net(?: .*|\.)?",
        "test_net": rf"Creating test(?:ing)? net{_NET}.*",
        "layer": r"Creating Layer (?P<name>.+)",
    },
    "Setting": {"setting_up": r"Setting up (?P<name>.+)"},
    "Top": {"shape": r"Top shape:(?P<shape>(?: [0-9]+)*) \([0-9]+\)"},
    "with": {"loss_weight": rf"with loss weight (?P<value>{NUMBER})"},
    "Use": {"device": r"Use (?P<name>CPU)\.", "device_number": r"Use GPU with device ID (?P<name>[0-9]+)"},
    "Using": {"device": r"Using (?P<name>GPUs .+)"},
    "GPU": {"device": r"(?P<name>GPU [0-9]+: .+)", "device_model": r"GPU device name: (?P<name>.+)"},
}
_PATTERNS = {
    word: [(name, re.compile(pattern, re.ASCII)) for name, pattern in patterns.items()]
    for word, patterns in _BY_WORD.items()
}
_BOTTOM = re.compile(r"(?P<name>.+) <- (?P<bottom>.+)")
_COUNTED = re.compile(r"Iteration [0-9]+", re.ASCII)
_VALUED = ("Train net output", "Test net output", "Test score #", "Test loss:", "Gradient clipping:")


def recognised(text: str) -> Displayed | Output | Known | None:
    """Read a message; ``text`` has no blanks around it."""
    word = text.partition(" ")[0]
    for name, pattern in _PATTERNS.get(word, ()):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        if name in ("loss", "lr"):
            return Displayed(int(found["step"]), name, value_of(found["value"]))
        if name == "output":
            weighted = found["weighted"]
            return Output(
                word == "Test",
                found["name"],
                value_of(found["value"]),
                None if weighted is None else value_of(weighted),
            )
        return Known(name, found)
    if " <- " in text and (found := _BOTTOM.fullmatch(text)):
        return Known("bottom", found)
    return None


def looks_like_ours(text: str) -> bool:
    """Say of a message that was not recognised whether it begins like one that holds a value."""
    if text.startswith("Iteration "):
        rest = _COUNTED.sub("", text, count=1)
        return not rest or " loss" in rest or " lr" in rest
    return text.startswith(_VALUED)
