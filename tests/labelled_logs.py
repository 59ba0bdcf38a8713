"""The real logs of the repository and what is known to have been wrong in each."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from nanlog.model import Report
from nanlog.pipeline import diagnose

ROOT = Path(__file__).resolve().parent.parent

#: A label's words for where the onset may be put, besides ``onset_by_series``.
_STEPS = ("onset_step", "loss_onset_step", "mask_onset_step")

#: How a line looks that shows a NaN, says that there was one, or holds Caffe's number for it.
_SHOWN = re.compile(rb"nan|inf|null|87\.3365|overflow|invalid loss", re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """One case with its label; the fields are explained in ``sample_logs/README.md``."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def dialect(self) -> str:
        return self.folder.parent.name

    @cached_property
    def label(self) -> dict[str, Any]:
        label: dict[str, Any] = json.loads((self.folder / "label.json").read_text(encoding="utf-8"))
        return label

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(self.folder / name for name in self.label["files"])

    @property
    def log(self) -> Path:
        """What nanlog is given: the one file of the case, or else its folder, label and all."""
        alone = len(self.files) == 1 and self.files[0].parent == self.folder
        return self.files[0] if alone else self.folder

    def lines(self, file: str | None) -> list[bytes] | None:
        """The lines of one of the files, as a report names it; None for what is no text."""
        content = Path(file or self.files[0]).read_bytes()
        return None if b"\0" in content[:4096] else content.split(b"\n")

    def is_shown_by(self, line: bytes) -> bool:
        """Whether the line holds what went wrong, or the finite value that stands for it."""
        masked = self.label.get("masked_value")
        return bool(_SHOWN.search(line)) or (masked is not None and str(masked).encode() in line)

    @property
    def harmless(self) -> bool:
        """Nothing went bad, or only what does no harm: the verdict is healthy."""
        return bool(self.label["healthy"] or self.label.get("benign"))

    @property
    def damaged(self) -> str:
        """How the file was damaged on purpose; empty where it was not."""
        return str(self.label.get("damage") or "")

    def accepted(self, key: str) -> set[str]:
        """The label's word for ``pattern`` or ``cause`` and the answers that are as good."""
        others = self.label.get(f"alt_{key}s") or self.label.get(f"{key}_alt") or []
        return {self.label[key], *([others] if isinstance(others, str) else others)}

    def accepted_steps(self) -> set[int]:
        """Where the onset may be put; empty when the log shows nothing non-finite."""
        steps = (*map(self.label.get, _STEPS), *self.label.get("onset_by_series", {}).values())
        return {step for step in steps if isinstance(step, int)}


@cache
def report_of(sample: Sample) -> Report:
    """What nanlog says about a sample; worked out once for all tests."""
    return diagnose(str(sample.log))


SAMPLES = [Sample(path.parent) for path in sorted((ROOT / "sample_logs").glob("*/*/label.json"))]
FAILED = [sample for sample in SAMPLES if not sample.harmless]
NON_FINITE = [sample for sample in FAILED if sample.accepted_steps()]
LOCATED = [sample for sample in FAILED if sample.label["first_layer"] is not None]
EXPLAINED = [s for s in FAILED if s.label["cause"] != "unknown" and s.label.get("cause_shown", True)]


def samples_of(dialect: str) -> list[Sample]:
    return [sample for sample in SAMPLES if sample.dialect == dialect]
