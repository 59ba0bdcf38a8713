"""Trainings of Keras on torch that are really broken, each in one place, and two that are not."""

# mypy: disable-error-code="misc, untyped-decorator"
# (Keras is not read by mypy: its classes are Any)
from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np

from keras_nets import ROWS, fitted, rows

START, BAD = 3, 5
layers, ops = keras.layers, keras.ops


def data(spoil: Callable[[Any, Any], None] = lambda x, y: None) -> dict[str, Any]:
    """The batch that breaks the training is changed by ``spoil``, in place."""
    x, y = rows()
    chosen = slice(BAD * ROWS, (BAD + 1) * ROWS)
    spoil(x[chosen], y[chosen])
    return {"x": x, "y": y, "batch_size": ROWS, "shuffle": False}


def net(*between: Any, loss: Any = None, rate: float = 0.01, outputs: int = 3) -> Any:
    model = keras.Sequential([layers.Input((8,)), layers.Dense(16, activation="tanh", name="hidden")], name="net")
    for layer in between:
        model.add(layer)
    model.add(layers.Dense(outputs, name="head"))
    crossed = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(rate), loss=crossed if loss is None else loss)
    return model


@keras.saving.register_keras_serializable("broken")
class LogOfSize(keras.layers.Layer):
    """The logarithm of a sum that is 0 for one sample."""

    def call(self, x: Any) -> Any:
        return ops.log(ops.sum(ops.abs(x), axis=-1, keepdims=True))  # log


def log() -> Any:
    def spoil(x: Any, y: Any) -> None:
        x[3] = 0.0

    x = layers.Input((8,), name="features")
    known = layers.Concatenate(name="known")([layers.Dense(16, name="hidden")(x), LogOfSize(name="size")(x)])
    model = keras.Model(x, layers.Dense(3, name="head")(known), name="net")
    crossed = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=crossed)
    return {"model": model, **data(spoil)}


@keras.saving.register_keras_serializable("broken")
class Distance(keras.layers.Layer):
    """How far from its own mean a sample is: the root is finite, its slope is not."""

    def call(self, x: Any) -> Any:
        squares = ops.square(x - ops.mean(x, axis=-1, keepdims=True))
        return x + ops.sqrt(ops.sum(squares, axis=-1, keepdims=True))  # sqrt


@keras.saving.register_keras_serializable("broken")
class Gated(keras.Model):
    """The first feature opens the way for the others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden = layers.Dense(16, activation="tanh", name="hidden")
        self.distance = Distance(name="distance")
        self.head = layers.Dense(3, name="head")

    def call(self, x: Any) -> Any:
        return self.head(self.distance(self.hidden(x) * x[:, :1]))


def sqrt() -> Any:
    def spoil(x: Any, y: Any) -> None:
        x[5, 0] = 0.0

    model = Gated(name="gated")
    model.compile(
        optimizer=keras.optimizers.Adam(0.01), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    return {"model": model, **data(spoil)}


def nan_input() -> Any:
    def spoil(x: Any, y: Any) -> None:
        x[3, 2] = np.nan

    return {"model": net(), **data(spoil)}


def two_bad_samples() -> Any:
    def spoil(x: Any, y: Any) -> None:
        x[2, 1], x[6, 4] = np.inf, np.nan

    return {"model": net(), **data(spoil)}


def label() -> Any:
    def spoil(x: Any, y: Any) -> None:
        y[5] = 7

    return {"model": net(), **data(spoil)}


def rate() -> Any:
    """A rate of 80 on a linear regression: every step is larger than the last."""
    model = keras.Sequential([layers.Input((8,)), layers.Dense(1, name="line")], name="net")
    model.compile(optimizer=keras.optimizers.SGD(80.0), loss="mse")
    return {"model": model, **data()}


@keras.saving.register_keras_serializable("broken")
class Scaled(keras.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden = layers.Dense(16, activation="tanh", name="hidden")
        self.head = layers.Dense(3, name="head")

    def call(self, x: Any) -> Any:
        return self.head(self.hidden(x) * ops.abs(x[:, :1]) * 3000.0) / 1000.0  # fp16


def fp16() -> Any:
    """Activations of a whole batch beyond 65504."""

    def spoil(x: Any, y: Any) -> None:
        x[:, 0] = 300.0

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = Scaled(name="scaled")
        model.compile(
            optimizer=keras.optimizers.Adam(1e-3), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
    finally:
        keras.config.set_dtype_policy(before)
    return {"model": model, **data(spoil)}


@keras.saving.register_keras_serializable("broken")
def per_class(y: Any, scores: Any) -> Any:
    each = keras.losses.sparse_categorical_crossentropy(y, scores, from_logits=True)
    chosen = ops.one_hot(y, 3)
    return ops.mean(ops.sum(each[:, None] * chosen, axis=0) / ops.sum(chosen, axis=0))  # absent_class


def absent_class() -> Any:
    def spoil(x: Any, y: Any) -> None:
        y[:] = np.minimum(y, 1)
        y[:2] = 0, 1

    made = data(spoil)
    made["y"][: BAD * ROWS] = np.arange(BAD * ROWS) % 3
    return {"model": net(loss=per_class), **made}


@keras.saving.register_keras_serializable("broken")
class OwnNorm(keras.layers.Layer):
    """Without an epsilon."""

    epsilon = 0.0

    def call(self, x: Any) -> Any:
        deviation = ops.sqrt(ops.var(x, axis=0) + self.epsilon)
        return (x - ops.mean(x, axis=0)) / deviation  # norm


def norm() -> Any:
    """A batch of eight equal samples."""

    def spoil(x: Any, y: Any) -> None:
        x[:] = x[0]

    return {"model": net(OwnNorm(name="own_norm")), **data(spoil)}


@keras.saving.register_keras_serializable("broken")
class Attention(keras.layers.Layer):
    """A first feature below -2.5 says that nothing may be seen."""

    def call(self, x: Any, hidden: Any) -> Any:
        scores = hidden[:, :, None] * hidden[:, None, :]
        scores = ops.where(x[:, :1, None] < -2.5, float("-inf"), scores)
        return ops.mean(ops.softmax(scores, axis=-1), axis=1)  # mask


def mask() -> Any:
    """A sample of which nothing may be seen."""

    def spoil(x: Any, y: Any) -> None:
        x[4, 0] = -3.0

    x = layers.Input((8,), name="features")
    hidden = layers.Dense(6, name="hidden")(x)
    seen = Attention(name="attention")(x, hidden)
    model = keras.Model(x, layers.Dense(3, name="head")(seen), name="net")
    model.compile(
        optimizer=keras.optimizers.AdamW(0.01), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    made = data(spoil)
    np.maximum(made["x"][: BAD * ROWS, 0], -2.0, out=made["x"][: BAD * ROWS, 0])
    return {"model": model, **made}


def rnn() -> Any:
    """relu in a recurrence: where the inputs are positive, each of 20 time steps makes them larger."""

    def spoil(x: Any, y: Any) -> None:
        x[:] = np.abs(x)

    twice = keras.initializers.Identity(500.0)
    recurrent = layers.SimpleRNN(
        8, activation="relu", kernel_initializer="identity", recurrent_initializer=twice, name="rnn"
    )
    model = keras.Sequential([layers.Input((8,)), layers.RepeatVector(20, name="long"), recurrent], name="net")
    model.add(layers.Dense(3, name="head"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(1e-6), loss=loss)
    made = data(spoil)
    made["x"][: BAD * ROWS] = -np.abs(made["x"][: BAD * ROWS])
    return {"model": model, **made}


def corrupt_weights() -> Any:
    return {"model": net(), **data()}


def corrupt_optimizer() -> Any:
    return {"model": net(), **data()}


def healthy() -> Any:
    return {"model": net(layers.BatchNormalization(name="norm")), **data()}


def healthy_dropout() -> Any:
    return {"model": net(layers.Dropout(0.3, name="dropped")), **data()}


@dataclass(frozen=True)
class Fault:
    """What is true of a target."""

    name: str
    cause: str
    phase: str = "forward"
    op: str | None = None
    module: str | None = None
    tensor: str | None = None
    samples: tuple[int, ...] | None = None
    step: int = BAD
    cure: str | None = None
    start: int = START

    @property
    def line(self) -> int | None:
        lines = Path(__file__).read_text(encoding="utf-8").splitlines()
        return next((number for number, line in enumerate(lines, 1) if line.endswith(f"  # {self.name}")), None)


FAULTS = [
    Fault("log", "faulty_loss", op="log", module="size", samples=(3,), cure="guard_op"),
    Fault("sqrt", "undefined_gradient", "backward", "sqrt", module="distance", samples=(5,), cure="guard_op"),
    Fault("nan_input", "faulty_input", "input", tensor="input", samples=(3,), cure="drop_samples"),
    Fault("two_bad_samples", "faulty_input", "input", tensor="input", samples=(2, 6), cure="drop_samples"),
    Fault("label", "faulty_input", op="cross_entropy", samples=(5,), cure="drop_samples"),
    Fault("rate", "lr_too_high", op="square", step=9, cure="lr/1000", start=1),
    Fault("fp16", "fp16_overflow", op="mul", cure="float32"),
    Fault("absent_class", "division_by_zero_sparsity", op="div", cure="guard_op"),
    Fault("norm", "batchnorm_instability", op="div", module="own_norm", cure="eps"),
    Fault("mask", "division_by_zero_sparsity", op="softmax", module="attention", samples=(4,), cure="guard_op"),
    Fault("rnn", "relu_rnn", op="matmul", module="simple_rnn_cell", cure="tanh"),
    Fault(
        "corrupt_weights",
        "bad_initialisation",
        "parameter",
        None,
        "hidden",
        "hidden/kernel",
        step=START,
        cure="restore_weights",
    ),
    Fault(
        "corrupt_optimizer",
        "bad_initialisation",
        "optimizer_state",
        None,
        "head",
        "head/kernel",
        step=START,
        cure="reset_optimizer",
    ),
]
HEALTHY = ["healthy", "healthy_dropout"]


def checkpoint_of(name: str, path: Path, start: int = START) -> Path:
    """Train for ``start`` steps by ``fit`` and let Keras save it, broken where the fault is in the checkpoint."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras and numpy do not agree on how tensors become arrays
        keras.utils.set_random_seed(1)
        made = globals()[name]()
        fitted({**made, "x": made["x"][: start * ROWS], "y": made["y"][: start * ROWS]}, 1)
        if name.startswith("corrupt"):
            _spoil(made["model"], name)
        made["model"].save(path)
    return path


def _spoil(model: Any, name: str) -> None:
    if name == "corrupt_weights":
        kernel = model.get_layer("hidden").kernel
        kernel.assign(np.where(np.arange(kernel.shape[1]) == 3, np.nan, kernel.numpy()))
    else:
        kept = next(each for each in model.optimizer.variables if each.path.endswith("head_kernel_momentum"))
        kept.assign(np.full(kept.shape, np.nan))
