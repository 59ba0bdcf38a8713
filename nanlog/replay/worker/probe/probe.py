"""The step under the probe, and what is concluded when it has ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import torch
from torch.overrides import _get_current_function_mode
from torch.utils._python_dispatch import _get_current_dispatch_mode

from nanlog.replay.outcome import Benign, FirstNonfinite, ReplayPhase
from nanlog.replay.worker.samples import size_of

from ._calls import Calls
from ._compat import current_node, eagerly, inside_transform, without_overrides
from ._conclusion import Scene, concluded
from ._events import Call, Event
from ._hooks import attached, boundary
from ._leaves import Leaves, module_names, plain, unwrapped
from ._ledger import span_of
from ._measure import is_finite, numbers
from ._operators import Operator, flat
from ._raised import Raised, misplaced
from ._ranges import Range, Ranges
from ._recorder import Recorder
from ._sites import site_here

__all__ = ["Probe"]


class Probe:
    """Watches a training step from outside; the step is run unchanged and comes to the same numbers.

    Either for one step, ``with Probe(model, step=k, inputs=batch) as probe: ...``, or for a whole script between
    ``attach()`` and ``detach()`` with ``begin_step(k)`` and ``end_step()`` around each step.  ``ranges=False`` leaves
    the ranges out and is faster.  An exception of the step passes through.

    After the step: ``first`` (None where nothing non-finite matters), ``benign``, ``ranges``, ``loss`` (what backward
    started from, without the factor of a loss scaler; None without backward), ``skipped`` (a loss scaler found an
    overflow and nothing was harmed) and ``unread`` (results that could not be looked into).
    """

    def __init__(
        self,
        model: torch.nn.Module,
        step: int = 0,
        inputs: Any = None,
        optimizers: Sequence[torch.optim.Optimizer] = (),
        *,
        ranges: bool = True,
    ) -> None:
        self.model, self.step, self.optimizers = model, step, optimizers
        self._inputs = inputs
        self._ranges = Ranges() if ranges else None
        self._calls, self._leaves = Calls(), Leaves()
        self._recorder = Recorder(self._calls, self._leaves, self._ranges, boundary)
        self._recorder.on_raise = self._raised_in_kernel
        self._calls.listening.raised = self._raised_in_function
        self._stack = ExitStack()
        self.first: FirstNonfinite | None = None
        self.benign: tuple[Benign, ...] = ()
        self.loss: float | None = None
        self.skipped = False
        self.unread = 0
        self._scene = Scene()

    @property
    def ranges(self) -> tuple[Range, ...]:
        return () if self._ranges is None else self._ranges.all()

    def __enter__(self) -> Probe:
        self.attach()
        self.begin_step(self.step, self._inputs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.end_step(error)
        finally:
            self.detach()

    def attach(self) -> None:
        """Listen to everything that torch does in this thread."""
        self._calls.clear()
        self._stack.enter_context(eagerly())
        self._stack.enter_context(attached(self._calls, self))
        self._stack.enter_context(self._recorder)
        self._stack.enter_context(self._calls.listening)

    def run_eagerly(self) -> None:
        """From now on, where a compiler was imported since: its code cannot be looked into."""
        self._stack.enter_context(eagerly())

    def detach(self) -> None:
        self._stack.close()

    def begin_step(self, step: int, inputs: Any = None) -> None:
        """Forget the last step; ``inputs`` is the batch, where it is known already (else see ``note_batch``)."""
        self.step = step
        self._recorder.clear()
        self._leaves.clear()
        if self._ranges is not None:
            self._ranges.clear()
        self._calls.names = module_names(self.model)
        self._leaves.add_model(self.model)
        for optimizer in self.optimizers:
            self._leaves.add_optimizer(optimizer)
        self.first, self.benign, self.loss, self.skipped = None, (), None, False
        with without_overrides(), torch.no_grad():
            self._scene = Scene(spoilt_before=frozenset(name for name, _ in self._spoilt()))
        self.note_batch(inputs)

    @property
    def on_top(self) -> bool:
        """Whether nothing else listens inside of it, so that it may be detached: modes are left in order."""
        return _get_current_function_mode() is self._calls.listening and _get_current_dispatch_mode() is self._recorder

    def note_model(self, model: torch.nn.Module) -> None:
        """The model of this step, where it was not known when the step began."""
        self.model = model
        self._calls.names = module_names(model)
        self._leaves.add_model(model)
        with without_overrides(), torch.no_grad():
            spoilt = frozenset(name for name, _ in self._spoilt())
            self._scene.spoilt_before = self._scene.spoilt_before | spoilt

    def note_parameters(self) -> None:
        """Forward begins now: what the code wrote into parameters until here was there before the step."""
        self._recorder.forget_written(list(unwrapped(self.model).parameters()))

    def note_batch(self, batch: Any, part: str | None = None) -> None:
        """The batch of this step, once it is known; ``part`` is what this one of several is called.

        A NaN that the code wrote into it as a number belongs to the data, whatever wrote it.
        """
        if batch is not None:
            self._recorder.forget_written(batch)
            self._leaves.add_batch(batch, part)
            self._recorder.evidence.rows = size_of(batch)

    def end_step(self, error: BaseException | None = None) -> None:
        """Conclude; ``error`` is what the step raised, if it did."""
        with without_overrides(), torch.no_grad():
            scene = self._scene
            try:
                scene.after = {name: self._events_behind(tensor) for name, tensor in self._spoilt()}
            except RuntimeError:  # a device that has failed can no longer be read
                scene.after = {}
            scene.error, scene.overflowed, scene.unscaled = error, self._recorder.overflowed, self._recorder.scaled
            conclusion = concluded(scene, self._recorder.events, self.step, self._leaves)
        self.first, self.benign, self.skipped = conclusion.first, conclusion.benign, scene.skipped
        self.unread = self._recorder.unread
        self._recorder.clear()
        self._leaves.clear()

    def backward_begins(self, roots: Sequence[torch.Tensor], *, accumulates: bool) -> None:
        if inside_transform():
            return
        with without_overrides(), torch.no_grad():
            for root in roots:
                if root.numel() == 1 and (accumulates or self.loss is None):
                    scaled = self._recorder.scaled
                    self.loss = float(root) if scaled is None else scaled
                if not _finite(root):
                    self._scene.roots.append((self._events_behind(root), accumulates))

    def backward_ended(self, *, accumulates: bool) -> None:
        if not accumulates:
            return
        self._recorder.after_backward = self._scene.went_backward = True
        with without_overrides(), torch.no_grad():
            for name, parameter in unwrapped(self.model).named_parameters():
                if parameter.grad is None:
                    continue
                self._leaves.gradients.write(span_of(parameter.grad), plain(name))
                if not _finite(parameter.grad):
                    self._scene.gradients.setdefault(plain(name), self._events_behind(parameter.grad))

    def update_begins(self, optimizer: torch.optim.Optimizer) -> None:
        self._leaves.add_optimizer(optimizer)
        self._recorder.updating = True

    def update_ended(self, optimizer: torch.optim.Optimizer) -> None:
        self._recorder.updating = False
        self._scene.updated = True
        if not any(event.phase is ReplayPhase.UPDATE for event in self._recorder.events):
            return
        self._leaves.add_optimizer(optimizer)  # some states exist only after the first step
        with without_overrides(), torch.no_grad():
            states = (state for state in optimizer.state.values() if isinstance(state, dict))
            tensors = [value for state in states for value in state.values() if isinstance(value, torch.Tensor)]
            for tensor in (tensor for tensor in tensors if not _finite(tensor)):
                events = self._events_behind(tensor)
                for event in events:
                    event.writes = event.writes or self._leaves.of(tensor)
                self._scene.states.append(events)

    def _events_behind(self, tensor: torch.Tensor) -> tuple[Event, ...]:
        return self._recorder.evidence.behind(tensor)

    def _spoilt(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Parameters and buffers that are not finite; a buffer may hold a mask of -inf on purpose."""
        inner = unwrapped(self.model)
        for name, tensor in (*inner.named_parameters(), *inner.named_buffers()):
            if not _finite(tensor):
                yield plain(name), tensor

    def _raised_in_kernel(self, error: BaseException, call: Call, operator: Operator, args: Any, kwargs: Any) -> None:
        self._note_raised(error, call, args, kwargs)
        try:
            assert self._scene.raised is not None  # noqa: S101  it has just been noted
            self._scene.raised.misplaced = misplaced(operator, args)
        except (RuntimeError, IndexError, TypeError):  # the arguments were wrong in another way
            return

    def _raised_in_function(self, error: BaseException, call: Call, args: Any, kwargs: Any) -> None:
        if self._scene.raised is None or self._scene.raised.error is not error:
            call.site = call.site or site_here(boundary)
            self._note_raised(error, call, args, kwargs)

    def _note_raised(self, error: BaseException, call: Call, args: Any, kwargs: Any) -> None:
        phase = ReplayPhase.UPDATE if self._recorder.updating and call.module is None else ReplayPhase.FORWARD
        raised = self._scene.raised = Raised(error, call, ReplayPhase.BACKWARD if current_node() is not None else phase)
        with without_overrides(), torch.no_grad():
            try:
                spoilt = [tensor for tensor in _tensors(args, kwargs) if not _finite(tensor)]
                raised.behind = tuple(event for tensor in spoilt for event in self._events_behind(tensor))
            except RuntimeError:  # a device that has failed can no longer be read
                return


def _tensors(args: Any, kwargs: Any) -> Iterator[torch.Tensor]:
    return (each for each in flat([list(args), dict(kwargs)]) if isinstance(each, torch.Tensor))


def _finite(tensor: torch.Tensor) -> bool:
    values = numbers(tensor)
    return values is None or is_finite(values)
