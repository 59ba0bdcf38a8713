"""Plain PyTorch: a function of the user's that returns model, optimizer, loss and batches.

::

    def target():
        model = Net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        def loss(model, batch):
            x, y = batch
            return F.cross_entropy(model(x), y)
        return {"model": model, "optimizer": optimizer, "loss": loss, "batches": loader}
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from nanlog.replay.plan import Plan
from nanlog.replay.worker.batches import Batches, fault_of
from nanlog.replay.worker.checkpoint import Checkpoint, read_checkpoint
from nanlog.replay.worker.faults import TargetError
from nanlog.replay.worker.recorded import Recorded, read_recorded, restore_rest
from nanlog.replay.worker.restoring import restore_checkpoint
from nanlog.replay.worker.training import Loaded, Training

from .plain_step import PRECISIONS, TorchTraining

__all__ = ["TARGET", "device_of", "read_batches"]

_KEYS = (
    "model",
    "optimizer",
    "loss",
    "step",
    "batches",
    "scaler",
    "scheduler",
    "clip_norm",
    "clip_value",
    "precision",
    "first_step",
    "accumulate",
)
_ORDER = ("model", "optimizer", "loss", "batches")


class PlainTorch:
    """Takes a dictionary, or a tuple in the order model, optimizer, loss, batches."""

    def takes(self, made: Any, checkpoint: str) -> bool:
        return isinstance(made, Mapping) or (isinstance(made, tuple) and len(made) == len(_ORDER))

    def open(self, made: Any, plan: Plan) -> tuple[Training, Loaded]:
        given = dict(made) if isinstance(made, Mapping) else dict(zip(_ORDER, made, strict=True))
        _refuse_faults(given)
        recorded = read_recorded(plan.checkpoint)
        if recorded is not None:
            given.update(_of_bundle(given, recorded))
        if plan.batches is not None:
            given["batches"] = read_batches(plan.batches)
        if (fault := fault_of(given.get("batches"))) is not None:
            raise TargetError(f"the target cannot be replayed: {fault}")
        checkpoint = read_checkpoint(plan.checkpoint, plan.trust)
        training = _training(given, device_of(plan.device if recorded is None else recorded.device(plan.device)))
        loaded = _loaded(training, checkpoint, given, plan)
        if recorded is not None:
            training.recorded = recorded
            loaded.notes.extend(recorded.notes())
            restore_rest(training.model, plan.checkpoint)
            recorded.restore_threads()
        return training, loaded


def _of_bundle(given: Mapping[str, Any], recorded: Recorded) -> dict[str, Any]:
    """What the bundle knows better than the target."""
    accumulate = int(given.get("accumulate", recorded.accumulated))
    return {
        "batches": recorded.numbered(accumulate),
        "accumulate": accumulate,
        "first_step": recorded.manifest.state_step,
    }


def _refuse_faults(given: Mapping[str, Any]) -> None:
    for key in given:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1, cutoff=0.5)
            meant = f"did you mean {near[0]!r}" if near else f"known are {', '.join(_KEYS)}"
            raise TargetError(f"the target returns {key!r}, which nothing is known about; {meant}")
    if not isinstance(given.get("model"), torch.nn.Module):
        raise TargetError("the target returns no 'model' that is a torch.nn.Module: {'model': Net(), ...}")
    if not callable(given.get("loss")) and not callable(given.get("step")):
        raise TargetError("the target returns no 'loss': a function loss(model, batch) that returns a scalar tensor")
    if given.get("precision", "32") not in PRECISIONS:
        raise TargetError(f"precision {given['precision']!r} is not known; known are {', '.join(PRECISIONS)}")
    optimizers = _listed(given.get("optimizer"))
    if not optimizers or not all(hasattr(each, "param_groups") for each in optimizers):
        raise TargetError("the target returns no 'optimizer' of torch.optim")
    if len(optimizers) > 1 and "step" not in given:
        raise TargetError("with several optimizers the target must say what a step is: 'step': a function step(batch)")


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [] if given is None else [given]


def _training(given: Mapping[str, Any], device: torch.device) -> TorchTraining:
    model = given["model"]
    training = TorchTraining(
        model=getattr(model, "_orig_mod", model),  # compiled code cannot be looked into
        optimizers=_listed(given.get("optimizer")),
        batches=Batches(given["batches"], max(1, int(given.get("accumulate", 1)))),
        loss=given.get("loss"),
        step=given.get("step"),
        scaler=given.get("scaler"),
        schedulers=_listed(given.get("scheduler")),
        clip_norm=given.get("clip_norm"),
        clip_value=given.get("clip_value"),
        precision=PRECISIONS[given.get("precision", "32")],
        accumulate=max(1, int(given.get("accumulate", 1))),
    )
    training.to(device)
    return training


def _loaded(training: TorchTraining, checkpoint: Checkpoint, given: Mapping[str, Any], plan: Plan) -> Loaded:
    first = given.get("first_step")
    loaded = restore_checkpoint(training, checkpoint, None if first is None else int(first), plan)
    if training.batches.shuffles and not plan.batches:
        loaded.notes.append(
            "the loader shuffles: the batches are those of the training only if the target draws random numbers as the"
            " training did (the same seed before the loader, or a generator of its own)"
        )
    return loaded


def device_of(name: str) -> torch.device:
    """``auto`` takes an accelerator where there is one.  Raises ``TargetError`` for one that is not there."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in has.items() if there))
    if not has[name]:
        there = ", ".join(kind for kind, found in has.items() if found)
        raise TargetError(f"torch finds no device {name!r} here; give --device {there}")
    return torch.device(name)


def read_batches(path: str) -> Sequence[Any] | Mapping[int, Any]:
    """A file of ``torch.save``: a list of batches in the order of training, or a mapping of steps to batches."""
    from pathlib import Path

    from nanlog.replay.worker.unpickling import read_file

    content = read_file(Path(path), trust=False)
    if isinstance(content, Mapping) and content and all(isinstance(key, int) for key in content):
        return content
    if isinstance(content, list | tuple) and content:
        return content
    raise TargetError(
        f"--batches {path} holds a {type(content).__name__}; it must hold a list of batches, or a mapping of steps to"
        " batches, saved with torch.save"
    )


TARGET = PlainTorch()
