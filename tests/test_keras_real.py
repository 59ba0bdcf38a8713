"""What Keras itself prints, read back: the bar, one line an epoch, callbacks, CSVLogger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_logs import Read, read
from nanlog.model import MarkKind
from nanlog.pipeline import diagnose

PROGRAM = """
import sys
import time
import numpy as np
import keras

BORDER = "\\n-- next --\\n"


class Slow(keras.callbacks.Callback):
    # the bar is drawn every 50 ms: only a slow training shows each batch
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.06)


for folder, verbose, bad in ("bar", 1, -1), ("bad bar", 1, 5), ("lines", 2, -1), ("bad lines", 2, 5):
    keras.utils.set_random_seed(1)
    x = np.random.rand(96, 4).astype("float32")
    y = (x.sum(axis=1, keepdims=True) > 2).astype("float32")
    if bad >= 0:
        x[8 * bad] = np.nan
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1), verbose=1),
        keras.callbacks.ModelCheckpoint("best.weights.h5", save_weights_only=True, save_best_only=True, verbose=1),
        keras.callbacks.CSVLogger(folder + "/history.csv", separator=";"),
        keras.callbacks.TerminateOnNaN(),
    ] + ([Slow()] if verbose == 1 else [])
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=verbose, validation_split=0.25, callbacks=callbacks)
    sys.stdout.write(BORDER)
"""
#: A training each: with the bar or one line an epoch; of its 9 batches the sixth may hold a NaN.
TRAININGS = ("bar", "bad bar", "lines", "bad lines")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Read]]:
    home = tmp_path_factory.mktemp("keras")
    for name in TRAININGS:
        (home / name).mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=home,
        capture_output=True,
        check=True,
        env={**os.environ, "KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": ""},
    )
    found = {}
    for name, printed in zip(TRAININGS, done.stdout.split(b"\n-- next --\n")[:-1], strict=True):
        (home / name / "train.log").write_bytes(printed)
        found[name] = home / name, read(printed)
    return found


def history(folder: Path, name: str) -> list[float]:
    rows = [line.split(";") for line in (folder / "history.csv").read_text().splitlines()]
    return [float(row[rows[0].index(name)]) for row in rows[1:]]


def test_the_bar_shows_every_batch(folders: dict[str, tuple[Path, Read]]) -> None:
    _, found = folders["bar"]
    assert found.steps("loss") == list(range(1, 19))
    assert found.unread == []


def test_the_losses_of_the_batches_have_the_mean_of_the_epoch(folders: dict[str, tuple[Path, Read]]) -> None:
    folder, found = folders["bar"]
    losses = np.array(found.values("loss")).reshape(2, 9)
    assert np.allclose(losses.mean(axis=1), history(folder, "loss"), atol=1e-3)
    assert losses.std(axis=1).min() > 0.01


@pytest.mark.parametrize("name", ["bar", "lines"])
def test_the_end_of_an_epoch_is_what_the_table_says(folders: dict[str, tuple[Path, Read]], name: str) -> None:
    folder, found = folders[name]
    for series, column in (("val/loss", "val_loss"), ("lr", "learning_rate")):
        shown = {step: value for step, value, _ in found.table[series]}
        assert np.allclose([shown[9], shown[18]], history(folder, column), atol=1e-4)
    assert next(step for step, _ in found.marked(MarkKind.CHECKPOINT)) == 9
    assert found.facts["steps_per_epoch"] == 9


@pytest.mark.parametrize("name", ["bad bar", "bad lines"])
def test_the_bad_batch_is_named(folders: dict[str, tuple[Path, Read]], name: str) -> None:
    _, found = folders[name]
    assert found.marked(MarkKind.NONFINITE) == [(6, "Batch 5: Invalid loss, terminating training")]
    bad = [step for step, value, _ in found.table["loss"] if not np.isfinite(value)]
    assert bad[0] == 6


def test_the_folder_is_one_run(folders: dict[str, tuple[Path, Read]]) -> None:
    folder, _ = folders["bad bar"]
    report = diagnose(str(folder))
    assert report.run.parser == "keras"
    assert report.onset is not None
    assert (report.onset.step, report.onset.last_finite_step) == (6, 5)
