"""The module, its data and the checkpoint, put together into a training that stands before its next step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nanlog.replay.plan import Plan
from nanlog.replay.worker.batches import Batches
from nanlog.replay.worker.checkpoint import Checkpoint, read_checkpoint
from nanlog.replay.worker.faults import TargetError, said
from nanlog.replay.worker.matching import load_weights
from nanlog.replay.worker.recorded import Recorded, read_recorded, restore_rest
from nanlog.replay.worker.state import TorchState, restore_rng
from nanlog.replay.worker.targets.plain_torch import device_of, read_batches
from nanlog.replay.worker.training import Loaded

from .cli import config_beside, given_of_config
from .given import Given, given_of, is_datamodule, is_module
from .order import order_of
from .position import Position, stood
from .step import LightningTraining
from .trainer import PRECISIONS, set_up

__all__ = ["opened"]

_ORDER = (
    "the loader shuffles by the random numbers of the whole training, which checkpoints of Lightning do not hold: the"
    " order is that of the training in the first epoch after seed_everything only; a loader with a generator of its"
    " own, or batches that LightningRecorder kept, are those of the training"
)
_SETTINGS = (
    "a checkpoint of Lightning does not hold the settings of its Trainer, and none are given: precision 32, no"
    " clipping and no accumulation are taken; a function may return"
    " {'module': ..., 'trainer': {'precision': '16-mixed', ...}}"
)


def opened(made: Any, plan: Plan) -> tuple[LightningTraining, Loaded]:
    """Raises ``TargetError`` and ``UnreadableError`` with a sentence."""
    recorded = read_recorded(plan.checkpoint)
    checkpoint = read_checkpoint(plan.checkpoint, plan.trust)
    content = checkpoint.raw if isinstance(checkpoint.raw, Mapping) else {}
    given = _given(made, content, plan)
    _take_over(given, content)
    _need_data(given, recorded, plan)
    loaded = Loaded(before=TorchState.of(given.module), notes=given.notes, nonfinite=checkpoint.nonfinite())
    loaded.notes.extend(checkpoint.left_out)
    whole = "state_dict" in content and "optimizer_states" in content
    device = device_of(plan.device if recorded is None else recorded.device(plan.device))
    trainer = set_up(given, content if whole else None, plan.checkpoint, device)
    if not whole:
        load_weights(given.module, checkpoint.models, plan.checkpoint)
        loaded.fresh.append("optimizer state")
    training = _training(trainer, given, content, recorded, plan, loaded)
    _restore_rng(checkpoint, loaded)
    if recorded is not None:
        loaded.notes.extend(recorded.notes())
        if training.stride > 1:
            loaded.notes.append(
                f"the recorder counts every update, {training.stride} for each batch; here a step is a batch: step"
                f" {recorded.manifest.bad_step} of the recorder is step {recorded.manifest.bad_step // training.stride}"
            )
        restore_rest(training.model, plan.checkpoint)
        recorded.restore_threads()
    return training, loaded


def _given(made: Any, content: Mapping[str, Any], plan: Plan) -> Given:
    """Classes alone are made as the configuration beside the checkpoint says, where there is one."""
    config = config_beside(plan.checkpoint)
    parts = () if made is None else made if isinstance(made, tuple) else (made,)
    if config is not None and all(
        isinstance(each, type) and (is_module(each) or is_datamodule(each)) for each in parts
    ):
        return given_of_config(config, parts)
    return given_of(made, content, plan.checkpoint)


def _take_over(given: Given, content: Mapping[str, Any]) -> None:
    """Settings of the Trainer that the flight recorder kept."""
    for name in ("accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm"):
        if content.get(name) is not None:
            given.options.setdefault(name, content[name])
    if not given.options:
        given.notes.append(_SETTINGS)


def _need_data(given: Given, recorded: Recorded | None, plan: Plan) -> None:
    """Recorded or saved batches can stand in for data that is not at hand."""
    if given.has_data:
        return
    name = type(given.module).__name__
    if recorded is not None:
        given.loaders = [each for micro in recorded.batches.values() for each in micro]
    elif plan.batches is not None:
        given.loaders = [None]
    else:
        raise TargetError(
            f"{name} has no train_dataloader of its own; name its datamodule, too (--target FILE.py:{name},DATAMODULE),"
            " or return both from a function: {'module': ..., 'train_dataloaders': ...}"
        )


def _training(
    trainer: Any, given: Given, content: Mapping[str, Any], recorded: Recorded | None, plan: Plan, loaded: Loaded
) -> LightningTraining:
    fit = trainer.fit_loop
    try:
        fit.setup_data()
    except Exception as error:
        raise TargetError(f"the data could not be set up: {said(error)}") from error
    length = int(fit.max_batches) if fit.max_batches != float("inf") else None
    stride = _stride(recorded)
    loaded.step = _step(given, content, recorded, stride, trainer)
    position = _position(content, plan.first or 0 if loaded.step is None else loaded.step, length, trainer)
    order = order_of(fit, length)
    if recorded is None and plan.batches is None and order.by_global_numbers:
        loaded.notes.append(_ORDER)
    precision = str(trainer.precision)
    read = order.at if plan.batches is None else _of_file(plan.batches, length)
    loaded.notes.extend(_without_validation(trainer))
    return LightningTraining(trainer, position, read, PRECISIONS.get(precision, precision), recorded, stride)


def _without_validation(trainer: Any) -> Iterator[str]:
    """Schedules that wait for what validation measures are left as they are."""
    for config in trainer.lr_scheduler_configs:
        if config.reduce_on_plateau:
            config.strict = False  # the Trainer then goes on without the metric
            yield f"validation does not run: a rate that follows {config.monitor} stays as in the checkpoint without it"


def _step(given: Given, content: Mapping[str, Any], recorded: Recorded | None, stride: int, trainer: Any) -> int | None:
    """The steps done: one for each update, however many optimizers took part in it."""
    if given.first_step is not None:
        return given.first_step
    if recorded is not None:
        return recorded.manifest.state_step // stride
    if (place := stood(content, None)) is not None and not trainer.lightning_module.automatic_optimization:
        return place[2]
    counted = content.get("global_step")
    return counted if isinstance(counted, int) else None


def _stride(recorded: Recorded | None) -> int:
    """``trainer.global_step``, which the recorder counts by, rises with every optimizer."""
    steps = sorted(recorded.batches) if recorded is not None else []
    return min((later - earlier for earlier, later in itertools.pairwise(steps)), default=1) or 1


def _position(content: Mapping[str, Any], step: int, length: int | None, trainer: Any) -> Position:
    accumulate = int(trainer.accumulate_grad_batches)
    place = stood(content, length)
    if length is None:
        epoch, batch = (0, step * accumulate) if place is None else (place[0], place[2])
    elif place is None:
        epoch, number = divmod(step, -(-length // accumulate))
        batch = number * accumulate
    else:
        epoch, batch = place[:2]
    return Position(step, epoch, batch, length, accumulate)


def _of_file(path: str, length: int | None) -> Callable[[int, int], Any]:
    batches = Batches(read_batches(path))
    return lambda epoch, index: batches.at(index if length is None else epoch * length + index)


def _restore_rng(checkpoint: Checkpoint, loaded: Loaded) -> None:
    rng = checkpoint.rng
    if rng.cpu is None and rng.python is None and rng.numpy is None:
        loaded.fresh.append("random number generators")
    restore_rng(rng)
