"""One optimizer step of a Trainer: its own loop, given the batches one by one."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from nanlog.replay.worker.faults import said
from nanlog.replay.worker.rates import scaled_rates
from nanlog.replay.worker.recorded import Recorded
from nanlog.replay.worker.state import TorchState
from nanlog.replay.worker.training import Batch

from .position import Place, Position, put

__all__ = ["LightningState", "LightningTraining"]


@dataclass(frozen=True, slots=True)
class LightningState:
    """What of a step's scene is not in a state dict: flags of parameters, counters, states of callbacks."""

    torch: TorchState
    trained: dict[str, bool]
    updates: tuple[int, int]
    callbacks: dict[int, Any]
    dtypes: dict[str, Any]


@dataclass
class LightningTraining:
    """A Trainer that stands in its loop.

    ``read`` gives one batch by epoch and number; where there are ``recorded`` ones, these are taken, by every
    ``stride``-th step.
    """

    trainer: Any
    position: Position
    read: Callable[[int, int], Any]
    precision: str
    recorded: Recorded | None = None
    stride: int = 1
    framework: str = "lightning"

    def __post_init__(self) -> None:
        trainer = self.trainer
        self.model: torch.nn.Module = trainer.lightning_module
        self.optimizers: Sequence[torch.optim.Optimizer] = list(trainer.optimizers)
        self.device = torch.device(trainer.strategy.root_device)
        self.accumulate = self.position.accumulate
        self._fetcher = _OneByOne()
        self._losses: list[torch.Tensor] = []
        self._skipped = False
        self._listen()
        if self.recorded is not None:
            self._take_batches_as_they_are()
        place = self.position.at(self.position.step)
        put(trainer, place, self.position.step, self.position.length, begins=True)
        trainer.fit_loop.on_run_start()
        if place.first:  # the epoch began before the checkpoint was written
            trainer.fit_loop.on_advance_start()

    def _listen(self) -> None:
        """Note each loss before it is scaled, and let backward run before the optimizer is entered."""
        before = self.trainer.strategy.pre_backward

        def pre_backward(loss: torch.Tensor) -> None:
            self._losses.append(loss.detach())
            before(loss)

        self.trainer.strategy.pre_backward = pre_backward
        for optimizer in self.optimizers:
            optimizer.step = _closure_first(optimizer.step)

    def _take_batches_as_they_are(self) -> None:
        """They were recorded after the hooks of transfer had changed them."""
        self.model._on_before_batch_transfer = lambda batch, dataloader_idx=0: batch
        self.model._apply_batch_transfer_handler = lambda batch, device=None, dataloader_idx=0: (
            self.model.__class__.transfer_batch_to_device(self.model, batch, device or self.device, dataloader_idx)
        )

    @property
    def clip_norm(self) -> float | None:
        trainer = self.trainer
        by_value = str(getattr(trainer.gradient_clip_algorithm, "value", trainer.gradient_clip_algorithm)) == "value"
        return None if by_value else trainer.gradient_clip_val

    def batch(self, step: int) -> Batch:
        """With ``accumulate`` a list of as many micro-batches."""
        if self.recorded is not None:
            micro = self.recorded.micro_batches(step * self.stride)
        else:
            place = self.position.at(step)
            micro = [self.read(place.epoch, place.first + each) for each in range(place.count)]
        return micro if self.accumulate > 1 else micro[0]

    def run_step(self, batch: Batch, step: int) -> float:
        trainer, loop = self.trainer, self.trainer.fit_loop.epoch_loop
        place = self.position.at(step)
        if self.recorded is not None:
            self.recorded.set_scene(step * self.stride, self.optimizers)
        self._losses.clear()
        self.model._current_fx_name = None
        scale = self._scale()
        put(trainer, place, step, self.position.length, begins=not place.first)
        if not place.first:
            trainer.fit_loop.on_advance_start()
        micro = batch if self.accumulate > 1 else [batch]
        with contextlib.suppress(StopIteration):  # the module's own way to leave the rest of the epoch out
            for number, each in enumerate(micro):
                self._fetcher.give(each, place.first + number, place.last_of_epoch and number == len(micro) - 1)
                loop.advance(self._fetcher)
                loop.on_advance_end(self._fetcher)
        self._skipped = (now := self._scale()) is not None and scale is not None and now < scale
        loss = float(sum(float(each) for each in self._losses))
        if place.last_of_epoch:
            self._end_epoch(place)
        return loss

    def _end_epoch(self, place: Place) -> None:
        """The hooks of an epoch's end may miss what its first steps, which are not repeated, would have left."""
        try:
            self.trainer.fit_loop.on_advance_end()
        except Exception as error:  # noqa: BLE001  it is the user's code
            warnings.warn(f"at the end of epoch {place.epoch} a hook raised {said(error)}; passed over", stacklevel=2)

    def _scale(self) -> float | None:
        scaler = self._scaler
        return None if scaler is None else float(scaler.get_scale())

    @property
    def _scaler(self) -> Any:
        return getattr(self.trainer.precision_plugin, "scaler", None)

    @property
    def _others(self) -> list[Any]:
        schedulers = [config.scheduler for config in self.trainer.lr_scheduler_configs]
        return [other for other in (self._scaler, *schedulers) if other is not None]

    def snapshot(self) -> LightningState:
        updates = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress.total
        return LightningState(
            TorchState.of(self.model, self.optimizers, self._others),
            {name: parameter.requires_grad for name, parameter in self.model.named_parameters()},
            (updates.ready, updates.completed),
            {number: each.state_dict() for number, each in enumerate(self.trainer.callbacks)},
            {name: module._dtype for name, module in self.model.named_modules() if hasattr(module, "_dtype")},
        )

    def restore(self, state: LightningState) -> None:
        state.torch.put_back(self.model, self.optimizers, self._others)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(state.trained.get(name, parameter.requires_grad))
        updates = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress.total
        updates.ready, updates.completed = state.updates
        for number, each in enumerate(self.trainer.callbacks):
            if kept := state.callbacks.get(number):
                each.load_state_dict(kept)
        for name, module in self.model.named_modules():
            if name in state.dtypes:
                module._dtype = state.dtypes[name]
        self.trainer._logger_connector.reset_results()
        self.device = next((parameter.device for parameter in self.model.parameters()), self.device)

    def rates(self) -> list[float]:
        return [
            float(group["lr"]) for optimizer in self.optimizers for group in optimizer.param_groups if "lr" in group
        ]

    def with_rates(self, factor: float) -> AbstractContextManager[None]:
        return scaled_rates(factor)

    def skipped(self) -> bool:
        return self._skipped

    def to(self, device: torch.device) -> None:
        trainer, self.device = self.trainer, device
        self.model.to(device)
        for optimizer in self.optimizers:
            for state in optimizer.state.values():
                for name, value in state.items():
                    if isinstance(value, torch.Tensor) and name != "step":
                        state[name] = value.to(device)
        trainer.strategy._root_device = device
        if hasattr(trainer.precision_plugin, "device"):
            trainer.precision_plugin.device = device.type


class _OneByOne:
    """Stands in for the fetcher of the Trainer: the batch that it was given last."""

    def __init__(self) -> None:
        self.done = False
        self.fetched = 0
        self._batch: tuple[Any, int, int] = (None, 0, 0)

    def give(self, batch: Any, number: int, last: bool) -> None:
        self._batch, self.done = (batch, number, 0), last

    def __next__(self) -> tuple[Any, int, int]:
        return self._batch


def _closure_first(step: Callable[..., Any]) -> Callable[..., Any]:
    """The same step, with its closure (Lightning's forward and backward) called before torch's hooks of the update.

    An optimizer that asks for it again, as LBFGS does, gets it again.
    """

    def stepped(closure: Callable[[], Any] | None = None, *args: Any, **kwargs: Any) -> Any:
        if closure is None:
            return step(*args, **kwargs)
        with torch.enable_grad():
            first = [closure()]
        return step(lambda: first.pop() if first else closure(), *args, **kwargs)

    return stepped
