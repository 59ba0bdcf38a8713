"""A checkpoint put into a training of plain torch, and what that leaves open."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nanlog.replay.plan import Plan

from .checkpoint import Checkpoint
from .matching import load_weights
from .state import restore_rng
from .training import Loaded

__all__ = ["restore_checkpoint", "step_in_name"]

#: What stands before the number of a step in the name of a file.
_STEP_WORDS = frozenset(
    (
        "",
        "step",
        "steps",
        "iter",
        "iters",
        "iteration",
        "it",
        "update",
        "updates",
        "checkpoint",
        "ckpt",
        "model",
        "state",
    )
)


def restore_checkpoint(training: Any, checkpoint: Checkpoint, first_step: int | None, plan: Plan) -> Loaded:
    """Load what there is.  ``training`` has ``model``, ``optimizers``, ``scaler`` and ``schedulers``.

    Raises ``UnreadableError`` when the weights do not fit.
    """
    loaded = Loaded(before=training.snapshot())
    loaded.notes.extend(checkpoint.left_out)
    place = load_weights(training.model, checkpoint.models, checkpoint.path)
    if len(checkpoint.models) > 1:
        loaded.notes.append(f"of the {len(checkpoint.models)} sets of weights in the checkpoint, {place!r} was loaded")
    _optimizers(training.optimizers, checkpoint, loaded)
    scalers = [training.scaler] if training.scaler is not None else []
    _others(scalers, checkpoint.scalers, "loss scaler", loaded)
    _others(training.schedulers, checkpoint.schedulers, "schedule", loaded)
    rng = checkpoint.rng
    if rng.cpu is None and rng.python is None and rng.numpy is None:
        loaded.fresh.append("random number generators")
    restore_rng(rng)
    loaded.nonfinite = checkpoint.nonfinite()
    loaded.step = _step(checkpoint, first_step, plan, loaded)
    return loaded


def _optimizers(optimizers: Sequence[Any], checkpoint: Checkpoint, loaded: Loaded) -> None:
    if not checkpoint.optimizers:
        loaded.fresh.append("optimizer state")
        return
    for optimizer, saved in zip(optimizers, checkpoint.optimizers, strict=False):
        rates = [group.get("lr") for group in optimizer.param_groups]
        try:
            optimizer.load_state_dict(copy.deepcopy(saved))
        except (ValueError, KeyError, TypeError) as error:
            loaded.fresh.append("optimizer state")
            loaded.notes.append(f"the optimizer's state in the checkpoint does not fit that of the target: {error}")
            return
        restored = [group.get("lr") for group in optimizer.param_groups]
        if restored != rates:
            loaded.notes.append(
                f"the learning rate is that of the checkpoint, {restored[0]}; the target has {rates[0]}"
            )


def _others(objects: Sequence[Any], states: Sequence[Mapping[str, Any]], what: str, loaded: Loaded) -> None:
    if objects and not states:
        loaded.fresh.append(what)
    for each, saved in zip(objects, states, strict=False):
        each.load_state_dict(copy.deepcopy(saved))


def _step(checkpoint: Checkpoint, first_step: int | None, plan: Plan, loaded: Loaded) -> int | None:
    """The next step: as the target says, as the optimizer counted, as the file says, as its name says.

    A loop that saves ``{"step": step}`` after the update means the step that was done; the optimizer's own count tells.
    """
    if first_step is not None:
        return first_step
    said, counted = checkpoint.step, checkpoint.updates
    if said is not None and counted is not None and said != counted:
        if counted == said + 1:
            return counted
        loaded.notes.append(
            f"the checkpoint says step {said} and its optimizer counted {counted} updates; step {said} is taken"
            " (a target may say first_step)"
        )
    if said is None:
        said = counted
    if said is None and (number := step_in_name(Path(checkpoint.path).stem)) is not None and not plan.asked:
        loaded.notes.append(f"the checkpoint does not say its step; {number} is taken from its name")
        said = number
    return said


def step_in_name(stem: str) -> int | None:
    """The last number that may be a step: not that of an epoch, a fold or a network.

    >>> step_in_name("epoch=3-step=120"), step_in_name("iter_0000500"), step_in_name("checkpoint-7")
    (120, 500, 7)
    >>> step_in_name("epoch_3"), step_in_name("resnet50"), step_in_name("best_fold2")
    (None, None, None)
    """
    numbers = re.findall(r"([A-Za-z]*)[-_=. ]*(\d+)(?![A-Za-z\d])", stem)
    steps = [int(number) for word, number in numbers if word.lower() in _STEP_WORDS]
    return steps[-1] if steps else None
