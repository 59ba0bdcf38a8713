"""The model out of its file, with the optimizer's state, and the data of the target."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nanlog.errors import UnreadableError
from nanlog.replay.plan import Plan
from nanlog.replay.recorded import STATE
from nanlog.replay.worker.batches import Batches
from nanlog.replay.worker.faults import TargetError, said
from nanlog.replay.worker.recorded import Recorded, read_recorded, rng_of
from nanlog.replay.worker.state import TorchState, restore_rng
from nanlog.replay.worker.targets.plain_torch import read_batches
from nanlog.replay.worker.training import Loaded
from nanlog.replay.worker.unpickling import read_file

from .backend import configured, need_torch
from .data import Epochs
from .file import load_weights, model_of, names_of_target
from .step import KerasTraining

__all__ = ["opened"]

_KEYS = (
    "x",
    "y",
    "sample_weight",
    "batch_size",
    "steps_per_epoch",
    "shuffle",
    "class_weight",
    "custom_objects",
    "model",
    "first_step",
)
_MODEL = "model.keras"
_SHUFFLES = (
    "fit shuffles what it is given by random numbers that the file does not hold: the order of the batches is not"
    " known; with shuffle=False, a loader with an order of its own, or batches that KerasRecorder kept, it is"
)


def opened(made: Any, plan: Plan) -> tuple[KerasTraining, Loaded]:
    """Raises ``TargetError`` and ``UnreadableError`` with a sentence."""
    need_torch()
    parts = _parts(made)
    recorded = read_recorded(plan.checkpoint)
    file = Path(plan.checkpoint) / _MODEL if recorded is not None else Path(plan.checkpoint)
    loaded = Loaded()
    model = _model(file, parts, plan, loaded, needed=recorded is None)
    if not model.built or getattr(model, "optimizer", None) is None:
        raise TargetError(
            f"the model of {file} is not compiled, so that nothing says how it is trained; let the target return it"
            " compiled: {'model': model, 'x': x, 'y': y}"
        )
    model.jit_compile = False  # compiled code cannot be looked into
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
        loaded.fresh.append("optimizer state")
    if recorded is not None:
        _restore_variables(model, plan.checkpoint)
    training = KerasTraining(
        model, _batches(parts, plan, recorded, loaded), recorded, _device(model), notes=loaded.notes
    )
    loaded.nonfinite = _nonfinite(training)
    loaded.before = _fresh(model)
    loaded.step = _step(model, parts, recorded, loaded)
    _tell(recorded, loaded)
    return training, loaded


def _parts(made: Any) -> Mapping[str, Any]:
    """A dictionary of what ``fit`` takes; a tuple is x, y and the weights of samples; anything else is x."""
    if made is None:
        return {}
    if isinstance(made, tuple) and 1 <= len(made) <= 3:
        return dict(zip(("x", "y", "sample_weight"), made, strict=False))
    if not isinstance(made, Mapping):
        return {"model": made} if hasattr(made, "train_step") else {"x": made}
    for key in made:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1, cutoff=0.5)
            meant = f"did you mean {near[0]!r}" if near else f"known are {', '.join(_KEYS)}"
            raise TargetError(f"the target returns {key!r}, which nothing is known about; {meant}")
    return made


def _model(file: Path, parts: Mapping[str, Any], plan: Plan, loaded: Loaded, *, needed: bool) -> Any:
    given = parts.get("model")
    if given is not None and (file.suffix != ".keras" or not file.is_file()):
        if file.is_file():
            load_weights(given, file)
        elif needed:
            raise UnreadableError(f"the checkpoint {file} cannot be opened: there is no such file")
        return given
    if file.suffix in (".h5", ".hdf5"):
        what = "weights alone" if file.name.endswith(".weights.h5") else "of an older form, which may hold code"
        raise TargetError(
            f"{file} is {what}; let the target return the compiled model, too ({{'model': model, 'x': x, 'y': y}}), or"
            " save it as .keras"
        )
    loaded.notes.extend(_where_from())
    return model_of(file, {**names_of_target(plan), **(parts.get("custom_objects") or {})}, plan.trust, loaded)


def _where_from() -> list[str]:
    other = configured()
    if other in (None, "torch"):
        return []
    note = (
        f"Keras is set to {other} here, and the replay ran on torch: the file is of no backend, but kernels and random"
        " numbers are torch's own, and a fault of another backend need not show"
    )
    return [note]


def _restore_variables(model: Any, bundle: str) -> None:
    """The recorder kept every variable by its path, and the random numbers."""
    content = read_file(Path(bundle) / STATE, trust=False)
    for kept, variables in (("variables", model.variables), ("optimizer_variables", model.optimizer.variables)):
        saved = content.get(kept) or {}
        for variable in variables:
            if (value := saved.get(variable.path)) is not None and tuple(value.shape) == tuple(variable.shape):
                variable.assign(value)
    restore_rng(rng_of(content.get("rng_state", {})))


def _batches(parts: Mapping[str, Any], plan: Plan, recorded: Recorded | None, loaded: Loaded) -> Batches | None:
    if plan.batches is not None:
        return Batches(read_batches(plan.batches))
    if recorded is not None:
        return None
    if parts.get("x") is None:
        raise TargetError(
            "a .keras file holds no data; name a function that returns it: --target data.py, with"
            " def target(): return {'x': x, 'y': y, 'batch_size': 32}"
        )
    try:
        epochs = Epochs(parts)
    except Exception as error:
        raise TargetError(f"Keras does not take the data of the target: {said(error)}") from error
    if epochs.shuffles:
        loaded.notes.append(_SHUFFLES)
    return Batches(epochs)


def _device(model: Any) -> torch.device:
    return next((variable.value.device for variable in model.variables), torch.device("cpu"))


def _nonfinite(training: KerasTraining) -> dict[str, str]:
    from nanlog.replay.worker.checkpoint import said_nonfinite
    from nanlog.replay.worker.symptoms import optimizer_tensors

    named = [*training.model.named_parameters(), *optimizer_tensors(training)]
    return {name: why for name, tensor in named if (why := said_nonfinite(tensor))}


def _fresh(model: Any) -> TorchState | None:
    """The same model with new weights, as its configuration makes it; None where it cannot be made again."""
    try:
        fresh = type(model).from_config(model.get_config())
        if not fresh.built:
            fresh.build_from_config(model.get_build_config())
        values = {new.path: new.value.detach().clone() for new in fresh.variables}
    except Exception:  # noqa: BLE001  a class of the user's; zeros do as well
        return None
    old = [variable.path for variable in model.variables]
    if sorted(values) != sorted(old):  # names that Keras counts up
        values = dict(zip(old, values.values(), strict=False)) if len(old) == len(values) else {}
    return TorchState(values, frozenset(), {}, {}, (), ())


def _step(model: Any, parts: Mapping[str, Any], recorded: Recorded | None, loaded: Loaded) -> int | None:
    """The batches seen: those that the optimizer counted, and those whose update a loss scale left out."""
    if parts.get("first_step") is not None:
        return int(parts["first_step"])
    if recorded is not None:
        return recorded.manifest.state_step
    outer = model.optimizer
    inner = getattr(outer, "inner_optimizer", outer)
    counted = int(inner._iterations.value)  # with accumulation, ``iterations`` is that of the updates, not of batches
    if outer is inner:
        return counted
    skipped = round(math.log2(outer.initial_scale / float(outer.dynamic_scale.value)))
    if counted < outer.dynamic_growth_steps and skipped >= 0:  # the scale has not grown yet
        return counted + skipped
    loaded.notes.append(
        f"the optimizer made {counted} updates; how many more batches its loss scale left out is not known, so the"
        " batches may be later ones than these (a target may say first_step)"
    )
    return counted


def _tell(recorded: Recorded | None, loaded: Loaded) -> None:
    if recorded is None:
        loaded.fresh.append("random number generators (dropout draws other numbers than the training did)")
    else:
        loaded.notes.extend(recorded.notes())
        recorded.restore_threads()
