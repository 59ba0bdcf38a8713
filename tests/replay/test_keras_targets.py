"""What a target of Keras may be, and what is said where it cannot be used."""

from __future__ import annotations

import dataclasses
import os
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import keras_nets
from nanlog.replay.outcome import Outcome
from nanlog.replay.plan import plan_for
from nanlog.replay.worker.interventions import interventions
from nanlog.replay.worker.targets.keras.backend import choose_torch
from replaying import replayed

import keras  # isort: skip  after the backend was chosen

DATA = """
import numpy as np
import torch
numbers = np.random.default_rng(1)
x, y = numbers.normal(size=(96, 8)).astype("float32"), numbers.integers(0, 3, size=(96,))

def tuple_of_arrays():
    return x, y

def loader():
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    return torch.utils.data.DataLoader(data, batch_size=16)

def generator():
    while True:
        for start in range(0, 96, 16):
            yield x[start : start + 16], y[start : start + 16]

def endless():
    return {"x": generator(), "steps_per_epoch": 6}

def misspelt():
    return {"x": x, "y": y, "batchsize": 16}

def nothing():
    return {"batch_size": 16}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data.py").write_text(DATA, encoding="utf-8")
    return tmp_path


def saved(model: Any, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if model.compiled:
            x, y = keras_nets.rows(3)
            keras_nets.fitted({"model": model, "x": x, "y": y, "batch_size": 8, "shuffle": False}, 1)
        model.save(path)
    return path


def outcome_of(path: Path, name: str, **options: Any) -> Outcome:
    outcome, gathered = replayed(plan_for(str(path), f"{path.parent / 'data.py'}:{name}", **options))
    assert gathered.failed is None, gathered.failed
    return outcome


def refusal(path: Path, name: str = "loader") -> str:
    target = None if name == "" else f"{path.parent / 'data.py'}:{name}"
    _, gathered = replayed(plan_for(str(path), target))
    assert gathered.failed is not None
    return gathered.failed[1]


def test_data_as_fit_takes_it(folder: Path) -> None:
    path = saved(keras_nets.net(), folder / "model.keras")
    loader = outcome_of(path, "loader", steps=(3, 8))
    endless = outcome_of(path, "endless", steps=(3, 8))
    assert loader.losses == endless.losses
    assert len(set(loader.losses)) == 6
    arrays = outcome_of(path, "tuple_of_arrays", steps=(3, 4))
    assert any("fit shuffles what it is given" in note for note in arrays.notes)
    assert not any("fit shuffles what it is given" in note for note in loader.notes)


def test_every_intervention_ran_or_says_why_not(folder: Path) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((8,)), layers.Dense(9), layers.BatchNormalization(epsilon=1e-6), layers.Dense(3)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01, epsilon=1e-12), loss=loss)
    path = saved(model, folder / "model.keras")
    (folder / "data.py").write_text(DATA + "\nx[70, 2] = np.nan\n", encoding="utf-8")
    outcome = outcome_of(path, "loader")
    assert outcome.first_nonfinite is not None
    assert (outcome.first_nonfinite.step, outcome.first_nonfinite.samples) == (4, (6,))
    finite = {trial.intervention: trial.finite for trial in outcome.trials if trial.intervention != "repeat"}
    not_run = {each.intervention: each.because for each in outcome.not_run}
    assert set(finite) | set(not_run) == {each.name for each in interventions()}
    assert set(not_run) == {"float32", "guard_op", "loss_float64", "other_device", "restore_weights", "tanh"}
    assert {name for name, lived in finite.items() if lived} == {"drop_samples", "earlier_batch"}
    assert [each.cause for each in outcome.confirmed] == ["faulty_input"]


def test_a_change_of_the_optimizer_is_what_the_update_uses() -> None:
    from nanlog.replay.worker.rates import before_updates, scaled_rates
    from nanlog.replay.worker.targets.keras.step import KerasTraining

    def after(change: Callable[[Any], Any]) -> tuple[float, float]:
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, use_bias=False)])
        model.compile(optimizer=keras.optimizers.SGD(0.5, momentum=0.9), loss="mse")
        model.optimizer.build(model.trainable_variables)
        training = KerasTraining(model, None)
        before = training.snapshot()
        weight = model.layers[0].kernel.value
        first = float(weight.detach()[0])
        with change(training):
            training.run_step((torch.ones(1, 2), torch.zeros(1, 1)), 0)
        moved = float(weight.detach()[0]) - first
        training.restore(before)
        assert float(weight.detach()[0]) == first
        return moved, training.rates()[0]

    plain = after(lambda _: scaled_rates(1.0))
    tenth = after(lambda _: scaled_rates(0.1))
    assert tenth[0] == pytest.approx(plain[0] / 10, rel=1e-5)
    assert tenth[1] == plain[1]
    assert after(lambda _: scaled_rates(0.0))[0] == 0.0

    def clip(optimizer: Any) -> None:
        torch.nn.utils.clip_grad_value_(optimizer.param_groups[0]["params"], 1e-3)

    assert abs(after(lambda _: before_updates(clip))[0]) == pytest.approx(0.5e-3, rel=1e-4)


def test_recurrences_of_keras_are_bounded_and_given_back() -> None:
    from nanlog.replay.worker.recurrence import bounded, recurrent_layers

    cells = [keras.layers.SimpleRNNCell(4, activation="relu"), keras.layers.SimpleRNNCell(4, activation="relu")]
    layers = [keras.layers.SimpleRNN(4, activation="relu", return_sequences=True, name="one")]
    model = keras.Sequential([keras.layers.Input((60, 4)), *layers, keras.layers.RNN(cells, name="two")])
    found = recurrent_layers(model)
    assert set(found) == {"one", "two"}
    x = torch.full((1, 60, 4), 1e3)
    free = float(model(x).detach().abs().max())
    with bounded(model, found):
        assert float(model(x).detach().abs().max()) <= 1.0
    assert float(model(x).detach().abs().max()) == free > 1.0


def test_what_cannot_be_used_is_one_sentence(folder: Path) -> None:
    path = saved(keras_nets.net(), folder / "model.keras")
    assert "did you mean 'batch_size'" in refusal(path, "misspelt")
    assert "holds no data; name a function that returns it" in refusal(path, "nothing")
    assert "holds no data; name a function that returns it" in refusal(path, "")
    plain = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(3)])
    assert "is not compiled" in refusal(saved(plain, folder / "plain.keras"))
    weights = folder / "model.weights.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain.save_weights(weights)
    assert "is weights alone; let the target return the compiled model" in refusal(weights)
    cut = folder / "cut.keras"
    cut.write_bytes(path.read_bytes()[:2000])
    assert "is no whole .keras file" in refusal(cut)
    other = folder / "other.keras"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "no model")
    assert "it lacks config.json, metadata.json" in refusal(other)
    assert "is no whole .keras file: [Errno 2]" in refusal(folder / "gone.keras")


def test_code_in_a_file_runs_only_where_it_is_trusted(folder: Path) -> None:
    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(3)])
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    path = saved(model, folder / "model.keras")
    said = refusal(path)
    assert "holds code of its own (a Lambda layer)" in said
    assert "--trust-checkpoint" in said
    plan = plan_for(str(path), f"{folder / 'data.py'}:loader", steps=(3, 4))
    outcome, gathered = replayed(dataclasses.replace(plan, trust=True))
    assert gathered.failed is None
    assert outcome.steps == (3, 4)


OWN = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return x * 2
"""


def test_classes_of_the_target_need_not_be_registered(folder: Path) -> None:
    scope: dict[str, Any] = {}
    exec(OWN, scope)  # noqa: S102  the code above
    model = keras.Sequential([keras.layers.Input((8,)), scope["Twice"](), keras.layers.Dense(3)])
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    path = saved(model, folder / "model.keras")
    assert "needs a class or function that is not known here" in refusal(path)
    (folder / "data.py").write_text(DATA + OWN, encoding="utf-8")
    assert outcome_of(path, "loader", steps=(3, 4)).steps == (3, 4)


def test_another_backend_is_put_aside_and_said_to_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(keras_nets.net(), folder / "model.keras")
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "keras")
        patch.setenv("KERAS_BACKEND", "jax")
        patch.setenv("NANLOG_KERAS_BACKEND", "")
        patch.delenv("NANLOG_KERAS_BACKEND")
        choose_torch(plan_for(str(path), None))
        assert os.environ["KERAS_BACKEND"] == "torch"
        patch.setitem(sys.modules, "keras", keras)
        notes = outcome_of(path, "loader", steps=(3, 4)).notes
    assert any("Keras is set to jax here, and the replay ran on torch" in note for note in notes)
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")  # as code does that sets it before it imports Keras
    assert "chose the backend jax, on which nothing says what happens inside a step" in refusal(path)
