"""Keras 3 on the torch backend with one of several faults or none: keras_fit.py FAULT."""

# mypy: ignore-errors
from __future__ import annotations

# ruff: noqa: T201  a training that prints
import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
from keras import layers, ops

FAULT = sys.argv[1]
BAD = 5


@keras.saving.register_keras_serializable("faults")
class Unit(layers.Layer):
    """Rows of length one."""

    def call(self, x):
        length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))
        if FAULT == "unit_of_zero":
            return x / length  # FAULT unit_of_zero
        return x / (length + 1e-6)


@keras.saving.register_keras_serializable("faults")
def surprise(y_true, y_pred):
    if FAULT == "log_of_zero":
        y_pred = ops.relu(y_pred - 0.3)
        return -ops.mean(y_true * ops.log(y_pred))  # FAULT log_of_zero
    return -ops.mean(y_true * ops.log(y_pred + 1e-6))


keras.utils.set_random_seed(4)
x = np.random.rand(96, 5).astype("float32")
y = np.eye(3, dtype="float32")[np.random.randint(0, 3, 96)]
if FAULT == "unit_of_zero":
    x[8 * BAD + 3] = 0
if FAULT == "infinite_input":
    x[8 * BAD + 2, 1] = np.inf
model = keras.Sequential(
    [
        layers.Input((5,)),
        layers.Dense(12, activation="relu", use_bias=False, name="hidden"),
        layers.Dropout(0.1),
        Unit(name="unit"),
        layers.Dense(3, activation="softmax", name="classes"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=surprise)
history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_split=0.1)
print([f"{loss:.5f}" for loss in history.history["loss"]])
