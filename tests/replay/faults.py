"""Small trainings that are really broken, each in one place, and small ones that only look so.

``FAULTS`` and ``HARMLESS`` by name.  The line at fault bears the comment ``# fault: NAME``.
"""

# mypy: disable-error-code="misc"
# (torch is not read by mypy: its classes are Any)
from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  everybody's name for it
from torch import nn

__all__ = ["FAULTS", "HARMLESS", "Fault", "Made", "line_of"]

Tensors = Any


@dataclass
class Made:
    """A training at the step before it breaks; ``loss`` takes the model and the batch."""

    model: nn.Module
    batch: Any
    loss: Callable[[nn.Module, Any], torch.Tensor]
    optimizer: torch.optim.Optimizer
    after_backward: Callable[[Made], None] = lambda _made: None
    scaler: torch.amp.GradScaler | None = None
    autocast: torch.dtype | None = None

    def step(self, batch: Any) -> float:
        self.optimizer.zero_grad()
        with torch.autocast("cpu", self.autocast or torch.bfloat16, enabled=self.autocast is not None):
            loss = self.loss(self.model, batch)
        if self.scaler is not None:
            self.scaler.scale(loss).backward()
            self.scaler.unscale_(self.optimizer)
        else:
            loss.backward()
        self.after_backward(self)
        if self.scaler is not None:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()  # fault: step
        return float(loss.detach())


@dataclass(frozen=True)
class Fault:
    """What the probe must say of it."""

    name: str
    make: Callable[[], Made]
    phase: str = "forward"
    op: str | None = None
    module: str | None = "middle"
    tensor: str | None = None
    samples: tuple[int, ...] | None = None
    line: str | None = field(default=None)

    @property
    def at(self) -> int | None:
        return line_of(self.line or self.name)


@cache
def _lines() -> dict[str, int]:
    text = Path(__file__).read_text(encoding="utf-8").splitlines()
    marked = ((line.rpartition("# fault: ")[2], number) for number, line in enumerate(text, 1) if "# fault: " in line)
    return {name: number for names, number in marked for name in names.split(", ")}


def line_of(name: str) -> int | None:
    return _lines().get(name)


class Net(nn.Module):
    """Two layers and something between them."""

    def __init__(self, middle: nn.Module, width: int = 4, out: int = 3) -> None:
        super().__init__()
        self.fc = nn.Linear(5, width)
        self.middle = middle
        self.head = nn.Linear(width, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.middle(self.fc(x)))  # fault: relay


class Middle(nn.Module):
    """A function of activations; what is at fault stands in the function."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


ROWS = 6


def classes(model: nn.Module, batch: Any) -> torch.Tensor:
    x, y = batch
    return F.cross_entropy(model(x), y)  # fault: label_out_of_range, label_negative, empty_labels


def squares(model: nn.Module, batch: Any) -> torch.Tensor:
    x, y = batch
    return F.mse_loss(model(x), y)  # fault: mse


def trained(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], torch.Tensor] = classes,
    *,
    x: torch.Tensor | None = None,
    y: torch.Tensor | None = None,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    **options: Any,
) -> Made:
    made_by = {key: options.pop(key) for key in ("after_backward", "scaler", "autocast") if key in options}
    x = torch.randn(ROWS, 5) if x is None else x
    y = torch.arange(ROWS) % 3 if y is None else y
    return Made(model, (x, y), loss, optimizer(model.parameters(), **{"lr": 0.1, **options}), **made_by)


def between(function: Callable[[torch.Tensor], torch.Tensor], **options: Any) -> Callable[[], Made]:
    return lambda: trained(Net(Middle(function)), **options)


def lossy(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], **options: Any) -> Callable[[], Made]:
    def of_batch(model: nn.Module, batch: Any) -> torch.Tensor:
        return loss(model(batch[0]), batch[1])

    return lambda: trained(Net(nn.Tanh()), of_batch, **options)


# --- forward -----------------------------------------------------------------------------------------------------


def log_zero(x: torch.Tensor) -> torch.Tensor:
    return torch.log(x * 0)  # fault: log_zero


def log_method(x: torch.Tensor) -> torch.Tensor:
    return (
        (x * 0)
        .abs()
        .log()  # fault: log_method
        .mul(2)
    )


def empty_mean(x: torch.Tensor) -> torch.Tensor:
    chosen = x[x[:, 0] > 1e9]
    return x + chosen.mean()  # fault: empty_mean


def absent_class(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    losses = F.cross_entropy(scores, y, reduction="none")
    present = F.one_hot(y, 4).float()
    per_class = (losses[:, None] * present).sum(0) / present.sum(0)  # fault: absent_class
    return per_class.mean()


def exp_overflow(x: torch.Tensor) -> torch.Tensor:
    e = torch.exp(x * 1e4)  # fault: exp_overflow
    return e / e.sum(1, keepdim=True)


def attention(x: torch.Tensor) -> torch.Tensor:
    scores = x @ x.T
    mask = torch.zeros(len(x), len(x), dtype=torch.bool)
    mask[2] = True
    weights = scores.masked_fill(mask, float("-inf")).softmax(-1)  # fault: masked_row
    return weights @ x


def added_mask(x: torch.Tensor) -> torch.Tensor:
    mask = torch.zeros(len(x), len(x))
    mask[2] = -math.inf
    weights = F.softmax(x @ x.T + mask, dim=-1)  # fault: added_mask
    return weights @ x


def fused_attention(x: torch.Tensor) -> torch.Tensor:
    mask = torch.zeros(len(x), len(x))
    mask[2] = -math.inf
    scores = torch.baddbmm(mask[None], x[None], x.T[None])
    top = scores - scores.max(-1, keepdim=True).values  # fault: inf_minus_inf
    return (top.exp() / top.exp().sum(-1, keepdim=True))[0] @ x


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding = torch.zeros(1, len(x), dtype=torch.bool)
        padding[:] = True
        return self.attend(x[None], x[None], x[None], key_padding_mask=padding)[0][0]  # fault: multihead


class Recurrence(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(4, 4)
        nn.init.constant_(self.cell.weight, 1e3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.abs()
        for _ in range(20):
            h = torch.relu(self.cell(h))  # fault: relu_loop
        return h


class Rnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(4, 4, nonlinearity="relu", batch_first=True)
        nn.init.constant_(self.rnn.weight_hh_l0, 1e8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x.abs()[:, None].expand(-1, 20, -1))[0][:, -1]  # fault: relu_rnn


def log_sum(x: torch.Tensor) -> torch.Tensor:
    return x + torch.logsumexp(torch.full_like(x, -math.inf), 1, keepdim=True)


def in_place(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[1].mul_(0).log_()  # fault: in_place
    return y


def of_view(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, 0] = x[:, 0] / 0  # fault: of_view
    y[:, 1] = x[:, 1]
    return y * 1.0


def roots(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt(-x.abs() - 1)  # fault: root_of_negative


def fractional_power(x: torch.Tensor) -> torch.Tensor:
    return (-x.abs() - 1) ** 1.5  # fault: fractional_power


def handmade_bce(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = torch.sigmoid(p[:, 0] * 0 + 200)
    t = (y > 0).float()
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()  # fault: handmade_bce


def kl(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = F.one_hot(y, 3).float()
    q = F.softmax(scores, 1)
    return (p * (p / q).log()).sum(1).mean()  # fault: kl_zero


def ctc(scores: torch.Tensor, y: torch.Tensor, *, zero_infinity: bool = False) -> torch.Tensor:
    log_probs = scores.log_softmax(1)[:, None].expand(-1, 2, -1)
    targets = torch.ones(2, 9, dtype=torch.long)
    lengths = torch.tensor([6, 6]), torch.tensor([2, 9])
    return F.ctc_loss(log_probs, targets, *lengths, zero_infinity=zero_infinity)  # fault: ctc


def gaussian(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    variance = scores[:, 1].abs() * 0
    return (torch.log(variance) + (scores[:, 0] - y) ** 2 / variance).mean()  # fault: gaussian


def masked_label(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    seen = scores.masked_fill(torch.tensor([True, False, False]), -math.inf)  # fault: masked_label
    return F.cross_entropy(seen, y)


def complex_log(x: torch.Tensor) -> torch.Tensor:
    z = torch.complex(x * 0, x * 0)
    return torch.log(z).real  # fault: complex_log


def constant_feature(eps: float) -> Callable[[], Made]:
    def make() -> Made:
        net = Net(nn.BatchNorm1d(4, eps=eps))
        with torch.no_grad():
            net.fc.weight[1] = 0.0
        return trained(net)

    return make


def corrupt(value: float) -> Callable[[], Made]:
    def make() -> Made:
        net = Net(nn.Tanh())
        with torch.no_grad():
            net.head.weight[1, 2:] = value
            net.fc.bias[2:] = 9.0
        return trained(net)

    return make


def diverged() -> Made:
    """At the last step before the loss of a training with a rate of 80 leaves the range of float32."""
    made = trained(Net(nn.Identity()), squares, y=torch.randn(ROWS, 3), lr=80.0)
    made.batch[0].mul_(50)
    states: list[dict[str, torch.Tensor]] = []
    while not states or all(bool(value.isfinite().all()) for value in states[-1].values()):
        states.append(copy.deepcopy(made.model.state_dict()))
        if not math.isfinite(made.step(made.batch)):
            break
    made.model.load_state_dict(states[-1])
    return made


def spoilt_input() -> Made:
    made = trained(Net(nn.Tanh()))
    made.batch[0][3, 2] = math.nan
    return made


def spoilt_label() -> Made:
    y = torch.randn(ROWS, 3)
    y[4, 0] = math.nan
    return trained(Net(nn.Tanh()), squares, y=y)


def two_spoilt() -> Made:
    made = trained(Net(nn.Tanh()))
    made.batch[0][1, 2] = math.inf
    made.batch[0][4, 0] = math.nan
    return made


def labelled(*labels: int) -> Callable[[], Made]:
    return lambda: trained(Net(nn.Tanh()), y=torch.tensor(labels))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4, padding_idx=0)
        self.head = nn.Linear(4, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.table(tokens).mean(1))  # fault: token_out_of_range


def words(last: int) -> Callable[[], Made]:
    tokens = torch.ones(ROWS, 4, dtype=torch.long)
    tokens[5, 3] = last
    return lambda: trained(Words(), x=tokens)


# --- 16 bit ------------------------------------------------------------------------------------------------------


def big_layer(dtype: torch.dtype | None, weight: float = 3e4) -> Callable[[], Made]:
    def make() -> Made:
        net = Net(nn.Linear(4, 4))
        nn.init.constant_(net.middle.weight, weight)
        nn.init.constant_(net.fc.bias, 10.0)
        if dtype is None:
            return trained(net, autocast=torch.float16)
        net.to(dtype)
        return trained(net, x=torch.randn(ROWS, 5).to(dtype))

    return make


def half_sum(x: torch.Tensor) -> torch.Tensor:
    many = (x.half() * 0 + 1000).repeat(1, 100)
    return x + many.sum(1, keepdim=True)  # fault: half_sum


def half_exp(x: torch.Tensor) -> torch.Tensor:
    return x + torch.exp(x.half() * 0 + 12)  # fault: half_exp


def half_cast(x: torch.Tensor) -> torch.Tensor:
    return (x * 0 + 1e6).half().float()  # fault: half_cast


# --- backward ----------------------------------------------------------------------------------------------------


def sqrt_at_zero(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x * 0) ** 2)  # fault: sqrt_at_zero


def own_norm(x: torch.Tensor) -> torch.Tensor:
    return x + (x * 0).pow(2).sum(1, keepdim=True).sqrt()  # fault: own_norm


def half_power(x: torch.Tensor) -> torch.Tensor:
    return (x * 0) ** 0.5  # fault: half_power


def arccos_at_one(x: torch.Tensor) -> torch.Tensor:
    return torch.arccos(x * 0 + 1)  # fault: arccos_at_one


def atan_at_zero(x: torch.Tensor) -> torch.Tensor:
    return torch.atan2(x * 0, x * 0)  # fault: atan_at_zero


def where_log(x: torch.Tensor) -> torch.Tensor:
    x = torch.cat([x[:2] * 0, x[2:].abs() + 1])
    return torch.where(x > 0, torch.log(x), 0.0)  # fault: where_log


def where_division(x: torch.Tensor) -> torch.Tensor:
    x = torch.cat([x[:2] * 0, x[2:].abs() + 1])
    return torch.where(x > 0, 1 / x, torch.zeros_like(x))  # fault: where_division


def own_sigmoid(x: torch.Tensor) -> torch.Tensor:
    return 1 / (1 + torch.exp(-(x * 0 - 200)))  # fault: own_sigmoid


class WrongBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        scaled = gradients[0] * x
        return scaled / (x * 0).abs()  # fault: wrong_backward


def wrong_backward(x: torch.Tensor) -> torch.Tensor:
    return WrongBackward.apply(x)


class Checkpointed(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor], *, reentrant: bool) -> None:
        super().__init__()
        self.inner = Middle(function)
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.utils.checkpoint.checkpoint(self.inner, x, use_reentrant=self.reentrant)


def checkpointed_root(x: torch.Tensor) -> torch.Tensor:
    return torch.sqrt((x * 0) ** 2)  # fault: checkpointed_root


def checkpointed_log(x: torch.Tensor) -> torch.Tensor:
    return torch.log(x * 0)  # fault: checkpointed_log


def penalised(model: nn.Module, batch: Any) -> torch.Tensor:
    x = batch[0].requires_grad_()
    out = model(x)
    (gradient,) = torch.autograd.grad((out * 0).sum(), x, create_graph=True)
    norm = gradient.pow(2).sum(1).sqrt()  # fault: penalty
    return F.cross_entropy(out, batch[1]) + ((norm - 1) ** 2).mean()


def hooked() -> Made:
    net = Net(nn.Tanh())
    net.fc.weight.register_hook(lambda gradient: gradient / 0)  # fault: hook
    return trained(net)


def dead_view(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[0].mul_(0).pow_(2).sqrt_()  # fault: root_of_view
    return y


# --- update ------------------------------------------------------------------------------------------------------


def spoilt_state(value: float, key: str = "exp_avg", **options: Any) -> Callable[[], Made]:
    def make() -> Made:
        made = trained(Net(nn.Tanh()), optimizer=torch.optim.AdamW, **options)
        made.step(made.batch)
        made.optimizer.state[made.model.head.weight][key][0, 1] = value
        return made

    return make


def adam_without_eps(**options: Any) -> Callable[[], Made]:
    def make() -> Made:
        net = Net(nn.Tanh())
        made = trained(net, optimizer=torch.optim.Adam, eps=0.0, **options)
        made.batch[0][:, 1] = 0.0
        return made

    return make


def rate(value: float, **options: Any) -> Callable[[], Made]:
    return lambda: trained(Net(nn.Tanh()), lr=value, **options)


def by_hand(made: Made) -> None:
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.sub_(parameter.grad / (parameter.grad * 0))  # fault: by_hand


def clipped_infinity() -> Made:
    def clip(made: Made) -> None:
        nn.utils.clip_grad_norm_(made.model.parameters(), 1.0)

    net = Net(nn.Tanh())
    net.fc.weight.register_hook(lambda gradient: gradient * 1e39)  # fault: clipped_infinity
    return trained(net, after_backward=clip)


def in_closure() -> Made:
    """Lightning, and L-BFGS, run forward and backward inside of the optimizer's step."""

    class Closed(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closed)

    def closed() -> float:
        made.optimizer.zero_grad()
        total = log_of_nothing(made.model, made.batch)
        total.backward()
        return float(total.detach())

    made = trained(Net(nn.Tanh()), squares, y=torch.randn(ROWS, 3), optimizer=Closed)
    return made


def log_of_nothing(model: nn.Module, batch: Any) -> torch.Tensor:
    return (model(batch[0]) * 0).log().mean()  # fault: in_closure


def huge_rate_momentum() -> Made:
    made = trained(Net(nn.Tanh()), optimizer=torch.optim.SGD, momentum=0.9, lr=1e38)
    for parameter in made.model.parameters():
        parameter.register_hook(lambda gradient: gradient * 1e6)
    return made


# --- more of torch -----------------------------------------------------------------------------------------------


class Recurrent(nn.Module):
    """The input drives the candidate to +inf, the state to -inf."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(4, 4, batch_first=True)
        nn.init.constant_(self.rnn.weight_ih_l0[8:12], 3e38)
        nn.init.constant_(self.rnn.weight_hh_l0[8:12], -3e38)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.abs()[:, None].expand(-1, 4, -1) + 1
        return self.rnn(x)[0][:, -1]  # fault: recurrent


def sparse() -> Made:
    class Sparse(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 3, sparse=True)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.table(tokens).sum(1)

    def loss(model: nn.Module, batch: Any) -> torch.Tensor:
        scores = model(batch[0])
        return torch.where(scores > 1e9, torch.log(scores * 0), scores).sum()  # fault: sparse

    return trained(Sparse(), loss, x=torch.ones(ROWS, 4, dtype=torch.long))


def functional_log(x: torch.Tensor) -> torch.Tensor:
    return torch.log(x * 0)  # fault: functional


def functional(model: nn.Module, batch: Any) -> torch.Tensor:
    out = torch.func.functional_call(model, dict(model.named_parameters()), (batch[0],))
    return F.cross_entropy(out, batch[1])


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        block = Middle(lambda x: torch.log(x * 0))  # fault: nested
        self.blocks = nn.ModuleList([nn.Linear(5, 4), nn.Sequential(block, nn.Linear(4, 3))])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x


def traced(x: torch.Tensor) -> torch.Tensor:
    return torch.log(x * 0)


def scripted(x: torch.Tensor) -> torch.Tensor:
    graph = torch.fx.symbolic_trace(traced)
    return graph(x)  # fault: scripted_call


def compiled() -> Made:
    net = Net(Middle(compiled_log))
    return trained(torch.compile(net, backend="eager"))


def compiled_log(x: torch.Tensor) -> torch.Tensor:
    return torch.log(x * 0)  # fault: compiled


def vmapped(x: torch.Tensor) -> torch.Tensor:
    return torch.vmap(lambda row: torch.log(row * 0))(x)  # fault: vmapped


def handed_on(x: torch.Tensor) -> torch.Tensor:
    bad = x / 0  # fault: handed_on
    kept = torch.empty_like(x)
    kept.copy_(bad)
    parts = kept.chunk(2, 1)
    return torch.cat([parts[1], parts[0]], 1).reshape(-1, 2).flip(0).reshape(-1, 4)


def log_of_softmax(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    p = torch.softmax(scores * 0 + torch.tensor([0.0, 0.0, -300.0]), 1)
    return -torch.log(p)[torch.arange(len(y)), y].mean()  # fault: log_softmax_log


def spoilt_buffer() -> Made:
    net = Net(nn.BatchNorm1d(4))
    net.middle.running_mean[1] = math.nan
    net.eval()
    return trained(net)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
        nn.init.constant_(self.layer.linear1.weight[:4], 3e38)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x[None])[0]  # fault: encoder


def written_nan(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[x > 0] = math.nan  # fault: written_nan
    return y


def variance_of_one(x: torch.Tensor) -> torch.Tensor:
    return x + x[:1, :1].std()  # fault: mean_of_nothing


def handmade_normalise(x: torch.Tensor) -> torch.Tensor:
    x = x * 0
    return x / x.norm(dim=1, keepdim=True)  # fault: handmade_normalise


def accumulated() -> Made:
    def loss(model: nn.Module, batch: Any) -> torch.Tensor:
        x, y = batch
        F.cross_entropy(model(x[3:]), y[3:]).backward()
        return F.cross_entropy(model(x[:3]), y[:3])

    made = trained(Net(nn.Tanh()), loss)
    made.batch[0][0, 0] = math.nan
    return made


def numpy_constant(x: torch.Tensor) -> torch.Tensor:
    import numpy as np

    return x * torch.from_numpy(np.array([1.0, np.nan, 1.0, 1.0], dtype=np.float32))


def uninitialised(x: torch.Tensor) -> torch.Tensor:
    memory = torch.empty(4)  # fault: uninitialised
    memory.numpy()[:] = math.nan
    return x + memory


def through_item(x: torch.Tensor) -> torch.Tensor:
    scale = (x.sum() * 0 / 0).item()  # fault: item
    return x * scale


def raising(model: nn.Module, batch: Any) -> torch.Tensor:
    scores = model(batch[0]).softmax(1)
    chosen = torch.multinomial(-scores.detach(), 1)  # fault: unused_output
    return F.cross_entropy(scores, chosen[:, 0])


def nan_after_inf(x: torch.Tensor) -> torch.Tensor:
    large = torch.exp(x.detach() * 0 + 1000)
    return torch.maximum(large, torch.log(x * 0 - 1))  # fault: nan_after_inf


def overwritten(x: torch.Tensor) -> torch.Tensor:
    memory = torch.log(x.detach() * 0 - 1)
    memory.copy_(torch.sqrt(x.detach() * 0 - 1))  # fault: overwritten
    return x + memory


def cleaned(x: torch.Tensor) -> torch.Tensor:
    memory = torch.log(x.detach() * 0)
    memory.fill_(1.0)
    memory[0].div_(0)  # fault: cleaned
    return x + memory


def chosen(x: torch.Tensor) -> torch.Tensor:
    left = torch.log(x * 0 - 1)
    right = torch.sqrt(x * 0 - 1)  # fault: chosen
    return torch.where(torch.zeros_like(x, dtype=torch.bool), left, right)


def side_by_side(x: torch.Tensor) -> torch.Tensor:
    values = [torch.log(x * 0 - 1), torch.sqrt(x * 0 - 1)]  # fault: side_by_side
    return torch._foreach_add(values, 1.0)[1]


def builtin_hook(x: torch.Tensor) -> torch.Tensor:
    y = x * 0  # fault: builtin_hook
    y.register_hook(torch.Tensor.rsqrt_)
    return y


def mask_of_batch() -> Made:
    def loss(model: nn.Module, batch: Any) -> torch.Tensor:
        scores = model(batch["x"])
        weights = F.softmax(scores @ scores.T + batch["mask"], -1)  # fault: mask_of_batch
        return F.cross_entropy(weights @ scores, batch["y"])

    made = trained(Net(nn.Tanh()), loss)
    mask = torch.zeros(ROWS, ROWS)
    mask[3] = -math.inf
    made.batch = {"x": made.batch[0], "y": made.batch[1], "mask": mask}
    return made


def transformed(x: torch.Tensor) -> torch.Tensor:
    slope = torch.func.vmap(torch.func.grad(lambda row: row.pow(2).sum().sqrt()))  # fault: transformed
    return x + slope(x * 0)


# --- harmless ----------------------------------------------------------------------------------------------------


def causal(x: torch.Tensor) -> torch.Tensor:
    mask = torch.triu(torch.full((len(x), len(x)), -math.inf), 1)
    return (x @ x.T + mask).softmax(-1) @ x


def top_k(x: torch.Tensor) -> torch.Tensor:
    least = x.topk(2).values[:, -1:]
    kept = x.clone()
    kept[x < least] = -float("inf")
    return kept.softmax(-1)


def sdpa_causal(x: torch.Tensor) -> torch.Tensor:
    return F.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True)[0]


def max_pool(x: torch.Tensor) -> torch.Tensor:
    return F.max_pool1d(x[:, None], 3, stride=1, padding=1)[:, 0]


def unused_log(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x > -1e9, x, torch.log(x.detach() * 0))


def metric_beside(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        (scores * 0).mean() / 0
    return F.cross_entropy(scores, y)


def infinite_moment() -> Made:
    made = trained(Net(nn.Tanh()), optimizer=torch.optim.AdamW)
    made.model.head.weight.register_hook(lambda gradient: gradient * 1e25)
    return made


def zeroed(made: Made) -> None:
    for parameter in made.model.parameters():
        parameter.grad = torch.nan_to_num(parameter.grad, 0.0, 0.0, 0.0)


def skipped_by_scaler() -> Made:
    return trained(Net(nn.Tanh()), autocast=torch.float16, scaler=torch.amp.GradScaler("cpu", init_scale=2.0**40))


def clipped_to_nothing() -> Made:
    def clip(made: Made) -> None:
        nn.utils.clip_grad_norm_(made.model.parameters(), 1.0)

    net = Net(nn.Tanh())
    net.fc.weight.register_hook(lambda gradient: gradient * 1e30)
    return trained(net, after_backward=clip)


def masked_nan() -> Made:
    def loss(model: nn.Module, batch: Any) -> torch.Tensor:
        x, y = batch
        known = ~y.isnan()
        return F.mse_loss(model(x)[known], y[known])

    y = torch.randn(ROWS, 3)
    y[2] = math.nan
    return trained(Net(nn.Tanh()), loss, y=y)


class Masked(nn.Module):
    mask: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.triu(torch.full((ROWS, ROWS), -math.inf), 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ x.T + self.mask).softmax(-1) @ x


def frozen_nan() -> Made:
    net = Net(nn.Tanh())
    net.spare = nn.Parameter(torch.full((2,), math.nan))
    return trained(net)


def online_softmax(x: torch.Tensor) -> torch.Tensor:
    highest = torch.full((len(x), 1), -math.inf)
    total = torch.zeros(len(x), 1)
    for column in x.split(2, 1):
        new = torch.maximum(highest, column.detach().amax(1, keepdim=True))
        total = total * torch.exp(highest - new) + torch.exp(column - new).sum(1, keepdim=True)
        highest = new
    return torch.exp(x - highest) / total


FAULTS = {
    fault.name: fault
    for fault in [
        Fault("log_zero", between(log_zero), op="log"),
        Fault("log_method", between(log_method), op="log"),
        Fault("empty_mean", between(empty_mean), op="mean"),
        Fault("absent_class", lossy(absent_class), op="div", module=None),
        Fault("exp_overflow", between(exp_overflow), op="exp"),
        Fault("masked_row", between(attention), op="softmax", samples=(2,)),
        Fault("added_mask", between(added_mask), op="softmax", samples=(2,)),
        Fault("inf_minus_inf", between(fused_attention), op="sub"),
        Fault("multihead", lambda: trained(Net(SelfAttention())), op="softmax", module="middle.attend"),
        Fault("relu_loop", lambda: trained(Net(Recurrence())), op="linear", module="middle.cell"),
        Fault("relu_rnn", lambda: trained(Net(Rnn())), op="rnn_relu", module="middle.rnn"),
        Fault("in_place", between(in_place), op="log"),
        Fault("of_view", between(of_view), op="div"),
        Fault("root_of_negative", between(roots), op="sqrt"),
        Fault("fractional_power", between(fractional_power), op="pow"),
        Fault("handmade_bce", lossy(handmade_bce), op="log", module=None),
        Fault("kl_zero", lossy(kl), op="log", module=None),
        Fault("ctc", lossy(ctc), op="ctc_loss", module=None),
        Fault("gaussian", lossy(gaussian), op="log", module=None),
        Fault("masked_label", lossy(masked_label), op="masked_fill", module=None),
        Fault("complex_log", between(complex_log), op="log"),
        Fault("batchnorm_eps", constant_feature(0.0), op="batch_norm", line="relay"),
        Fault(
            "layernorm_eps",
            lambda: trained(Net(nn.Sequential(Middle(torch.ones_like), nn.LayerNorm(4, eps=0.0)))),
            op="layer_norm",
            module="middle.1",
            line="relay",
        ),
        Fault("corrupt_nan", corrupt(math.nan), phase="parameter", module="head", tensor="head.weight"),
        Fault("corrupt_huge", corrupt(3e38), op="linear", module="head", line="relay"),
        Fault("diverged", diverged, op="linear", module="head", line="relay"),
        Fault("spoilt_input", spoilt_input, phase="input", module=None, tensor="input", samples=(3,)),
        Fault("spoilt_label", spoilt_label, phase="input", module=None, tensor="label", samples=(4,)),
        Fault("two_spoilt", two_spoilt, phase="input", module=None, tensor="input", samples=(1, 4)),
        Fault(
            "label_out_of_range",
            labelled(0, 1, 2, 3, 0, 7),
            op="cross_entropy",
            module=None,
            tensor="label",
            samples=(3, 5),
        ),
        Fault(
            "label_negative", labelled(0, 1, -1, 0, 1, 2), op="cross_entropy", module=None, tensor="label", samples=(2,)
        ),
        Fault("empty_labels", labelled(*[-100] * ROWS), op="cross_entropy", module=None),
        Fault("token_out_of_range", words(10), op="embedding", module="table", tensor="input", samples=(5,)),
        Fault(
            "batch_of_one",
            lambda: trained(Net(nn.BatchNorm1d(4)), x=torch.randn(1, 5), y=torch.tensor([1])),
            op="batch_norm",
            line="relay",
        ),
        Fault("half_layer", big_layer(torch.float16), op="linear", line="relay"),
        Fault("half_autocast", big_layer(None), op="linear", line="relay"),
        Fault("bfloat_layer", big_layer(torch.bfloat16, 3e38), op="linear", line="relay"),
        Fault("half_sum", between(half_sum), op="sum"),
        Fault("half_exp", between(half_exp), op="exp"),
        Fault("half_cast", between(half_cast), op="half"),
        Fault("sqrt_at_zero", between(sqrt_at_zero), phase="backward", op="sqrt"),
        Fault("own_norm", between(own_norm), phase="backward", op="sqrt"),
        Fault("half_power", between(half_power), phase="backward", op="pow"),
        Fault("arccos_at_one", between(arccos_at_one), phase="backward", op="acos"),
        Fault("where_log", between(where_log), phase="backward", op="log", samples=(0, 1)),
        Fault("where_division", between(where_division), phase="backward", op="div", samples=(0, 1)),
        Fault("own_sigmoid", between(own_sigmoid), phase="backward", op="exp"),
        Fault("wrong_backward", between(wrong_backward), phase="backward", op="WrongBackward"),
        Fault(
            "checkpointed_root",
            lambda: trained(Net(Checkpointed(checkpointed_root, reentrant=False))),
            phase="backward",
            op="sqrt",
            module="middle.inner",
        ),
        Fault(
            "checkpointed_root_reentrant",
            lambda: trained(Net(Checkpointed(checkpointed_root, reentrant=True))),
            phase="backward",
            op="sqrt",
            module="middle.inner",
            line="checkpointed_root",
        ),
        Fault(
            "checkpointed_log",
            lambda: trained(Net(Checkpointed(checkpointed_log, reentrant=False))),
            op="log",
            module="middle.inner",
        ),
        Fault("penalty", lambda: trained(Net(nn.Tanh()), penalised), phase="backward", op="sqrt", module=None),
        Fault("hook", hooked, phase="backward", op="div", module="fc"),
        Fault("root_of_view", between(dead_view), phase="backward", op="sqrt"),
        Fault("spoilt_state", spoilt_state(math.nan), phase="optimizer_state", module="head", tensor="head.weight"),
        Fault(
            "adam_without_eps",
            adam_without_eps(),
            phase="update",
            op="addcdiv",
            module="fc",
            tensor="fc.weight",
            line="step",
        ),
        Fault(
            "adam_foreach",
            adam_without_eps(foreach=True),
            phase="update",
            op="addcdiv",
            module="fc",
            tensor="fc.weight",
            line="step",
        ),
        Fault(
            "adam_fused",
            adam_without_eps(fused=True),
            phase="update",
            op="adam",
            module="fc",
            tensor="fc.weight",
            line="step",
        ),
        Fault(
            "spoilt_state_foreach",
            spoilt_state(math.nan, foreach=True),
            phase="optimizer_state",
            module="head",
            tensor="head.weight",
        ),
        Fault(
            "spoilt_state_fused",
            spoilt_state(math.nan, fused=True),
            phase="optimizer_state",
            module="head",
            tensor="head.weight",
        ),
        Fault("rate_nan", rate(math.nan), phase="update", op="add", module="fc", tensor="fc.weight", line="step"),
        Fault("rate_inf", rate(math.inf), phase="update", op="add", module="fc", tensor="fc.weight", line="step"),
        Fault(
            "rate_foreach",
            rate(math.inf, foreach=True),
            phase="update",
            op="add",
            module="fc",
            tensor="fc.weight",
            line="step",
        ),
        Fault("momentum", huge_rate_momentum, phase="update", op="add", module="fc", tensor="fc.weight", line="step"),
        Fault(
            "by_hand",
            lambda: trained(Net(nn.Tanh()), after_backward=by_hand),
            phase="update",
            op="div",
            module="fc",
            tensor="fc.weight",
        ),
        Fault("nan_after_inf", between(nan_after_inf), op="log"),
        Fault("overwritten", between(overwritten), op="sqrt"),
        Fault("cleaned", between(cleaned), op="div"),
        Fault("chosen", between(chosen), op="sqrt"),
        Fault("side_by_side", between(side_by_side), op="sqrt"),
        Fault("builtin_hook", between(builtin_hook), phase="backward", op="rsqrt"),
        Fault("mask_of_batch", mask_of_batch, op="softmax", module=None, samples=(3,)),
        Fault("transformed", between(transformed), phase="backward", op="sqrt"),
        Fault("in_closure", in_closure, op="log", module=None),
        Fault("clipped_infinity", clipped_infinity, phase="backward", op="mul", module="fc"),
        Fault("lstm", lambda: trained(Net(Recurrent("LSTM"))), op="lstm", module="middle.rnn", line="recurrent"),
        Fault("gru", lambda: trained(Net(Recurrent("GRU"))), op="gru", module="middle.rnn", line="recurrent"),
        Fault("sparse", sparse, phase="backward", op="log", module=None),
        Fault("functional", lambda: trained(Net(Middle(functional_log)), functional), op="log"),
        Fault("nested", lambda: trained(Nested()), op="log", module="blocks.1.0"),
        Fault("script", lambda: trained(Net(Middle(scripted))), op="log", line="scripted_call"),
        Fault("compiled", compiled, op="log", module="middle"),
        Fault("vmapped", between(vmapped), op="log"),
        Fault("handed_on", between(handed_on), op="div"),
        Fault("log_softmax_log", lossy(log_of_softmax), op="log", module=None),
        Fault("nan_in_buffer", spoilt_buffer, phase="parameter", module="middle", tensor="middle.running_mean"),
        Fault("encoder", lambda: trained(Net(Encoder())), op="linear", module="middle.layer.linear1"),
        Fault("written_nan", between(written_nan), op="setitem"),
        Fault(
            "infinite_moment",
            infinite_moment,
            phase="update",
            op="addcmul",
            module="head",
            tensor="head.weight",
            line="step",
        ),
        Fault("mean_of_nothing", between(variance_of_one), op="std"),
        Fault("handmade_normalise", between(handmade_normalise), op="div"),
        Fault("accumulated", accumulated, phase="input", module=None, tensor="input", samples=(0,)),
        Fault("numpy_constant", between(numpy_constant), phase="input", module=None),
        Fault("uninitialised", between(uninitialised), op="empty"),
        Fault("item", between(through_item), op="div"),
        Fault("unused_output", lambda: trained(Net(nn.Tanh()), raising), op="multinomial", module=None),
    ]
}
HARMLESS: dict[str, Callable[[], Made]] = {
    "healthy": lambda: trained(Net(nn.Tanh())),
    "adamw": lambda: trained(Net(nn.ReLU()), optimizer=torch.optim.AdamW),
    "causal": between(causal),
    "top_k": between(top_k),
    "sdpa_causal": between(sdpa_causal),
    "max_pool": between(max_pool),
    "where_forward": between(unused_log),
    "sqrt_of_relu": between(lambda x: torch.sqrt(torch.relu(x))),
    "std_of_constant": between(lambda x: x + (x * 0 + 1).std()),
    "norm_at_zero": between(lambda x: x + (x * 0).norm(dim=1, keepdim=True)),
    "normalize_at_zero": between(lambda x: F.normalize(x * 0)),
    "cosine_at_zero": between(lambda x: x + F.cosine_similarity(x * 0, x, dim=1)[:, None]),
    "cumprod": between(lambda x: (x * 0).cumprod(1)),
    "bce_at_one": lossy(lambda scores, y: F.binary_cross_entropy((scores[:, 0] * 0 + 1), (y > 9).float())),
    "logsumexp": between(lambda x: x + torch.where(torch.ones_like(x) > 0, x, log_sum(x))),
    "abs_at_zero": between(lambda x: (x * 0).abs()),
    "metric": lossy(metric_beside),
    "zeroed_gradient": lambda: trained(Net(Middle(sqrt_at_zero)), after_backward=zeroed),
    "skipped_by_scaler": skipped_by_scaler,
    "clipped_to_nothing": clipped_to_nothing,
    "ctc_zero_infinity": lossy(lambda scores, y: ctc(scores, y, zero_infinity=True)),
    "nan_label_masked": masked_nan,
    "buffer_mask": lambda: trained(Net(Masked())),
    "frozen_nan": frozen_nan,
    "ema": between(online_softmax),
}
