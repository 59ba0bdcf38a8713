"""Keras from the training that breaks to the one that lives: recorder, diagnose, replay, the named change."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import keras_nets
from labelled_logs import ROOT
from nanlog.replay.plan import plan_for
from replaying import replayed

SCRIPT = """
import keras
import numpy as np
from keras import layers, ops
from nanlog.record import KerasRecorder


class Size(layers.Layer):
    def __init__(self, least=0.0, **options):
        super().__init__(**options)
        self.least = least

    def call(self, x):
        return ops.log(ops.sum(ops.abs(x), axis=-1, keepdims=True) + self.least)

    def get_config(self):
        return {**super().get_config(), "least": self.least}


def data():
    numbers = np.random.default_rng(0)
    x, y = numbers.normal(size=(160, 8)).astype("float32"), numbers.integers(0, 3, (160,))
    x[77] = 0.0
    return {"x": x, "y": y, "batch_size": 8}


def train(least):
    keras.utils.set_random_seed(1)
    x = layers.Input((8,), name="features")
    hidden = layers.Dropout(0.2, name="dropped")(layers.Dense(16, activation="tanh", name="hidden")(x))
    known = layers.Concatenate(name="known")([hidden, Size(least, name="size")(x)])
    model = keras.Model(x, layers.Dense(3, name="head")(known), name="net")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01, clipnorm=1.0), loss=loss)
    recorder = KerasRecorder(target="train.py:data", stop=True)
    history = model.fit(**data(), epochs=2, verbose=0, callbacks=[recorder])
    return model, recorder, history
"""


def nanlog(*words: str, cwd: Path) -> Any:
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "parsers")]), "OMP_NUM_THREADS": "1"}
    settings.pop("KERAS_BACKEND", None)  # the replay chooses it
    command = [sys.executable, "-m", "nanlog", *words]
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=120, check=False)


def trained(folder: Path, least: float) -> Any:
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.chdir(folder)
        return runpy.run_path("train.py")["train"](least)


def test_the_whole_way(tmp_path: Path) -> None:
    _, recorder, _ = trained(tmp_path, 0.0)
    bundle = recorder.bundle.name
    diagnosed = nanlog("diagnose", "nanlog-record/log.jsonl", cwd=tmp_path)
    assert diagnosed.returncode == 1
    assert f"step {recorder.found.step}" in diagnosed.stdout

    done = nanlog("replay", "--checkpoint", f"nanlog-record/{bundle}", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [each["cause"] for each in answer["causes"] if each["verdict"] == "confirmed"] == ["faulty_loss"]
    first = answer["first_nonfinite"]
    line = next(number for number, text in enumerate(SCRIPT.splitlines(), 1) if "ops.log(" in text)
    assert (first["step"], first["op"], first["module"]) == (recorder.found.step, "log", "size")
    assert (first["file"], first["line"], len(first["samples"])) == ("train.py", line, 1)
    assert answer["smallest_change"] == "guard_op"

    model, recorder, history = trained(tmp_path, 1e-6)
    assert (recorder.found, len(history.epoch)) == (None, 2)
    assert all(bool(torch.isfinite(variable.value).all()) for variable in model.variables)


def test_a_bundle_repeats_the_training_bit_for_bit_dropout_included(tmp_path: Path) -> None:
    _, recorder, _ = trained(tmp_path, 0.0)
    bundle = tmp_path / recorder.bundle
    kept = torch.load(bundle / "batches.pt", weights_only=True)["losses"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome, gathered = replayed(plan_for(str(bundle), None, vary=()))
    assert gathered.failed is None
    state = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["state_step"]
    assert len(kept) > 1
    assert [str(loss) for loss in outcome.losses] == [str(kept[step]) for step in sorted(kept) if step >= state]


def test_a_loss_of_keras_has_no_line_of_the_users(tmp_path: Path) -> None:
    """In a worker of its own nothing of a user's calls the step."""
    (tmp_path / "nets.py").write_bytes(Path(keras_nets.__file__).with_name("broken_keras.py").read_bytes())
    (tmp_path / "keras_nets.py").write_bytes(Path(keras_nets.__file__).read_bytes())
    import broken_keras

    broken_keras.checkpoint_of("label", tmp_path / "model.keras")
    words = ("--checkpoint", "model.keras", "--target", "nets.py:label", "--no-run", "--vary", "drop_samples")
    done = nanlog("replay", *words, "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)["first_nonfinite"]
    assert (first["op"], first["file"], first["line"]) == ("cross_entropy", None, None)
