"""Replays of Lightning: the steps are those of the training to the last bit, and faults are found where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

import lightning_nets
from nanlog.replay.outcome import Outcome
from replaying import outcome_of

NETS = Path(lightning_nets.__file__)


def replay(checkpoint: Path, name: str, steps: tuple[int, int] | None = None) -> Outcome:
    return outcome_of(checkpoint, name, NETS, steps=steps)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("scheduled", 5),
        ("scheduled", 7),
        ("accumulated", 3),
        ("counting", 6),
        ("by_value", 3),
        ("doubles", 3),
        ("short_floats", 3),
        ("adversarial", 6),
        ("second", 2),
    ],
)
def test_losses_are_those_of_the_training_bit_for_bit(name: str, start: int, tmp_path: Path) -> None:
    checkpoint, losses = lightning_nets.steps_of(name, tmp_path, start)
    outcome = replay(checkpoint, name, (start, len(losses) - 1))
    assert outcome.losses == tuple(losses[start:])
    assert (outcome.reproduced, outcome.deterministic) == (False, True)
    assert len(set(losses)) > len(losses) // 2
