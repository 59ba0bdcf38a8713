"""Every training of the folder broken, replayed and compared with what is true of it; as a table.

``python -m replay.matrix.table`` from the folder ``tests`` prints it.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from nanlog.replay.outcome import Outcome
from replay.matrix.loop import trained
from replaying import outcome_of

__all__ = ["Row", "Training", "trainings"]

FOLDER = Path(__file__).parent / "trainings"
#: So many steps before the fault the checkpoint was written, where the training does not say another.
BEFORE = 6
STEPS = 40
#: What is compared.
ASKED = ("step", "phase", "module", "op", "line", "samples", "tensor", "cause", "cure")


@dataclass(frozen=True)
class Training:
    """One file of the folder; its ``TRUTH`` says what a replay must find, the line at fault ends in ``# fault``."""

    file: Path

    @property
    def name(self) -> str:
        return self.file.stem

    @cached_property
    def module(self) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"matrix_{self.name}", self.file)
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    @cached_property
    def truth(self) -> dict[str, Any]:
        said: dict[str, Any] = self.module.TRUTH
        if said["cause"] is None:
            return {"cause": None, "cure": None, "step": None, "phase": None, "saved": said.get("saved", 10)}
        unsaid = {"module": None, "op": None, "samples": None, "tensor": None, "line": self._line()}
        return {**unsaid, **said}

    def _line(self) -> int | None:
        lines = enumerate(self.file.read_text(encoding="utf-8").splitlines(), 1)
        return next((number for number, line in lines if line.endswith("# fault")), None)

    def broken(self, folder: Path) -> tuple[int | None, Path]:
        """Train until it breaks; the step of that, and the checkpoint from before."""
        step = self.truth["step"]
        saved = self.truth["saved"] if "saved" in self.truth else step - BEFORE
        broke, checkpoint, log = trained(self.module.target(), STEPS, saved, getattr(self.module, "spoil", None))
        torch.save(checkpoint, folder / "last.pt")
        (folder / "train.log").write_text("\n".join(log) + "\n", encoding="utf-8")
        return broke, folder / "last.pt"

    def replayed(self, folder: Path) -> Row:
        """Train it, replay it and compare."""
        began = time.perf_counter()
        broke, checkpoint = self.broken(folder)
        step = self.truth["step"]
        span = (checkpoint_step(checkpoint), STEPS - 1 if step is None else step + 4)
        outcome = outcome_of(checkpoint, "target", self.file, steps=span)
        return Row(self, broke, outcome, time.perf_counter() - began)


def checkpoint_step(checkpoint: Path) -> int:
    return int(torch.load(checkpoint, weights_only=True)["step"])


@dataclass(frozen=True)
class Row:
    """What the replay of one training came to."""

    training: Training
    broke: int | None
    outcome: Outcome
    seconds: float

    @cached_property
    def said(self) -> dict[str, Any]:
        """The answer in the words of ``TRUTH``."""
        first = self.outcome.first_nonfinite
        causes = [each.cause for each in self.outcome.confirmed]
        cause = causes[0] if len(causes) == 1 else None if not causes else tuple(causes)
        found = {"cause": cause, "cure": self.outcome.smallest_change}
        if first is None:
            return {"step": None, "phase": None, **found}
        file = None if first.file is None else Path(first.file).name
        # In the update no code of the user's is at work; here that of the tests is.
        line = first.line if file == self.training.file.name else None if file == "replaying.py" else file
        return {
            "step": first.step,
            "phase": str(first.phase),
            "module": first.module,
            "op": first.op,
            "line": line,
            "samples": first.samples,
            "tensor": first.tensor,
            **found,
        }

    @cached_property
    def wrong(self) -> dict[str, tuple[Any, Any]]:
        """By name what was said and what is true, where they differ."""
        truth = self.training.truth
        asked = [key for key in ASKED if key in truth and not (truth["phase"] is None and key not in ("cause", "cure"))]
        return {key: (self.said.get(key), truth[key]) for key in asked if self.said.get(key) != truth[key]}


def trainings() -> list[Training]:
    return [Training(file) for file in sorted(FOLDER.glob("*.py"))]


def _lines(rows: Iterator[Row]) -> Iterator[str]:
    right = total = 0
    for row in rows:
        total += 1
        right += not row.wrong
        first = row.outcome.first_nonfinite
        where = "nothing" if first is None else f"{first.phase}: {first.op or first.tensor}"
        cause = ", ".join(each.cause for each in row.outcome.confirmed) or "none"
        change = row.outcome.smallest_change or "-"
        yield f"| `{row.training.name}` | {where} | {cause} | {change} | {row.seconds:.1f} |"
        for key, (said, true) in row.wrong.items():
            yield f"    {key}: said {said!r}, true is {true!r}"
    yield f"{right} of {total} all right"


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chosen = [each for each in trainings() if not names or each.name in names]
        for line in _lines(each.replayed(Path(folder)) for each in chosen):
            print(line, flush=True)  # noqa: T201  it is what the command is for


if __name__ == "__main__":
    main(sys.argv[1:])
