"""What is to be replayed: from what the user asked for and what the diagnosis of the log suspects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanlog.errors import UsageError

from .recorded import Manifest, read_manifest

__all__ = ["DEFAULT_BUDGET", "Plan", "Suspect", "plan_for", "seconds_of", "steps_of"]

DEFAULT_BUDGET = 600.0  #: seconds; a coffee
BOUND = 200  #: steps that are run from the checkpoint on while nothing says where the NaN is
MARGIN = 10  #: steps beyond the onset that the log shows: it may count from 1, or print every few steps


@dataclass(frozen=True, slots=True)
class Suspect:
    """A cause that the log makes likely."""

    cause: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the worker is told.

    ``directory`` comes first on its path.  ``first`` and ``last`` bound the suspect steps where something says them;
    ``departure`` is where the loss left its normal range.  ``asked`` says that the user named the steps.  ``vary``
    names the interventions, None for all.  ``done`` are those not to be tried again, after a crash.
    """

    checkpoint: str
    target: str | None
    directory: str
    device: str = "auto"
    batches: str | None = None
    trust: bool = False
    first: int | None = None
    last: int | None = None
    departure: int | None = None
    asked: bool = False
    causes: tuple[Suspect, ...] = ()
    vary: tuple[str, ...] | None = None
    budget: float = DEFAULT_BUDGET
    scan_inputs: bool = False
    bundle: str | None = None
    skip_list: str | None = None
    run: str | None = None
    done: tuple[str, ...] = ()

    @property
    def end(self) -> int | None:
        """The last step to look at; None where only a number of steps is the bound."""
        if self.last is None or self.asked:
            return self.last
        return self.last + MARGIN


def plan_for(
    checkpoint: str,
    target: str | None,
    report: Mapping[str, Any] | None = None,
    *,
    steps: tuple[int, int] | None = None,
    **options: Any,
) -> Plan:
    """A plan from a stored report (None where there is no run) and the options of the command line.

    A bundle of the flight recorder knows its steps, and mostly its target.
    """
    found = _suspect_steps(report)
    recorded = read_manifest(checkpoint)
    if recorded is not None:
        found = recorded.state_step, recorded.bad_step, None
    first, last = steps or found[:2]
    if target is None and recorded is not None:
        target, directory = _target_of(recorded)
    else:
        directory = _directory(target)
    return Plan(
        checkpoint=checkpoint,
        target=target,
        directory=directory,
        first=first,
        last=last,
        departure=None if steps else found[2],
        asked=steps is not None,
        causes=_suspects(report),
        **options,
    )


def _suspect_steps(report: Mapping[str, Any] | None) -> tuple[int | None, int | None, int | None]:
    """From where growth began, or after the last finite point, to the first bad one; and where growth began."""
    onset = (report or {}).get("onset")
    if not isinstance(onset, Mapping) or onset.get("step") is None:
        return None, None, None
    last, departure, finite = onset["step"], onset.get("departure_step"), onset.get("last_finite_step")
    first = min((step for step in (departure, finite, last) if step is not None), default=last)
    return first, last, departure


def _suspects(report: Mapping[str, Any] | None) -> tuple[Suspect, ...]:
    findings = (report or {}).get("findings") or ()
    best: dict[str, float] = {}
    for finding in findings:
        if not finding["confidence"]:
            continue  # only an earlier replay spoke for it
        best[finding["cause"]] = max(best.get(finding["cause"], 0.0), float(finding["confidence"]))
    best.pop("none", None)
    best.pop("amp_skip", None)
    return tuple(Suspect(cause, share) for cause, share in sorted(best.items(), key=lambda item: -item[1]))


def _target_of(recorded: Manifest) -> tuple[str | None, str]:
    """The target that a bundle names, and its folder: where the training ran, else where we are."""
    ran = Path(recorded.directory)
    if recorded.target is None or not ran.is_dir():
        return recorded.target, _directory(recorded.target)
    file, colon, name = recorded.target.rpartition(":")
    if not colon:
        file, name = recorded.target, ""
    if not file.endswith(".py"):
        return recorded.target, str(ran)
    target = f"{ran / file}{colon}{name}"
    return target, _directory(target)


def _directory(target: str | None) -> str:
    """The folder that ``python FILE`` would put first on the path; for a module the working folder."""
    file = (target or "").rpartition(":")[0] or (target or "")
    if file.endswith(".py"):
        return str(Path(file).resolve().parent)
    return str(Path.cwd())


def steps_of(words: str) -> tuple[int, int]:
    """``400:500``, ``400:`` (to the bound) or ``400``; raises ``UsageError`` for anything else.

    >>> steps_of("400:500")
    (400, 500)
    """
    match = re.fullmatch(r"\s*(\d{1,15})\s*(?:(:)\s*(\d{1,15})?)?\s*", words)
    if match is None:
        raise UsageError(f"--steps {words!r} is no range of steps; give the first and the last: --steps 400:500")
    first = int(match[1])
    last = first if match[2] is None else int(match[3]) if match[3] else first + BOUND
    if last < first:
        raise UsageError(f"--steps {words} ends before it begins; did you mean --steps {last}:{first}")
    return first, last


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds_of(words: str) -> float:
    """``90``, ``90s``, ``5m``, ``1h`` in seconds; raises ``UsageError`` for anything else.

    >>> seconds_of("5m")
    300.0
    """
    match = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)\s*", words)
    if match is None or match[2] not in _UNITS or not float(match[1]):
        raise UsageError(f"--budget {words!r} is no time; give seconds, minutes or hours: 90s, 5m, 1h")
    return float(match[1]) * _UNITS[match[2]]
