"""Really broken trainings of Keras: where the fault arises, which samples bring it, which cause is confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

import broken_keras
from broken_keras import BAD, FAULTS, HEALTHY, Fault, checkpoint_of
from nanlog.replay.outcome import Judgement, Outcome
from replaying import outcome_of

NETS = Path(broken_keras.__file__)


@pytest.fixture(scope="module", params=FAULTS, ids=lambda fault: fault.name)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Fault, Outcome]:
    fault: Fault = request.param
    path = tmp_path_factory.mktemp(fault.name) / "model.keras"
    return fault, outcome_of(checkpoint_of(fault.name, path, fault.start), fault.name, NETS)


def test_the_fault_is_found_where_it_arises(found: tuple[Fault, Outcome]) -> None:
    fault, outcome = found
    first = outcome.first_nonfinite
    assert first is not None
    assert (first.step, first.phase, first.module) == (fault.step, fault.phase, fault.module)
    assert (first.op, first.tensor, first.samples) == (fault.op, fault.tensor, fault.samples)
    if fault.line is None:  # in a loss of Keras, which no line of the user's calls; here the test's own does
        assert first.file is None or Path(first.file).name == "replaying.py"
        return
    assert (Path(first.file or "").name, first.line) == (NETS.name, fault.line)


def test_one_cause_is_confirmed_with_its_cure(found: tuple[Fault, Outcome]) -> None:
    fault, outcome = found
    assert [each.cause for each in outcome.confirmed] == [fault.cause]
    assert outcome.smallest_change == fault.cure
    assert (outcome.reproduced, outcome.deterministic) == (True, True)


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_confirmed_on_a_healthy_training(name: str, tmp_path: Path) -> None:
    report = {
        "onset": {"step": BAD, "last_finite_step": BAD - 1, "departure_step": None},
        "findings": [{"cause": "lr_too_high", "confidence": 0.9}],
    }
    outcome = outcome_of(checkpoint_of(name, tmp_path / "model.keras"), name, NETS, report=report)
    assert (outcome.reproduced, outcome.deterministic, outcome.first_nonfinite) == (False, True, None)
    assert [each.verdict for each in outcome.causes] == [Judgement.NOT_REPRODUCED]
    assert outcome.smallest_change is None
