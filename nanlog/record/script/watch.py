"""Finds the steps of an unchanged script through torch's hooks and tells the recorder and the probe of them.

A step begins with the first module that is called to be trained, and ends with the update: when all optimizers have
made theirs, or when the next batch is fetched.  What happens between one update and the next belongs to the next step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from nanlog.record.bundle import Found
from nanlog.record.hooks import Listening, wrapped
from nanlog.replay.outcome import FirstNonfinite, ReplayPhase
from nanlog.replay.worker.probe._compat import without_overrides

from .cast import Cast
from .loaded import Loaded, arguments_here, keras_step
from .probing import Probing

__all__ = ["Watch"]

_WHAT = {
    ReplayPhase.BACKWARD: "gradient",
    ReplayPhase.UPDATE: "parameter",
    ReplayPhase.PARAMETER: "parameter",
    ReplayPhase.OPTIMIZER_STATE: "parameter",
}


class Watch:
    """The listener of a script; with ``stop`` it ends the script after the first step that was not finite."""

    def __init__(self, cast: Cast, probing: Probing, *, stop: bool) -> None:
        self.cast, self.probing, self.stop = cast, probing, stop
        self.loaded = Loaded()
        self.asleep = False
        self.begun = False  #: a step is under way
        self.gave_up: Exception | None = None
        self._called = self._went_back = self._updating = False
        self._trains_in_eval = self._hears_loaders = False
        self._updated: set[int] = set()
        self._thread: int | None = None
        self._listening = Listening(self)
        self._stack = ExitStack()

    def attach(self) -> None:
        """Listen until ``detach``, mostly until the process ends."""
        self._stack.enter_context(self._listening)
        self._stack.callback(register_module_forward_pre_hook(self._module_called).remove)
        self._stack.enter_context(wrapped(torch.optim.Optimizer, "__init__", self._optimizer_made))

    def detach(self) -> None:
        """Leave torch as it was; attaching again goes on with the same steps."""
        self._stack.close()
        self._hears_loaders = False

    def attach_to_loaders(self) -> None:
        """Once ``torch.utils.data`` is imported."""
        if self._hears_loaders:
            return
        self._hears_loaders = True
        from torch.utils.data.dataloader import _BaseDataLoaderIter

        self._stack.enter_context(wrapped(_BaseDataLoaderIter, "__next__", self._fetching))

    # What torch tells

    def _optimizer_made(self, original: Callable[..., Any], optimizer: Any, *args: Any, **kwargs: Any) -> None:
        original(optimizer, *args, **kwargs)
        if self.cast.flight is None and not self.asleep:
            self._thread = threading.get_ident()  # who makes an optimizer trains
        if not self._deaf():
            self.cast.add_optimizer(optimizer)
            self._change_probing()

    def _fetching(self, original: Callable[..., Any], loader: Any) -> Any:
        """Around ``next`` of a DataLoader."""
        if self._deaf():
            return original(loader)
        with self._quiet():
            self._end_if_complete(fetching=True)
            self._called = False
        self._change_probing()
        batch = original(loader)
        self.loaded.fetched(batch)
        if self.probing.probe is not None:
            self.probing.probe.note_batch(batch)
        return batch

    def _module_called(self, module: torch.nn.Module, args: Any) -> None:
        if self._called or torch.compiler.is_compiling() or not torch.is_grad_enabled() or self._deaf():
            return
        if not (module.training or self._trains_in_eval):
            return
        keras = hasattr(module, "_flatten_layers")
        found = keras_step() if keras else None
        if keras and found is None:
            return  # a layer is built
        self._thread = threading.get_ident()  # for Keras, whose optimizers are not torch's
        if not self._updating:
            with self._quiet():
                self._end_if_complete()
        self._change_probing()
        with self._quiet():
            model = module if found is None else found[0]
            self.cast.know(model, self.probing.probe)
            self._begin(self.loaded.taken(args, arguments_here(module)) if found is None else found[1])

    def backward_begins(self, roots: list[torch.Tensor]) -> None:
        if self._deaf():
            return
        with self._quiet():
            if not self.begun:  # a model in evaluation mode, or no module at all
                self._trains_in_eval = True
                self.cast.know(None, self.probing.probe)
                self._begin(self.loaded.taken((), {}))
            self._went_back, self._called = True, False
            self.cast.told.backward_begins(roots)

    def backward_ended(self) -> None:
        if not self._deaf():
            with self._quiet():
                self.cast.told.backward_ended()

    def update_begins(self, optimizer: Any) -> None:
        """Its closure, where it has one, runs forward and backward inside of the update."""
        self._updating = self._updating or not self._deaf()

    def update_ended(self, optimizer: Any) -> None:
        if self._deaf() or not self.cast.trains(optimizer):
            return
        self._updating = False
        self._note_update(optimizer)
        with self._quiet():
            self.cast.told.update_begins(optimizer)
            self.cast.told.update_ended(optimizer)
            self._end_if_complete()

    def scaled(self, scaler: Any, loss: torch.Tensor) -> None:
        if not self._deaf():
            self.cast.told.scaled(scaler, loss)

    def update_skipped(self, scaler: Any, optimizer: Any) -> None:
        if self._deaf():
            return
        self._note_update(getattr(optimizer, "optimizer", optimizer))  # inside of accelerate's wrapper
        with self._quiet():
            self.cast.told.update_skipped(scaler, optimizer)
            self._end_if_complete()

    # Steps

    def _note_update(self, optimizer: Any) -> None:
        self._updated.add(id(optimizer))
        self.cast.stepped(optimizer)

    def _begin(self, batch: Any) -> None:
        """A forward pass: of a new step, of one more micro-batch, or anew because the last came to nothing."""
        flight = self.cast.flight
        if flight is None:
            return
        if not (self._updating and self.begun):  # a closure that is called again has the same batch
            if not self.begun and self.probing.probe is not None:
                self.probing.probe.note_parameters()
            if self.begun and not self._went_back:
                flight.replace_batch(batch)
            else:
                flight.begin(batch)
            if self.probing.probe is not None:
                self.probing.probe.note_batch(batch)
        self.begun, self._called, self._went_back = True, True, False

    def _end_if_complete(self, *, fetching: bool = False) -> None:
        complete = self._updated and (fetching or self.cast.expected() <= self._updated)
        if complete or (self._went_back and not self._updating and self.cast.updates_unseen()):
            self.end()

    def end(self, error: BaseException | None = None) -> None:
        """The step is over; with ``error``, because of it."""
        flight = self.cast.flight
        if flight is None:
            return
        step = flight.step
        self.probing.end(error)
        if error is None:
            if self.cast.updates_unseen():
                self.cast.unseen_update()
            flight.end()
        else:
            flight.raised(error)
        self._updated.clear()
        self.begun = self._called = self._went_back = False
        if self.probing.first is not None:
            flight.flush()
            flight.declare(_found(self.probing.first, step))
        if flight.found is not None:
            self.probing.stop()
        self.probing.begin(flight.step, flight.parts.model)
        if self.stop and flight.found is not None and error is None:
            raise SystemExit(1)

    def given_up(self) -> None:
        """The script ends in the middle of a step, without an error: what did the probe see of it?"""
        flight = self.cast.flight
        if flight is None or not self.begun:
            return
        if self._went_back:
            self.end()
            return
        self.probing.end()
        if self.probing.first is not None:
            flight.flush()
            flight.declare(_found(self.probing.first, flight.step))

    # The probe

    def _change_probing(self) -> None:
        if self.probing.wants_change and not (self._updating and not self._called):
            flight = self.cast.flight
            self.probing.change(0 if flight is None else flight.step, self.cast.model, self._listening.listen_last)

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """What the recorder computes is seen neither by the probe nor by any mode of the script's.

        What it gets wrong ends the record, and never the script.
        """
        try:
            with torch.no_grad(), without_overrides():
                if self.probing.on:
                    with torch._C._DisableTorchDispatch():
                        yield
                else:
                    yield
        except Exception as error:  # noqa: BLE001
            self.gave_up = error
            self.asleep = True
            self.probing.stop()

    def _deaf(self) -> bool:
        """In a process that was forked, or in another thread than the one that trains."""
        return self.asleep or (self._thread is not None and threading.get_ident() != self._thread)


def _found(first: FirstNonfinite, step: int) -> Found:
    if first.value is not None and ":" in first.value:
        return Found(step, "exception", first.value)
    return Found(step, _WHAT.get(first.phase, "loss"), first.value or "not finite", first.tensor)
