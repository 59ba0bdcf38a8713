"""An unbounded activation inside a recurrence.

What it sees
    Parameters shared along a chain of layers (an unrolled recurrence), or a recurrent layer, with ReLU in between
    and no gradient clipping; fast growth.

Why it ends in NaN
    The same matrix is applied at every time step; with an eigenvalue above one and nothing that saturates,
    activations and gradients grow exponentially in the sequence length.

Fires on
    relu_recurrence

Quiet on
    healthy_lenet_debug, lr_too_high_linear_debug, healthy_gradient_clipping

What to do
    ``clip_gradients`` in the solver, TanH in the recurrence, an orthogonal or identity start of the recurrent
    matrix.

May be wrong when
    Weights are shared for another reason (siamese nets).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from nanlog.model import Cause, Fact, Pattern, Sign
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View

_RELUS = ("ReLU", "PReLU", "ELU")
_RECURRENT = ("RNN", "Recurrent", "LSTM", "LSTMUnit")


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR, Pattern.FROM_START):
        return
    chain = recurrence(view)
    relus = view.net.of_type(*_RELUS)
    if chain is None or not relus:
        return
    says = f"parameter '{chain.value}' is shared along a chain of layers with {relus[0].type} between: a recurrence"
    yield view.sign("relu_in_recurrence", view.stated(chain, says))
    if view.growth is not None and view.history is not None:
        step = view.history.step[view.growth.start]
        yield view.sign("growth", view.point(view.history, view.growth.start, f"the loss grows from step {step} on"))
    clip = view.solver("clip_gradients")
    if clip is not None:
        yield view.sign("clipped", view.stated(clip, "gradients are clipped"))
    elif view.knows_solver and (policy := view.solver("base_lr")) is not None:
        yield view.sign("not_clipped", view.stated(policy, "the solver has no clip_gradients"))


def recurrence(view: View) -> Fact | None:
    """The name of a parameter that several layers share one after the other, or the type of a recurrent layer."""
    users: dict[str, list[tuple[int, Fact]]] = defaultdict(list)
    for layer in view.net.layers:
        if layer.type in _RECURRENT:
            return layer.fact("type")
        for key, fact in layer.fields.items():
            if key.startswith("param[") and key.endswith("].name"):
                users[str(fact.value)].append((layer.index, fact))
    for shared in users.values():
        layers = [view.net.layers[index] for index, _ in shared if index < len(view.net.layers)]
        if len(layers) >= 3 and layers[0] in view.net.upstream(layers[-1]):
            return shared[0][1]
    return None


def remedies(view: View) -> Iterator[str]:
    if view.solver("clip_gradients") is None:
        yield "add clip_gradients: 1 to solver.prototxt"
    yield "use TanH instead of ReLU inside the recurrence, or start the recurrent matrix as the identity"


def next_test(view: View) -> str:
    return "run again over the same steps with clip_gradients: 1 and nothing else changed"


RULE = CauseRule(
    __name__,
    Cause.RELU_RNN,
    signs,
    remedies,
    next_test,
    needs=("fact:net.train.layer*",),
)
