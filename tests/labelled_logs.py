"""The real logs of the repository and what is known to have been wrong in each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Sample:
    """One log with its label; the fields are explained in ``sample_logs/README.md``."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def log(self) -> Path:
        return self.folder / "train.log"

    @cached_property
    def label(self) -> dict[str, Any]:
        label: dict[str, Any] = json.loads((self.folder / "label.json").read_text(encoding="utf-8"))
        return label

    def accepted(self, key: str) -> set[str]:
        """The label's word for ``pattern`` or ``cause`` and the answers that are as good."""
        return {self.label[key], *self.label.get(f"alt_{key}s", [])}

    def accepted_steps(self) -> set[int]:
        """Where the onset may be put; empty when the log shows nothing non-finite."""
        keys = ("onset_step", "loss_onset_step", "mask_onset_step")
        return {step for key in keys if (step := self.label.get(key)) is not None}


SAMPLES = [Sample(path.parent) for path in sorted((ROOT / "sample_logs").glob("*/*/label.json"))]
FAILED = [sample for sample in SAMPLES if not sample.label["healthy"]]
NON_FINITE = [sample for sample in FAILED if sample.accepted_steps()]
LOCATED = [sample for sample in FAILED if sample.label["first_layer"] is not None]
