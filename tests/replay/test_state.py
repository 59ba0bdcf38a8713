"""A state that is put back is the state that was."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

from nanlog.replay.worker.state import TorchState, restore_rng, rng_states


class Counting(torch.nn.Module):  # type: ignore[misc]
    """Reads a plain attribute, a buffer, a buffer that is not saved and random numbers in each step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)
        self.norm = torch.nn.BatchNorm1d(3)
        self.tied = torch.nn.Linear(3, 3)
        self.tied.weight = self.layer.weight
        self.register_buffer("seen", torch.zeros(()), persistent=False)
        self.register_buffer("late", None)
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.seen += 1
        if self.calls > 2:
            self.late = torch.ones(3)
        noise = torch.rand(3) + random.random() + np.random.rand()  # noqa: S311
        return self.tied(self.norm(self.layer(x))) * noise + self.calls * self.seen


def training() -> tuple[Counting, torch.optim.Optimizer, Any]:
    torch.manual_seed(0)
    model = Counting()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    return model, optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)


def step(model: torch.nn.Module, optimizer: torch.optim.Optimizer, schedule: Any) -> float:
    optimizer.zero_grad()
    loss = (model(torch.arange(12.0).reshape(4, 3)) ** 2).mean()
    loss.backward()
    optimizer.step()
    schedule.step()
    return float(loss.detach())


def test_the_same_steps_follow_bit_for_bit() -> None:
    model, optimizer, schedule = training()
    step(model, optimizer, schedule)
    state = TorchState.of(model, [optimizer], [schedule])
    losses = [step(model, optimizer, schedule) for _ in range(4)]
    for _ in range(2):
        state.put_back(model, [optimizer], [schedule])
        assert model.late is None
        assert model.tied.weight is model.layer.weight
        assert [step(model, optimizer, schedule) for _ in range(4)] == losses


def test_dtype_modes_and_values_come_back_after_anything() -> None:
    model, optimizer, schedule = training()
    step(model, optimizer, schedule)
    state = TorchState.of(model, [optimizer], [schedule])
    expected = step(model, optimizer, schedule)
    state.put_back(model, [optimizer], [schedule])
    model.double().eval()
    optimizer.state.clear()
    with torch.no_grad():
        model.layer.weight.fill_(torch.nan)
    state.put_back(model, [optimizer], [schedule])
    assert model.layer.weight.dtype == torch.float32
    assert model.norm.training
    assert step(model, optimizer, schedule) == expected


def test_a_snapshot_does_not_change_with_the_training() -> None:
    model, optimizer, schedule = training()
    step(model, optimizer, schedule)
    state = TorchState.of(model, [optimizer], [schedule])
    before = {name: tensor.clone() for name, tensor in state.tensors.items()}
    moments = state.optimizers[0]["state"][0]["exp_avg"].clone()
    step(model, optimizer, schedule)
    assert all(torch.equal(before[name], tensor) for name, tensor in state.tensors.items())
    assert torch.equal(moments, state.optimizers[0]["state"][0]["exp_avg"])


def test_a_loss_scaler_that_was_left_in_the_middle_of_a_step_can_go_on() -> None:
    model = torch.nn.Linear(2, 1)
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu")
    state = TorchState.of(model, [optimizer], [scaler])
    for _ in range(2):
        scaler.scale(model(torch.ones(1, 2)).sum()).backward()
        scaler.unscale_(optimizer)  # and then the step raised
        state.put_back(model, [optimizer], [scaler])
    scaler.scale(model(torch.ones(1, 2)).sum()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()


def test_random_numbers_of_all_three() -> None:
    states = rng_states()
    drawn = [(random.random(), np.random.rand(), float(torch.rand(()))) for _ in range(2)]  # noqa: S311
    restore_rng(states)
    assert [(random.random(), np.random.rand(), float(torch.rand(()))) for _ in range(2)] == drawn  # noqa: S311
