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
    healthy_lenet_debug, lr_too_high_linear_debug, lr_step_up_lightning1_csv, healthy_gradient_clipping,
    nan_label_debug

What to do
    Clip the gradients, use tanh in the recurrence, an orthogonal or identity start of the recurrent matrix.

May be wrong when
    Weights are shared for another reason (siamese nets).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from nanlog.model import Cause, Fact, Pattern, Sign
from nanlog.rules._net import Layer
from nanlog.rules._rule import CauseRule
from nanlog.rules._view import View

#: Parameters of recurrent layers in PyTorch and Keras.
_RECURRENT_NAME = re.compile(r"weight_hh|recurrent_kernel|(?:^|[._/])(?:rnn|lstm|gru)(?:[._/\d]|$)", re.IGNORECASE)
_RELUS = ("ReLU", "PReLU", "ELU")
#: Caffe's own recurrent layers; they saturate inside (tanh), so that they explode in backward only.
RECURRENT = ("RNN", "LSTM")


def signs(view: View) -> Iterator[Sign]:
    if view.onset.pattern in (Pattern.HEALTHY, Pattern.INVALID_LR, Pattern.FROM_START):
        return
    chain = relu_recurrence(view)
    if chain is None:
        yield from _recurrent_gradients(view)
        return
    says = f"parameter '{chain.value}' is shared along a chain of layers with an unbounded activation between"
    yield view.sign("relu_in_recurrence", view.stated(chain, says))
    if view.grew is not None:
        yield view.sign("growth", view.grew)
    clip = view.solver("clip_gradients")
    if clip is not None:
        yield view.sign("clipped", view.stated(clip, "gradients are clipped"))
    elif view.knows_solver and (policy := view.solver("base_lr")) is not None:
        yield view.sign("not_clipped", view.stated(policy, "the solver has no clip_gradients"))


def _recurrent_gradients(view: View) -> Iterator[Sign]:
    """Names of parameters tell of a recurrence, though not of its activation."""
    for name, series in view.run.table.items():
        if name.startswith("grad_norm/") and _RECURRENT_NAME.search(series.info.original) and len(series):
            says = f"{series.info.original} is the gradient of a recurrence; with relu in it nothing bounds its growth"
            yield view.sign("recurrent_parameters", view.point(series, 0, says))
            if view.grew is not None:
                yield view.sign("growth", view.grew)
            return
    layer = view.layer_of_type("RNN")
    if layer is not None:
        says = f"the model has a layer {layer.value}; with relu in it nothing bounds its growth"
        yield view.sign("recurrent_layer", view.stated(layer, says))
        if view.grew is not None:
            yield view.sign("growth", view.grew)


def relu_recurrence(view: View) -> Fact | None:
    """The name of a parameter that three or more layers share one after the other, with a ReLU on the way.

    Towers that share their weights side by side (siamese nets) are no recurrence.
    """
    users: dict[str, list[tuple[Layer, Fact]]] = defaultdict(list)
    for layer in view.net.layers:
        for key, fact in layer.fields.items():
            if key.startswith("param[") and key.endswith("].name"):
                users[str(fact.value)].append((layer, fact))
    for shared in users.values():
        first, last = shared[0][0], shared[-1][0]
        if len(shared) < 3:
            continue
        path = view.net.upstream(last)
        if first in path and any(layer.type in _RELUS and layer.index > first.index for layer in path):
            return shared[0][1]
    return None


def remedies(view: View) -> Iterator[str]:
    if view.clips is None:
        yield view.advice.clip
    yield "use tanh instead of ReLU inside the recurrence, or start the recurrent matrix as the identity"


def next_test(view: View) -> str:
    return "run again over the same steps with gradients clipped at 1 and nothing else changed"


RULE = CauseRule(
    __name__,
    Cause.RELU_RNN,
    signs,
    remedies,
    next_test,
    needs=("fact:net.train.layer*", "fact:model.layer*"),
)
