"""Replays of Keras on torch: the steps are those of the training to the last bit."""

from __future__ import annotations

from pathlib import Path

import pytest

import keras_nets
from replaying import outcome_of

NETS = Path(keras_nets.__file__)


@pytest.mark.parametrize("name", ["plain", "dataset", "scheduled", "accumulated", "half", "stepping"])
def test_losses_are_those_of_the_training_bit_for_bit(name: str, tmp_path: Path) -> None:
    start, checkpoint = 7, tmp_path / "model.keras"
    losses = keras_nets.steps_of(name, checkpoint, start)
    outcome = outcome_of(checkpoint, name, NETS, steps=(start, len(losses) - 1))
    assert outcome.losses == tuple(losses[start:])
    assert (outcome.reproduced, outcome.deterministic) == (False, True)
    assert "optimizer state" not in str(outcome.notes)
