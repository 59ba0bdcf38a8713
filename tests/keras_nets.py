"""Small trainings of Keras on torch, healthy ones of many kinds; ``broken_keras`` has the others."""

# mypy: disable-error-code="misc"
# (Keras is not read by mypy: its classes are Any)
from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

ROWS = 8


def rows(steps: int = 12, features: int = 8) -> tuple[Any, Any]:
    """The samples of so many batches, in order."""
    numbers = np.random.default_rng(1)
    x = numbers.normal(size=(steps * ROWS, features)).astype("float32")
    return x, numbers.integers(0, 3, size=(steps * ROWS,))


class InOrder(keras.utils.PyDataset):
    """Batch by batch, turned about from epoch to epoch."""

    def __init__(self, steps: int = 5) -> None:
        super().__init__()
        self.x, self.y = rows(steps)
        self.turned = 0

    def __len__(self) -> int:
        return len(self.x) // ROWS

    def __getitem__(self, index: int) -> Any:
        index = (index + self.turned) % len(self)
        return self.x[index * ROWS : (index + 1) * ROWS], self.y[index * ROWS : (index + 1) * ROWS]

    def on_epoch_end(self) -> None:
        self.turned += 1


def net(**compiling: Any) -> Any:
    """Two layers with a norm in between, Adam."""
    model = keras.Sequential(
        [
            keras.layers.Input((8,)),
            keras.layers.Dense(16, activation="tanh", name="hidden"),
            keras.layers.LayerNormalization(name="between"),
            keras.layers.Dense(3, name="head"),
        ],
        name="net",
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": keras.optimizers.Adam(0.01), "loss": loss, "metrics": ["accuracy"], **compiling})
    return model


@keras.saving.register_keras_serializable("nets")
class Stepping(keras.Model):
    """A step of its own, as the guide to the torch backend writes it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden = keras.layers.Dense(16, activation="relu", name="hidden")
        self.norm = keras.layers.BatchNormalization(name="norm")
        self.head = keras.layers.Dense(3, name="head")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.head(self.norm(self.hidden(x), training=training))

    def train_step(self, data: Any) -> Any:
        x, y = data
        scores = self(x, training=True)
        loss = self.compute_loss(y=y, y_pred=scores)
        self.zero_grad()
        loss.backward()
        weights = list(self.trainable_weights)
        with torch.no_grad():
            self.optimizer.apply([weight.value.grad for weight in weights], weights)
        return {"loss": loss}


def plain() -> Any:
    x, y = rows(5)
    return {"model": net(), "x": x, "y": y, "batch_size": ROWS, "shuffle": False}


def dataset() -> Any:
    return {
        "model": net(optimizer=keras.optimizers.AdamW(0.01, global_clipnorm=0.05)),
        "x": InOrder(),
        "shuffle": False,
    }


def scheduled() -> Any:
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, clipvalue=0.01, use_ema=True, ema_overwrite_frequency=3)
    x, y = rows(5)
    weights = {0: 1.0, 1: 2.0, 2: 0.5}
    return {
        "model": net(optimizer=optimizer),
        "x": x,
        "y": y,
        "batch_size": 7,
        "shuffle": False,
        "class_weight": weights,
    }


def accumulated() -> Any:
    optimizer = keras.optimizers.Lion(0.01, gradient_accumulation_steps=2, clipnorm=0.1)
    x, y = rows(5)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=9)
    return {"model": net(optimizer=optimizer), "x": loader}


def half() -> Any:
    """In float16 with a loss scale, as ``mixed_float16`` asks for."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = net(auto_scale_loss=True)
    finally:
        keras.config.set_dtype_policy(before)
    return {"model": model, "x": InOrder(), "shuffle": False}


def stepping() -> Any:
    model = Stepping(name="stepping")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.RMSprop(0.01), loss=loss)
    return {"model": model, "x": InOrder(), "shuffle": False}


class Saving(keras.callbacks.Callback):
    """Notes the loss of each step and saves the model after so many."""

    def __init__(self, path: Path, at_step: int) -> None:
        super().__init__()
        self.path, self.at_step = path, at_step
        self.losses: list[float] = []

    def on_train_begin(self, logs: Any = None) -> None:
        compute = self.model.compute_loss

        def noted(*args: Any, **kwargs: Any) -> Any:
            loss = compute(*args, **kwargs)
            self.losses.append(float(loss.detach()))
            return loss

        self.model.compute_loss = noted

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if len(self.losses) == self.at_step:
            self.model.save(self.path)


def fitted(made: Any, epochs: int, callbacks: Any = ()) -> None:
    options = {key: value for key, value in made.items() if key != "model"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made["model"].fit(**options, epochs=epochs, verbose=0, callbacks=list(callbacks))


def steps_of(name: str, path: Path, at_step: int) -> list[float]:
    """Train a target for three epochs, save it on the way, and give the loss of each step."""
    keras.utils.set_random_seed(3)
    made = globals()[name]()
    saving = Saving(path, at_step)
    fitted(made, 3, [saving])
    return saving.losses


def without_model(name: str) -> Any:
    """The target as it stands beside a file that holds the model."""
    return {key: value for key, value in globals()[name]().items() if key != "model"}
