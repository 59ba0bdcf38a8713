"""``replay.json`` beside the bundle: what the run itself tells, in the words of a replay."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nanlog.record.flight import Flight
from nanlog.replay.as_json import as_dict
from nanlog.replay.outcome import Outcome
from nanlog.replay.recorded import MANIFEST, read_manifest

from .asked import Asked
from .probing import Probing

__all__ = ["earlier_losses", "write_outcome"]


def write_outcome(flight: Flight, probing: Probing, asked: Asked) -> Path:
    """Write the file, whole; a later call takes the place of an earlier one.  Raises ``OSError``."""
    found = flight.found
    earlier = _earlier(flight.settings.folder, asked)
    outcome = Outcome(
        checkpoint=str(flight.bundle or ""),
        device=_device(flight),
        reproduced=_reproduced(flight, probing, earlier),
        deterministic=_same(flight, earlier),
        first_nonfinite=probing.first,
        benign=probing.benign,
        target=asked.target,
        steps=None if found is None else (found.step, found.step),
        notes=tuple(_notes(flight, probing)),
        facts={
            "framework": flight.parts.framework,
            "command": " ".join((("-m",) if asked.module else ()) + asked.command),
            "probed_steps": probing.steps,
        },
    )
    path = flight.settings.folder / f"replay{f'-rank{flight.about.rank}' if flight.about.rank else ''}.json"
    partial = path.with_name(f".{path.name}")
    partial.write_text(json.dumps(as_dict(outcome), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return partial.replace(path)


def _notes(flight: Flight, probing: Probing) -> Iterator[str]:
    found = flight.found
    if found is not None:
        yield f"in step {found.step} {found}"
    if probing.first is None:
        yield "no step was looked into with the probe when it broke: the operator is not known"
    if flight.skipped:
        yield f"a loss scaler left out {len(flight.skipped)} updates, the first in step {flight.skipped[0]}"


def _device(flight: Flight) -> str:
    return next((str(p.device) for p in flight.parts.model.parameters()), "cpu")


def _earlier(folder: Path, asked: Asked) -> tuple[Path, int] | None:
    """Another run of the same command, beside this one or below: its folder, and the step in which it broke."""
    found = [*folder.glob(f"located/bundle-step*/{MANIFEST}"), *folder.parent.glob(f"*/bundle-step*/{MANIFEST}")]
    for bundle in sorted(found, key=lambda file: -file.stat().st_mtime):
        place = bundle.parent.parent
        if place == folder:
            continue
        try:
            manifest = read_manifest(bundle.parent)
        except Exception:  # noqa: BLE001, S112  a damaged one tells nothing
            continue
        if manifest is not None and manifest.argv == asked.command:
            return place, manifest.bad_step
    return None


def _reproduced(flight: Flight, probing: Probing, earlier: tuple[Path, int] | None) -> bool | None:
    """Whether two runs broke in the same step; of a single run, whether the probe saw it."""
    if flight.found is None:
        return None
    if earlier is not None:
        return earlier[1] == flight.found.step
    return True if probing.first is not None else None


def _same(flight: Flight, earlier: tuple[Path, int] | None) -> bool | None:
    """Whether both runs logged the same losses, bit for bit, as far as both went before it broke."""
    if earlier is None or flight.found is None:
        return None
    before = earlier_losses(earlier[0] / flight.lines.path.name)
    now = earlier_losses(flight.lines.path)
    common = [step for step in now if step in before and step < flight.found.step]
    return None if not common and flight.found.step else all(_equal(now[step], before[step]) for step in common)


def _equal(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def earlier_losses(log: Path) -> dict[int, float]:
    """The losses in a log of the recorder, by step."""
    losses: dict[int, float] = {}
    try:
        with log.open(encoding="utf-8") as lines:
            for line in lines:
                row: Any = json.loads(line)
                if "loss" in row:
                    losses[int(row["step"])] = float(row["loss"])
    except (OSError, ValueError, TypeError):
        pass
    return losses
