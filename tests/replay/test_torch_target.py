"""Really broken trainings of plain torch: where the fault arises, which samples bring it, which cause is confirmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import broken_nets
from broken_nets import BAD, FAULTS, HEALTHY, Fault, checkpoint_of
from nanlog.replay.outcome import Judgement, Outcome
from replaying import outcome_of


@pytest.fixture(scope="module", params=FAULTS, ids=lambda fault: fault.name)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Fault, Outcome]:
    fault: Fault = request.param
    path = tmp_path_factory.mktemp(fault.name) / "last.pt"
    return fault, outcome_of(checkpoint_of(fault.name, path, fault.start), fault.name)


def test_one_cause_is_confirmed(found: tuple[Fault, Outcome]) -> None:
    fault, outcome = found
    assert [each.cause for each in outcome.confirmed] == [fault.cause]
    assert all(each.because for each in outcome.causes)


def test_the_fault_is_found_where_it_arises(found: tuple[Fault, Outcome]) -> None:
    fault, outcome = found
    first = outcome.first_nonfinite
    if fault.phase is None:
        return
    assert first is not None
    assert (first.step, first.phase, first.module) == (fault.step, fault.phase, fault.module)
    assert fault.phase == "update" or (first.op, first.tensor) == (fault.op, fault.tensor)
    if first.phase == "update":  # no line of the user's: the loop is nanlog's
        return
    assert first.line == fault.line
    assert first.file is None or Path(first.file).name == Path(broken_nets.__file__).name


def test_the_samples_that_bring_it_are_named(found: tuple[Fault, Outcome]) -> None:
    fault, outcome = found
    first = outcome.first_nonfinite
    assert (None if first is None else first.samples) == fault.samples


def test_the_smallest_change_is_the_cure(found: tuple[Fault, Outcome]) -> None:
    fault, outcome = found
    assert outcome.smallest_change == fault.cure


def test_it_is_the_same_in_each_repeat_but_for_what_comes_and_goes(found: tuple[Fault, Outcome]) -> None:
    fault, outcome = found
    assert outcome.reproduced is True
    assert outcome.deterministic is (fault.name != "comes_and_goes")


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_confirmed_on_a_healthy_training(name: str, tmp_path: Path) -> None:
    report = {
        "onset": {"step": BAD, "last_finite_step": BAD - 1, "departure_step": None},
        "findings": [{"cause": "lr_too_high", "confidence": 0.9}, {"cause": "faulty_input", "confidence": 0.1}],
    }
    outcome = outcome_of(checkpoint_of(name, tmp_path / "last.pt"), name, report=report)
    assert (outcome.reproduced, outcome.deterministic, outcome.first_nonfinite) == (False, True, None)
    assert [each.verdict for each in outcome.causes] == [Judgement.NOT_REPRODUCED] * 2
    assert "stayed finite in 2 unchanged runs" in outcome.causes[0].because[0]
    assert outcome.smallest_change is None


def test_losses_are_those_of_the_training(tmp_path: Path) -> None:
    path = checkpoint_of("healthy", tmp_path / "last.pt")
    outcome = outcome_of(path, "healthy", steps=(6, 9))
    made = broken_nets.healthy()
    losses = []
    for step in range(10):
        made["optimizer"].zero_grad()
        loss = made["loss"](made["model"], made["batches"][step])
        loss.backward()
        made["optimizer"].step()
        losses.append(loss.item())
    assert outcome.losses == tuple(losses[6:])
    assert outcome.steps == (6, 9)


def test_a_loader_that_shuffles_by_its_own_generator_gives_the_batches_of_the_training(tmp_path: Path) -> None:
    from nanlog.replay.worker.batches import Batches

    def loader() -> Any:
        numbers = torch.Generator().manual_seed(3)
        rows = torch.utils.data.TensorDataset(torch.arange(10.0))
        return torch.utils.data.DataLoader(rows, batch_size=4, shuffle=True, generator=numbers)

    trained = [batch[0].tolist() for each in [loader()] for _ in range(3) for batch in each]
    batches = Batches(loader())
    torch.manual_seed(99)
    assert batches.at(4)[0].tolist() == trained[4]
    assert [batches.at(step)[0].tolist() for step in range(9)] == trained
    assert batches.shuffles
    batches.at(2)[0].fill_(-1.0)  # a training may change its batch in place
    assert batches.at(2)[0].tolist() == trained[2]
