"""Sees every ATen operator of a step and remembers those that gave something non-finite, and of what."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nanlog.replay.outcome import ReplayPhase
from nanlog.replay.worker.tree import tensors

from ._calls import Calls
from ._compat import current_node, sequence_number, without_overrides
from ._events import Call, Event
from ._evidence import Evidence, Given
from ._leaves import Leaves
from ._ledger import Ledger, span_of
from ._measure import Extent, extent, is_finite, numbers
from ._naming import BUNDLES, name_of_kernel, name_of_node
from ._operators import Operator, flat, operator_of
from ._raised import refuse_misplaced
from ._ranges import Ranges
from ._sites import site_here

__all__ = ["Recorder"]

#: Operators that put numbers into a tensor, or another process's memory under it.
_PUT = {"setitem", "fill_", "masked_fill_", "masked_fill", "index_fill_", "full", "full_like", "tensor"}
_WRITTEN = frozenset(_PUT | {"stack", "cat", "set", "set_"})

#: Some operators are given several nodes before they run: custom functions, and those inside ``torch.func``.
_NODES_AT_ONCE = 4
#: A public function takes its operands through a few views.
_VIEWS_AT_MOST = 8


class Recorder(TorchDispatchMode):  # type: ignore[misc]  # mypy does not read torch
    """The mode below autograd, where each operator of forward, backward and update passes as it is executed.

    ``boundary`` is the code from which backward is started.  ``on_raise`` is told of operators that raise.
    """

    supports_higher_order_operators = True

    def __init__(self, calls: Calls, leaves: Leaves, ranges: Ranges | None, boundary: Any) -> None:
        super().__init__()
        self.calls, self.leaves, self.ranges = calls, leaves, ranges
        self.ledger: Ledger[Event] = Ledger()
        self.evidence = Evidence(self.ledger, leaves, self.made_by)
        self.updating = self.after_backward = self.overflowed = False
        self.on_raise: Callable[[BaseException, Call, Operator, Any, Any], None] | None = None
        self.scaled: float | None = None
        self.unread = 0
        self._boundary = boundary
        self._nodes: dict[tuple[int, int], Call] = {}
        self._rewritten: dict[tuple[int, int], Call] = {}

    def clear(self) -> None:
        self.ledger.clear()
        self.evidence.clear()
        self._nodes.clear()
        self._rewritten.clear()
        self.updating = self.after_backward = self.overflowed = False
        self.scaled = None
        self.unread = 0

    def forget_written(self, tree: Any) -> None:
        """What was written into tensors as a number, or was in the data that they were made of, is a part of them."""
        for _, tensor in tensors(tree):
            span = span_of(tensor)
            found = self.ledger.behind(span)
            if found and all(map(_is_data, found)):
                self.ledger.forget(span)
                for event in found:
                    event.deliberate = True

    @property
    def events(self) -> list[Event]:
        return self.evidence.events

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with without_overrides():
            if torch.cuda._is_compiled() and torch.cuda.is_current_stream_capturing():
                return func(*args, **kwargs)  # reading a value would end the capture
            return self._seen(func, args, kwargs)

    def _seen(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        operator = operator_of(func)
        node = current_node()
        graded = torch.is_grad_enabled()
        call = self._call(operator, node)
        try:
            with torch.no_grad():
                refuse_misplaced(operator, args)
                given = self._given_before(operator, args, kwargs)
            result = func(*args, **kwargs)
            self._remember_node(call, operator)
            with torch.no_grad():
                phase = self._phase(call, node, operator, args, kwargs, graded=graded)
                self._looked(operator, call, node, phase, args, kwargs, given, result)
        except Exception as error:
            if self.on_raise is not None:
                self.on_raise(error, call, operator, args, kwargs)
            raise
        return result

    def _looked(self, *seen: Any) -> None:
        """A result that cannot be read must not end the step; a device that has failed does, and here is where."""
        try:
            self._look(*seen)
        except Exception as error:
            if "CUDA error" in str(error) or "device-side assert" in str(error):
                raise
            self.unread += 1

    def _call(self, operator: Operator, node: Any) -> Call:
        """The public function at work; in backward, where C++ is at work, that of the node's forward."""
        top = self.calls.top()
        if top is None:
            if node is not None:
                top = self._of_node(node)
            else:
                top = self.calls.new(name_of_kernel(operator.kernel))
                top.site = site_here(self._boundary)
        elif top.site is None:
            top.site = site_here(self._boundary)
            if node is not None and top.module is None:
                self._adopt(top, node)
        return top

    def _adopt(self, call: Call, node: Any) -> None:
        """A function that a custom backward or a hook calls belongs to the module of the forward.

        Where no code of the user's own runs, it belongs to its line as well.
        """
        variable = getattr(node, "variable", None)  # of a parameter, where its gradient arrives
        if isinstance(variable, torch.Tensor):
            leaf = self.leaves.of(variable)
            call.module = leaf.module if leaf else None
            return
        forward = self._of_node(node)
        call.module, call.kind = forward.module, forward.kind
        if call.where.file is None and not call.where.recomputed:
            call.site = forward.site

    def _of_node(self, node: Any) -> Call:
        number = _number(node)
        name = _class(node)
        thread = threading.get_ident()
        table = self._rewritten if name == "CopySlices" else self._nodes
        for later in range(_NODES_AT_ONCE):
            if (thread, number + later) in table:
                return table[thread, number + later]
        # A device has a thread of its own for backward: the forward was numbered in another one.
        others = [call for (_, other), call in table.items() if other == number]
        return others[0] if others else Call(name_of_node(name))

    def _remember_node(self, call: Call, operator: Operator) -> None:
        """Autograd has just made the node of this operator: it bears the last number.

        A view that is written in place gets one more afterwards.
        """
        number = sequence_number()
        thread = threading.get_ident()
        self._nodes.setdefault((thread, number - 1), call)
        if operator.writes and torch.is_grad_enabled():
            self._rewritten[thread, number] = call

    def _given_before(self, operator: Operator, args: Any, kwargs: Any) -> list[Given]:
        """What is about to be overwritten, as it is."""
        if operator.overwrites or not operator.writes:
            return []
        return [
            Given(tensor, lane, finite=(values := numbers(tensor)) is None or is_finite(values), written=True)
            for tensor, lane in operator.written(args, kwargs)
        ]

    def _look(
        self,
        operator: Operator,
        call: Call,
        node: Any,
        phase: ReplayPhase,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        given: list[Given],
        result: Any,
    ) -> None:
        if operator.view:
            return
        if operator.kernel == "_local_scalar_dense" and isinstance(result, float) and not math.isfinite(result):
            self.evidence.read_out(args[0])
        written = list(operator.written(args, kwargs))
        for tensor, lane in [*written, *_fresh(result, written, operator)]:
            span = span_of(tensor)
            if not any(tensor is each for each, _ in written):
                self.leaves.gradients.forget_storage(span)
            if operator.uninitialised:
                self.ledger.write(span, self.evidence.unwritten(call, operator, phase))
                continue
            values = numbers(tensor)
            if values is None or self._passes(values, phase, call, node):
                self.ledger.forget(span)
                continue
            event = self.evidence.event(operator, call, phase, tensor, lane, args, kwargs, given)
            event.node = self._name(call, node, operator, phase)
            self.ledger.write(span, event)
        if node is None:  # backward multiplies by the same factor
            self._scaler(operator, call, args)

    def _passes(self, values: torch.Tensor, phase: ReplayPhase, call: Call, node: Any) -> bool:
        if self.ranges is None:
            return is_finite(values)
        found = (
            extent(values) if values.device.type in ("cpu", "cuda") or is_finite(values) else Extent(math.nan, math.nan)
        )
        self.ranges.add(phase, call, values.dtype, found)
        return found.finite

    def _phase(self, call: Call, node: Any, operator: Operator, args: Any, kwargs: Any, *, graded: bool) -> ReplayPhase:
        if node is not None:
            return ReplayPhase.FORWARD if call.where.recomputed and self.calls.top() is call else ReplayPhase.BACKWARD
        outside = not graded and self.calls.module[1] is None
        if (self.updating or self.after_backward) and (outside or self._changes_parameters(operator, args, kwargs)):
            return ReplayPhase.UPDATE
        return ReplayPhase.FORWARD

    def _changes_parameters(self, operator: Operator, args: Any, kwargs: Any) -> bool:
        for tensor, _ in operator.written(args, kwargs):
            leaf = self.leaves.of(tensor)
            if (leaf is not None and leaf.phase is not ReplayPhase.INPUT and not leaf.buffer) or self.leaves.gradient(
                tensor
            ):
                return True
        return False

    def _name(self, call: Call, node: Any, operator: Operator, phase: ReplayPhase) -> str | None:
        """Where the public function does not say it: inside bundles of layers, in custom functions, in optimizers."""
        if phase is ReplayPhase.UPDATE:
            return name_of_kernel(operator.kernel) if call.op.startswith("_") or call.op in BUNDLES else None
        if node is not None and phase is ReplayPhase.BACKWARD:
            if isinstance(node, torch.autograd.function.FunctionCtx):
                return _class(node).removesuffix("Backward")
            return name_of_node(_class(node)) if call.op in BUNDLES else None
        return name_of_kernel(operator.kernel) if call.op in BUNDLES else None

    def _scaler(self, operator: Operator, call: Call, args: Any) -> None:
        """A loss scaler multiplies the loss, and says at the end whether the gradients overflowed."""
        if operator.kernel == "_amp_foreach_non_finite_check_and_unscale_":
            self.overflowed = self.overflowed or bool(args[1].item())
        elif (
            call.where.scaling
            and current_node() is None  # in backward the gradient of that product is one, too
            and operator.kernel == "mul"
            and isinstance(args[0], torch.Tensor)
            and args[0].numel() == 1
        ):
            self.scaled = float(args[0])

    def made_by(self, tensor: torch.Tensor, taker: Call) -> str | None:
        """The public operator that gave ``taker`` a tensor that autograd knows; its own views do not count."""
        node = tensor.grad_fn
        for _ in range(_VIEWS_AT_MOST):
            if node is None or self._of_node(node) is not taker:
                break
            node = node.next_functions[0][0] if node.next_functions else None
        return None if node is None or _class(node) == "AccumulateGrad" else self._of_node(node).op


def _fresh(result: Any, written: list[tuple[torch.Tensor, int | None]], operator: Operator) -> Iterator[Any]:
    """The tensors that an operator gave back and that are not the ones it wrote into."""
    known = {id(tensor) for tensor, _ in written}
    if isinstance(result, torch.Tensor):
        if id(result) not in known:
            yield result, None
        return
    if not isinstance(result, list | tuple):
        return
    for lane, each in enumerate(result):
        for tensor in flat(each):
            if isinstance(tensor, torch.Tensor) and id(tensor) not in known:
                yield tensor, lane if operator.lanes else None


def _number(node: Any) -> int:
    number = getattr(node, "_sequence_nr", None)
    return -1 if number is None else int(number())


def _class(node: Any) -> str:
    name = node.name()
    return str(name).rpartition("::")[2]


def _is_data(event: Event) -> bool:
    """Whether it was there, or was written as a number, and was only moved since."""
    if event.leaf is not None:
        return True
    if not event.parents:
        return event.op in _WRITTEN
    return not event.makes and all(map(_is_data, event.parents))
