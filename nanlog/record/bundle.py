"""Writing the bundle; its form is described in ``nanlog.replay.recorded``."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nanlog.replay.recorded import BATCHES, MANIFEST, Manifest

from .parts import Parts
from .plain import plain, plain_rng
from .recent import Recent
from .ring import Ring

__all__ = ["About", "Found", "write_bundle"]

_GIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    """The first thing that was not finite.

    ``what`` is ``loss``, ``gradient``, ``parameter`` or ``exception``, ``value`` what it was (or what was raised).
    """

    step: int
    what: str
    value: str
    tensor: str | None = None

    @classmethod
    def number(cls, step: int, what: str, value: float, tensor: str | None = None) -> Found:
        word = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        return cls(step, what, word, tensor)

    def __str__(self) -> str:
        of = f" of {self.tensor}" if self.tensor else ""
        return f"the {self.what}{of} was {self.value}" if self.what != "exception" else f"it raised {self.value}"


@dataclass(frozen=True, slots=True)
class About:
    """Where the code is: what ``--target`` takes, and where the training was started."""

    target: str | None = None
    argv: tuple[str, ...] = ()
    code: str | None = None
    directory: str = ""
    rank: int = 0

    @classmethod
    def here(cls, target: str | None = None, code: str | None = None) -> About:
        return cls(target, tuple(sys.argv), code, str(Path.cwd()), rank_here())


def rank_here() -> int:
    """0 for a training of one process."""
    word = os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))
    return int(word) if word.isdigit() else 0


def write_bundle(to: Path, found: Found, ring: Ring, recent: Recent, parts: Parts, about: About) -> tuple[Path, int]:
    """Write the folder whole or not at all; the state is taken from ``recent``.  Raises ``OSError``.

    Its place, ``to`` with a number behind where that is taken, and the step that the state stands before.
    """
    state_step = recent.chosen(found.step, departure(ring, found.step))
    if state_step is None:
        raise OSError("no state of the training was written")
    partial = to.with_name(f".{to.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        left_out = list(recent.left_out)
        steps = [step for step in ring.steps if state_step <= step <= found.step]
        torch.save(_batches(ring, steps, left_out), partial / BATCHES)
        manifest = _manifest(found, state_step, steps, ring, parts, about, left_out)
        recent.move(state_step, partial)
        (partial / MANIFEST).write_text(manifest.as_text(), encoding="utf-8")
        place = _free(to)
        partial.rename(place)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return place, state_step


def departure(ring: Ring, bad: int) -> int:
    """The step from which on the loss stayed above three times what it was; the bad one where it did not grow."""
    losses = [(s, k.loss) for s, k in ring.steps.items() if s < bad and k.loss is not None and math.isfinite(k.loss)]
    if len(losses) < 4:
        return bad
    early = sorted(abs(loss) for _, loss in losses[: len(losses) // 2])
    usual = early[len(early) // 2]
    began = bad
    for step, loss in reversed(losses):
        if abs(loss) <= 3.0 * max(usual, 1e-12):
            break
        began = step
    return began


def _batches(ring: Ring, steps: list[int], left_out: list[str]) -> dict[str, Any]:
    return {
        "batches": {step: plain(ring.steps[step].batches, left_out, "batch") for step in steps},
        "rng_states": {step: plain_rng(ring.steps[step].rng) for step in steps},
        "groups": {step: ring.steps[step].groups for step in steps},
        "losses": {step: loss for step in steps if (loss := ring.steps[step].loss) is not None},
    }


def _manifest(
    found: Found, state_step: int, steps: list[int], ring: Ring, parts: Parts, about: About, left_out: list[str]
) -> Manifest:
    altered = [step for step in steps if ring.steps[step].altered]
    notes = [f"step {step} wrote into its batch; what is kept is what it left" for step in altered[:3]]
    device = next((p.device for p in parts.model.parameters()), torch.device("cpu"))
    return Manifest(
        framework=parts.framework,
        bad_step=found.step,
        found=found.what,
        value=found.value,
        tensor=found.tensor,
        state_step=state_step,
        first_batch=min(steps, default=found.step),
        state=parts.state_file,
        target=about.target,
        directory=about.directory,
        argv=about.argv,
        code=about.code,
        git_commit=_git_commit(about.directory),
        device=str(device),
        threads=torch.get_num_threads(),
        rank=about.rank,
        versions=_versions(),
        left_out=tuple(dict.fromkeys(left_out)),
        notes=tuple(notes),
    )


def _versions() -> Mapping[str, str]:
    found = {"python": platform.python_version()}
    for name in ("torch", "numpy", "lightning", "pytorch_lightning", "transformers", "keras"):
        module = sys.modules.get(name)
        if module is not None and isinstance(version := getattr(module, "__version__", None), str):
            found[name] = str(version)
    return found


def _git_commit(directory: str) -> str | None:
    """Of the code, with ``+`` where it was changed since."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        run = subprocess.run(  # noqa: S603
            ["git", "-C", directory, "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
        return run.stdout.strip() or None
    return None


def _free(wanted: Path) -> Path:
    place, number = wanted, 2
    while place.exists():
        place = wanted.with_name(f"{wanted.name}-{number}")
        number += 1
    return place
