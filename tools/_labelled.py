"""Labelled logs: what is known of each, and what nanlog says of it before anything is weighed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nanlog.engine import rules
from nanlog.errors import UnreadableError
from nanlog.model import Case, Cause, Pattern, Report, Rule, Run
from nanlog.onset import locate
from nanlog.pipeline import diagnose

__all__ = ["Candidate", "Judged", "Label", "candidates_of", "judged", "labels_in", "stem"]

#: A label's words for where the onset may be put, besides ``onset_by_series``.
_STEPS = ("onset_step", "loss_onset_step", "mask_onset_step")
#: Causes that are asked about also where nothing went wrong.
_HARMLESS = (Cause.AMP_SKIP, Cause.NONE)
#: What a name says of the number of a case, of the version that wrote the log and of how much it shows.
_NUMBER = re.compile(r"^[a-z]{1,2}\d+_")
_VERSION = re.compile(r"^(?:v\d+|rc\d*)_")
_SHOWN = re.compile(r"[_-](?:d\d+|k\d+|debug|test|state|out|csv|tb)$")


@dataclass(frozen=True)
class Label:
    """What is known of a case; the words are explained in ``sample_logs/README.md``."""

    folder: Path
    fields: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.fields["id"])

    @property
    def source(self) -> str:
        return str(self.fields["source"])

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.fields["files"])

    @property
    def run(self) -> str:
        """The training that wrote the log; where the label does not say, the configuration its name tells of."""
        return str(self.fields.get("run") or f"{self.source} {stem(self.id)}")

    @property
    def cause(self) -> str:
        return str(self.fields["cause"])

    @property
    def benign(self) -> bool:
        return bool(self.fields.get("benign"))

    @property
    def healthy(self) -> bool:
        return bool(self.fields["healthy"]) and not self.benign

    @property
    def kind(self) -> str:
        return "benign" if self.benign else "healthy" if self.healthy else "unhealthy"

    @property
    def fingerprint(self) -> bytes:
        """Equal for logs that are equal to the byte, whatever their names."""
        content = b"".join(hashlib.sha256((self.folder / name).read_bytes()).digest() for name in self.files)
        return hashlib.sha256(content).digest()

    def accepted(self, key: str) -> frozenset[str]:
        """The label's word for ``pattern`` or ``cause`` and the answers that are as good."""
        others = self.fields.get(f"alt_{key}s") or self.fields.get(f"{key}_alt") or []
        return frozenset([self.fields[key], *([others] if isinstance(others, str) else others)])

    def accepted_steps(self) -> frozenset[int]:
        """Where the onset may be put; empty when the log shows nothing non-finite."""
        if self.fields["onset_step"] is None:
            return frozenset()
        steps = (*map(self.fields.get, _STEPS), *(self.fields.get("onset_by_series") or {}).values())
        return frozenset(step for step in steps if isinstance(step, int))


@dataclass(frozen=True)
class Candidate:
    """A cause that a rule proposes, with how often it saw each of its signs."""

    rule: str
    cause: str
    signs: Mapping[str, int]


@dataclass(frozen=True)
class Judged:
    """A case, what nanlog says happened, and every cause that was proposed; ``verdict`` may be ``unreadable``."""

    label: Label
    verdict: str
    pattern: str | None = None
    step: int | None = None
    candidates: tuple[Candidate, ...] = ()

    @property
    def explained(self) -> bool:
        """Whether there is a cause to be found."""
        return self.label.kind == "unhealthy" and self.label.cause != Cause.UNKNOWN


def stem(name: str) -> str:
    """The name of a case without its number, the version that wrote it and how much of it was printed.

    >>> stem("o3_rc2_sqrt_after_relu_d1"), stem("u01_sqrt_after_relu_debug")
    ('sqrt_after_relu', 'sqrt_after_relu')
    """
    name = _VERSION.sub("", _NUMBER.sub("", name))
    while (shorter := _SHOWN.sub("", name)) != name:
        name = shorter
    return name


def labels_in(folders: Iterable[Path]) -> list[Label]:
    """The labels below the folders, in the order of their paths; a log that is there twice counts once."""
    found: dict[bytes, Label] = {}
    for path in (path for folder in folders for path in sorted(folder.rglob("label.json"))):
        label = Label(path.parent, json.loads(path.read_text(encoding="utf-8")))
        found.setdefault(label.fingerprint, label)
    return list(found.values())


def judged(labels: Sequence[Label]) -> Iterator[Judged]:
    """Diagnose each case under a name that gives nothing away, its label out of sight."""
    for label in labels:
        with tempfile.TemporaryDirectory() as scratch:
            yield _judged(label, _copied(label, Path(scratch) / "run"))


def _copied(label: Label, folder: Path) -> Path:
    """What nanlog is given: the one file of a case, or a folder with all of them."""
    for name in label.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(label.folder / name, folder / name)
    alone = len(label.files) == 1 and "/" not in label.files[0]
    return folder / label.files[0] if alone else folder


def _judged(label: Label, log: Path) -> Judged:
    try:
        report = diagnose(str(log))
    except UnreadableError:
        return Judged(label, "unreadable")
    onset = report.onset
    return Judged(
        label,
        report.verdict,
        onset.pattern if onset is not None else Pattern.HEALTHY,
        onset.step if onset is not None else None,
        candidates_of(report),
    )


def candidates_of(report: Report) -> tuple[Candidate, ...]:
    """Every cause that a rule proposes, those that the report leaves out as too unlikely among them."""
    with np.errstate(over="ignore", invalid="ignore"):
        return tuple(_candidates(report.run))


def _candidates(run: Run) -> Iterator[Candidate]:
    onset = locate(run)
    case = Case(run.of_attempt(onset.attempt) if run.attempts else run, onset, run)
    for rule in filter(_comes_with_nanlog, rules()):
        if onset.harmless and rule.cause not in _HARMLESS:
            continue
        for finding in rule.judge(case):
            yield Candidate(finding.rule, finding.cause, Counter(sign.key for sign in finding.signs))


def _comes_with_nanlog(rule: Rule) -> bool:
    """What else is installed here brings weights of its own and is nobody else's business."""
    return (getattr(rule, "module", None) or type(rule).__module__).startswith("nanlog.rules.")
