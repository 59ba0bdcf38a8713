"""The lines of a training with DeepSpeed one by one."""

from __future__ import annotations

import re

from nanlog.model import BlockBuilder, MarkKind
from nanlog_parsers._line_logs import VALUE, LineLog, dotted_setting, word_with
from nanlog_parsers._names import Names
from nanlog_parsers._numbers import number
from nanlog_parsers._ranks import Ranks, rank_and_text

__all__ = ["DeepSpeedLog", "holds_values"]

#: ``[2026-11-23 02:27:56,424] [INFO] [logging.py:107:log_dist] ``
_LOGGER = re.compile(r"\[[0-9-]{8,10} [0-9:,.]{8,15}\] \[[A-Z]{4,8}\] (?:\[[^\]]{1,200}\] ?)?")
_STEP = re.compile(r"\bstep=(?P<step>[0-9]{1,15}), skipped=(?P<skipped>[0-9]{1,15}), lr=\[(?P<lr>[^\]]{0,2000})\]")
_RATE = re.compile(rf"(?<![\w.])(?P<value>{VALUE})(?![\w.])")
_INFO = re.compile(r"DeepSpeed info: version=(?P<version>[^,\s]{1,40})")
_SAVING = re.compile(r"[Ss]av(?:ing|ed)\b")
_LOADING = re.compile(r"[Ll]oad(?:ing|ed)\b")
_GLOBAL_STEP = re.compile(r"\bglobal_step(?P<step>[0-9]{1,15})")
_NOT_ENGINE = ("RunningAvgSamplesPerSec", "time (ms)", "rank=")

#: ``step 10 loss: 2.302``, ``Step: 10/300, loss=2.302``
_SCRIPT_STEP = re.compile(
    r"\b(?P<kind>global[ _]?steps?|(?:global[ _]?)?iter(?:ation)?s?|steps?)[ \]]{0,2}[:=#]?[ \[]{0,8}"
    r"(?P<step>[0-9]{1,15})(?![\w.])",
    re.IGNORECASE,
)
_SCRIPT_EPOCH = re.compile(r"\bepoch[ \]]{0,2}[:=#]?[ \[]{0,8}(?P<epoch>[0-9]{1,9})(?![\w.])", re.IGNORECASE)
_SCRIPT_VALUE = re.compile(
    rf"(?<![\w.])(?P<name>[A-Za-z][\w./@-]{{0,60}}(?: [A-Za-z][\w./-]{{0,30}}){{0,2}}) {{0,2}}[:=] {{0,8}}"
    rf"(?P<value>{VALUE})(?![\w.%:])"
)
_LAST_WORD = re.compile(r"\b(?P<name>loss) (?P<value>-?[0-9][0-9.eE+-]{0,30}|-?nan|-?inf)(?![\w.%])", re.IGNORECASE)
_ABOUT_TRAINING = re.compile(r"loss|perplexity|ppl|norm|\blr\b|learning.rate|acc", re.IGNORECASE)
_COUNTERS = re.compile(r"step|iter|epoch|time|rank|/sec|per.?sec|skipped|eta|samples|tokens|memory", re.IGNORECASE)
_PRECISION = {"fp16_enabled": "fp16", "bfloat16_enabled": "bf16", "bf16_enabled": "bf16"}


def holds_values(text: str) -> bool:
    """Whether a line may hold a loss."""
    return "loss" in text.lower() and (_SCRIPT_VALUE.search(text) is not None or _LAST_WORD.search(text) is not None)


class DeepSpeedLog(LineLog):
    """One file; see the package for the lines."""

    def __init__(self, rows: BlockBuilder, names: Names, ranks: Ranks) -> None:
        super().__init__(rows, names, ranks)
        self._epoch = 0
        self._offset = 0  #: what the script's steps fell behind the engine's when they began anew with an epoch
        self._script_step = -1
        self._checkpoint: tuple[MarkKind, int] | None = None
        rows.fact("framework", "deepspeed", 1)

    def line(self, line: int, rank: int | None, text: str) -> None:
        logged = _LOGGER.match(text)
        said = text if logged is None else text[logged.end() :]
        told, said = rank_and_text(said)
        rank = told if rank is None else rank
        if (found := _STEP.search(said)) is not None:
            self._engine(line, rank, found)
        elif (file := word_with("global_step", said)) and (found := _GLOBAL_STEP.search(file)) is not None:
            self._checkpointed(line, int(found["step"]), file, said)
        elif logged is not None:
            self._engine_says(line, said)
        elif _ABOUT_TRAINING.search(said) and not any(word in said for word in _NOT_ENGINE):
            self._script(line, rank, said)

    def _engine(self, line: int, rank: int | None, found: re.Match[str]) -> None:
        step = int(found["step"])
        self.reached(step)
        rates = _RATE.findall(found["lr"])
        for group, rate in enumerate(rates):
            value = number(rate)
            if value is not None:
                self.add("lr" if group == 0 else f"lr_group{group}", rank, step, value, line)
        if not rates and found["lr"].strip():
            self.rows.unread(line, found[0], "no learning rate can be read where DeepSpeed prints some")

    def _engine_says(self, line: int, said: str) -> None:
        if (info := _INFO.search(said)) is not None:
            self.mark(MarkKind.START, line)
            self.fact("framework_version", info["version"], line)
        elif (setting := dotted_setting(said)) is not None:
            key, value = setting
            self.fact(f"hparams.{key}", value, line)
            if value == "True" and key in _PRECISION:
                self.fact("precision", _PRECISION[key], line)
            elif key == "optimizer_name":
                self.fact("optimizer", value, line)
        elif holds_values(said):
            self._script(line, None, said)

    def _checkpointed(self, line: int, step: int, file: str, said: str) -> None:
        """Every rank tells of every file of a checkpoint: the first counts."""
        kind = MarkKind.CHECKPOINT if _SAVING.search(said) else MarkKind.RESUME if _LOADING.search(said) else None
        if kind is not None and (kind, step) != self._checkpoint:
            self._checkpoint = (kind, step)
            self.mark(kind, line, step, file)

    def _script(self, line: int, rank: int | None, said: str) -> None:
        """A line of the script: a step, if it names one, and ``name: value`` or ``name=value`` pairs."""
        pairs = [(found["name"], number(found["value"])) for found in _SCRIPT_VALUE.finditer(said)]
        values = {name: value for name, value in pairs if value is not None}
        if (bare := _LAST_WORD.search(said)) is not None and not any("loss" in name.lower() for name in values):
            value = number(bare["value"])
            if value is not None:
                values[bare["name"]] = value
        values = {name: value for name, value in values.items() if not _COUNTERS.search(name)}
        if not any(_ABOUT_TRAINING.search(name) for name in values):
            return
        step = self._step_of_script(said)
        if step is not None:
            self.reached(step)
        for name, value in values.items():
            self.add(name, rank, step, value, line)

    def _step_of_script(self, said: str) -> int | None:
        """The step, counted through where the script counts anew in each epoch."""
        found = _SCRIPT_STEP.search(said)
        if found is None:
            return None
        step = int(found["step"])
        epoch = _SCRIPT_EPOCH.search(said)
        if epoch is not None and int(epoch["epoch"]) > self._epoch:
            if step < self._script_step:
                self._offset += self._script_step + 1
            self._epoch = int(epoch["epoch"])
        self._script_step = step
        return step if found["kind"].lower().startswith("global") else step + self._offset
