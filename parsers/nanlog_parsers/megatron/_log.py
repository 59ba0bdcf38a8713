"""The lines of Megatron-LM one by one."""

from __future__ import annotations

import re

from nanlog.model import BlockBuilder, Mark, MarkKind
from nanlog_parsers._line_logs import LineLog, dotted_setting
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import number
from nanlog_parsers._ranks import Ranks

__all__ = ["ITERATION", "MegatronLog"]

ITERATION = re.compile(r"\biteration {1,12}(?P<step>[0-9]{1,15})/ {0,12}(?P<last>[0-9]{1,15}) \|")
_VALIDATION = re.compile(
    r"\bvalidation loss at (?:iteration (?P<step>[0-9]{1,15})|the end of training)(?P<rest>[^|]{0,200})\|"
)
_SAVED = re.compile(
    r"successfully saved checkpoint (?:from|at) iteration {1,12}(?P<step>[0-9]{1,15}) to (?P<file>\S{1,1000})"
)
_LOADED = re.compile(
    r"successfully loaded checkpoint from (?P<file>\S{1,1000})(?: \[[^\]]{0,80}\])? at iteration (?P<step>[0-9]{1,15})"
)
_STARTING = re.compile(r"\[before the start of training step\]|-{3,40} arguments -{3,40}$")
_ENDING = re.compile(r"\[(?P<what>after training is done|exiting program [^\]]{0,200})\]")

_SKIPPED, _NAN = "number of skipped iterations", "number of nan iterations"
_NAME = re.compile(r"[A-Za-z][\w ()/.%#-]{0,100}", re.ASCII)
#: Bookkeeping and speed: nothing that a NaN shows in.
_NOT_LOGGED = re.compile(
    r"consumed|elapsed|number of|batch size|seqlen|through-?put|\bper (?:gpu|second)|/sec|flops|power|energy|curriculum"
    r"|reserved length|memory|\btime\b",
    re.IGNORECASE,
)
#: No interval is longer than this many skipped iterations.
_MOST_SKIPPED = 10_000
_PRECISION = {"fp16": "fp16", "bf16": "bf16", "fp8": "fp8"}


class MegatronLog(LineLog):
    """One file; see the package for the lines."""

    loss_scale = "loss scale"

    def __init__(self, rows: BlockBuilder, names: Names, ranks: Ranks) -> None:
        super().__init__(rows, names, ranks)
        self._losses: dict[str, None] = {}
        rows.fact("framework", "megatron-lm", 1)

    def line(self, line: int, rank: int | None, text: str) -> None:
        if "|" in text:
            if (found := ITERATION.search(text)) is not None:
                self._iteration(line, rank, text, found)
            elif (found := _VALIDATION.search(text)) is not None:
                self._validation(line, rank, text, found)
        elif " .." in text:
            self._setting(line, text)
        else:
            self._event(line, text)

    def _iteration(self, line: int, rank: int | None, text: str, found: re.Match[str]) -> None:
        step = int(found["step"])
        interval = step - self.step if self.step is not None and step > self.step else step
        self.reached(step)
        values = self._values(line, text)
        for name, value in values.items():
            if not _NOT_LOGGED.search(name):
                self.add(name, rank, step, value, line)
        losses = [name for name in values if _is_loss(name)]
        self._losses.update(dict.fromkeys(losses))
        if values.get(_NAN, 0.0) > 0:
            self._nan(line, rank, step, values)
        scale = values.get("loss scale")
        says = f"{_SKIPPED}: {values.get(_SKIPPED, 0.0):.0f}"
        for _ in range(min(_count(values.get(_SKIPPED)), interval, _MOST_SKIPPED)):
            self.rows.mark(Mark(MarkKind.SKIPPED_STEP, self.rows.file, line, step, says, value=scale))

    def _nan(self, line: int, rank: int | None, step: int, values: dict[str, float]) -> None:
        """The line counts NaN iterations: a loss without a field is one of them."""
        self.mark(MarkKind.NONFINITE, line, step, f"{_NAN}: {values[_NAN]:.0f}")
        for name in self._losses or ("lm loss",):
            if name not in values:
                self.add(name, rank, step, float("nan"), line)

    def _validation(self, line: int, rank: int | None, text: str, found: re.Match[str]) -> None:
        step = self.step if found["step"] is None else int(found["step"])
        split = "test" if "test" in found["rest"] else "val"
        for name, value in self._values(line, text).items():
            if not name.endswith("PPL"):  # exp(min(20, loss)) says no more than the loss
                self.add(name.removesuffix(" value"), rank, step, value, line, split)

    def _values(self, line: int, text: str) -> dict[str, float]:
        """The fields that are numbers; a loss that is none is told."""
        values: dict[str, float] = {}
        for field in text.split("|"):
            name, colon, rest = field.strip().partition(": ")
            if not colon or _NAME.fullmatch(name) is None:
                continue
            value = number(rest.strip())
            if value is not None:
                values[name] = value
            elif _is_loss(name):
                self.rows.unread(line, text, f"no number in the field '{name}'")
        return values

    def _setting(self, line: int, text: str) -> None:
        setting = dotted_setting(text)
        if setting is None:
            return
        key, value = setting
        self.fact(f"hparams.{key}", value, line)
        if value == "True" and key in _PRECISION:
            self.fact("precision", _PRECISION[key], line)
        elif key == "optimizer":
            self.fact("optimizer", value, line)

    def _event(self, line: int, text: str) -> None:
        if "checkpoint" in text:
            if (found := _SAVED.search(text)) is not None:
                self.mark(MarkKind.CHECKPOINT, line, int(found["step"]), found["file"])
            elif (found := _LOADED.search(text)) is not None:
                self.mark(MarkKind.RESUME, line, int(found["step"]), found["file"])
        elif _STARTING.search(text):
            self.mark(MarkKind.START, line)
        elif (found := _ENDING.search(text)) is not None:
            signal = "receiving" in found["what"]
            self.mark(MarkKind.STOPPED_EARLY if signal else MarkKind.END, line, self.step, found["what"])


def _is_loss(name: str) -> bool:
    return "loss" in name and "scale" not in name


def _count(value: float | None) -> int:
    return int(value) if value is not None and 0 < value < 1e9 else 0
