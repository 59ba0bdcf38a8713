"""A step under the probe comes to the same numbers, bit for bit, and leaves nothing behind."""

# mypy: disable-error-code="misc"
# (torch is not read by mypy: its classes are Any)
from __future__ import annotations

import copy
import gc
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nanlog.replay.worker.probe import Probe
from replay.faults import FAULTS, HARMLESS, Made, Net, trained


class Small(nn.Module):
    """A transformer with dropout, and one layer of it kept in evaluation as a teacher would be."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.teacher = copy.deepcopy(self.encoder)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embed(x)[None]
        self.teacher.eval()
        with torch.no_grad():
            hint = self.teacher(h)
        return self.head(self.encoder(h) + hint)[0]


def clipped(made: Made) -> None:
    nn.utils.clip_grad_norm_(made.model.parameters(), 0.1)


TRAININGS: dict[str, Callable[[], Made]] = {
    **{name: make for name, make in HARMLESS.items() if name not in ("frozen_nan", "infinite_moment")},
    "transformer": lambda: trained(Small(), optimizer=torch.optim.AdamW, after_backward=clipped),
    "dropout": lambda: trained(Net(nn.Dropout(0.5)), optimizer=torch.optim.AdamW, fused=True),
    "batch_norm": lambda: trained(Net(nn.BatchNorm1d(4)), momentum=0.9),
    "bfloat16": lambda: trained(Net(nn.Dropout(0.5)), autocast=torch.bfloat16),
    "lstm": lambda: trained(Net(Lasts(nn.LSTM(4, 4, num_layers=2, dropout=0.5)))),
    "convolution": lambda: trained(Net(Folded(nn.Conv1d(1, 1, 3, padding=1)))),
}


class Lasts(nn.Module):
    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


class Folded(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x[:, None])[:, 0]


def ran(make: Callable[[], Made], *, probed: bool) -> list[Any]:
    """Losses, parameters, states and the next random numbers after three steps."""
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    made = make()
    losses = []
    for step in range(3):
        if probed:
            with Probe(made.model, step=step, inputs=made.batch):
                losses.append(made.step(made.batch))
        else:
            losses.append(made.step(made.batch))
    states = [v for s in made.optimizer.state.values() for v in s.values() if isinstance(v, torch.Tensor)]
    tensors = [*made.model.state_dict().values(), *states]
    drawn = [torch.rand(3).tolist(), random.random(), np.random.rand()]  # noqa: S311
    return [
        losses,
        [tensor.detach().view(torch.uint8).tolist() if tensor.dim() else tensor for tensor in tensors],
        drawn,
    ]


@pytest.mark.parametrize("name", TRAININGS)
def test_numbers_are_the_same_to_the_last_bit(name: str) -> None:
    assert ran(TRAININGS[name], probed=True) == ran(TRAININGS[name], probed=False)


def test_nothing_stays_attached() -> None:
    before = torch.autograd._engine_run_backward
    made = FAULTS["label_out_of_range"].make()
    with pytest.raises(IndexError), Probe(made.model, inputs=made.batch):
        made.step(made.batch)
    assert torch.autograd._engine_run_backward is before
    assert torch._C._len_torch_function_stack() == 0
    assert torch._C._len_torch_dispatch_stack() == 0
    assert not torch.nn.modules.module._global_forward_hooks
    assert not torch.nn.modules.module._global_forward_pre_hooks


def tensors_alive() -> int:
    gc.collect()
    return sum(1 for each in gc.get_objects() if type(each) in (torch.Tensor, nn.Parameter))


@pytest.mark.parametrize("name", ["healthy", "where_forward"])
def test_no_tensor_is_kept(name: str) -> None:
    torch.manual_seed(1)
    made = HARMLESS[name]()
    made.step(made.batch)
    probe = Probe(made.model)
    probe.attach()
    counts = []
    try:
        for step in range(4):
            probe.begin_step(step, made.batch)
            made.step(made.batch)
            probe.end_step()
            counts.append(tensors_alive())
    finally:
        probe.detach()
    assert counts[-1] == counts[0]


def test_memory_of_a_long_step_is_bounded() -> None:
    """A loop of single values that are all NaN has more operators than are kept."""
    from nanlog.replay.worker.probe import _evidence

    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(1.0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            value = x.sum() / 0 * 0 * self.scale
            with torch.no_grad():
                for _ in range(3000):
                    value = value + 1
            return value * self.scale

    most = _evidence._MOST
    _evidence._MOST = 1000
    try:
        model = Loop()
        with Probe(model, ranges=False) as probe:
            model(torch.ones(3)).backward()
            assert len(probe._recorder.events) == 1000
    finally:
        _evidence._MOST = most
    assert probe.first is not None
    assert probe.first.op == "div"


def test_fast_path_of_evaluation_is_seen() -> None:
    """Fused layers run as they do without the probe, and are named where they make the NaN."""
    layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()
    nn.init.constant_(layer.linear1.weight, 3e38)
    x = torch.randn(2, 3, 4)
    with torch.no_grad():
        plain = layer(x)
        with Probe(layer, inputs=x) as probe:
            again = layer(x)
    assert torch.equal(plain.isnan(), again.isnan())
    assert probe.first is None or probe.first.phase == "forward"
    assert [each for each in probe.ranges if each.op == "transformer_encoder_layer"]


def test_gradients_of_two_backward_passes_are_watched() -> None:
    x = torch.zeros(2, 3, requires_grad=True)
    model = nn.Linear(3, 1)
    with Probe(model, inputs=x) as probe:
        F.mse_loss(model(x), torch.ones(2, 1)).backward()
        (model(x) * 0).sqrt().sum().backward()
    assert probe.first is not None
    assert (probe.first.phase, probe.first.op) == ("backward", "sqrt")
