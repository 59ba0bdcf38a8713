"""Messages of Trainer and its callbacks, exceptions and detected anomalies."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lightning_logs import HEADER, SAMPLES, read, read_path, rich, tqdm
from nanlog.model import MarkKind, Phase

#: Equal to any NaN.
NAN: Any = pytest.approx(math.nan, nan_ok=True)
BAR = tqdm(1, 40, 50, "v_num=0, train_loss=1.500")


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("Using 16bit Automatic Mixed Precision (AMP)", "trainer.precision", "16-mixed"),
        ("Using 16bit native Automatic Mixed Precision (AMP)", "trainer.precision", "16-mixed"),
        ("Using native 16bit precision.", "trainer.precision", "16-mixed"),
        ("Using bfloat16 Automatic Mixed Precision (AMP)", "trainer.precision", "bf16-mixed"),
        ("GPU available: True (cuda), used: True", "device", "gpu"),
        ("GPU available: True, used: False", "device", "cpu"),
        ("Seed set to 42", "seed", 42),
        ("[rank: 0] Seed set to 42", "seed", 42),
        ("Global seed set to 7", "seed", 7),
        ("Initializing distributed: GLOBAL_RANK: 0, MEMBER: 1/8", "trainer.devices", 8),
        ("`Trainer.fit` stopped: `max_epochs=6` reached.", "trainer.max_epochs", 6),
        ("INFO:pytorch_lightning.utilities:`Trainer.fit` stopped: `max_steps=100` reached.", "trainer.max_steps", 100),
        ("9.0 K     Total params", "model.parameters", "9.0 K"),
        ("Total params: 1.2 M                      ", "model.parameters", "1.2 M"),
        ("0 | net   | LSTM       | 4.6 K ", "model.layer[0].type", "LSTM"),
        ("│ 0 │ model │ Sequential │  9.0 K │ train │     0 │", "model.layer[0].name", "model"),
    ],
)  # fmt: skip
def test_settings(line: str, key: str, value: object) -> None:
    assert read(f"{line}\n").facts[key] == value


def test_early_stopping_at_a_value_that_is_not_finite() -> None:
    """The message is glued to the bar, which showed the value already."""
    text = f"{HEADER}\r{BAR}\r{tqdm(1, 50, 50, 'v_num=0, train_loss=nan.0, val_loss=nan.0')}"
    said = "Monitored metric val_loss = nan is not finite. Previous best value was 1.963. Signaling Trainer to stop."
    found = read(f"{text}{said}\n")
    assert found.marked(MarkKind.NONFINITE) == [(100, 3, said)]
    assert found.points("val_loss") == [(100, NAN)]


def test_a_value_that_only_a_message_tells_is_a_point() -> None:
    text = f"{HEADER}\r{BAR}\nMonitored metric val_loss = inf is not finite. Previous best value was 1.1. Signaling\n"
    assert read(text).points("val_loss") == [(90, math.inf)]


def test_rich_text_glued_to_a_message() -> None:
    text = HEADER + rich(0, 3, 50, 50, "v_num: 0.000", "val_loss: nan").rstrip()
    found = read(text + "Monitored metric val_loss = nan is not finite. Previous best value was 1.5. Signaling\n")
    assert found.points("val_loss") == [(50, NAN)]
    assert [step for step, _, _ in found.marked(MarkKind.NONFINITE)] == [50]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Monitored metric val_loss did not improve in the last 3 records. Best score: 0.2.", MarkKind.END),
        ("Stopping threshold reached: val_acc = 0.99 > 0.98. Signaling Trainer to stop.", MarkKind.END),
        ("Divergence threshold reached: val_loss = 9.0 > 5.0. Signaling Trainer to stop.", MarkKind.NOTE),
        ("Time limit reached. Elapsed time is 0:01:00. Signaling Trainer to stop.", MarkKind.END),
        ("Detected KeyboardInterrupt, attempting graceful shutdown ...", MarkKind.STOPPED_EARLY),
        ("ValueError: The loss returned in `training_step` is nan.", MarkKind.NONFINITE),
    ],
)  # fmt: skip
def test_ends(text: str, kind: MarkKind) -> None:
    assert read(f"{HEADER}\r{BAR}\n{text}\n").marked(kind) == [(90, 4, text)]


def test_a_parameter_that_is_not_finite_is_named() -> None:
    text = (
        "ValueError: Detected nan and/or inf values in `layer.weight`. Check your forward pass for unstable operations."
    )
    (mark,) = read(f"{HEADER}\r{BAR}\n{text}\n").marks
    assert (mark.kind, mark.layer) == (MarkKind.NONFINITE, "layer.weight")


@pytest.mark.parametrize(
    "said",
    [
        "Epoch 1, global step 93: 'val_loss' reached 0.5 (best 0.5), saving model to 'c/epoch=1-step=93.ckpt' as top 1",
        'Epoch 1, global step 93: val_loss reached 0.5 (best 0.5), saving model to "c/epoch=1-step=93.ckpt" as top 1',
    ],
)
def test_checkpoints(said: str) -> None:
    bars = "".join(f"\r{tqdm(1, batch, 50, 'v_num=0, train_loss=1.500')}" for batch in (35, 40))
    found = read(f"{HEADER}{bars}\n{said}\n")
    assert found.marked(MarkKind.CHECKPOINT) == [(93, 4, "c/epoch=1-step=93.ckpt")]
    assert found.points("val_loss") == [(93, 0.5)]


def test_a_checkpoint_counts_optimizer_steps_where_gradients_are_accumulated() -> None:
    said = (
        "Epoch 0, global step 10: 'val_loss' reached 0.5 (best 0.5), saving model to '/c/epoch=0-step=10.ckpt' as top 1"
    )
    found = read(f"{HEADER}\r{tqdm(0, 40, 40, 'v_num=0, train_loss=1.500')}\n{said}\n")
    assert [step for step, _, _ in found.marked(MarkKind.CHECKPOINT)] == [40]


def test_a_training_that_goes_on_from_a_checkpoint() -> None:
    """Its bar says 5/43, of which 3 belong to the validation: the checkpoint tells that an epoch has 40 batches."""
    text = f"{HEADER}Restoring states from the checkpoint path at /c/epoch=1-step=80.ckpt\n"
    text += "Restored all states from the checkpoint at /c/epoch=1-step=80.ckpt\n"
    text += f"\r{tqdm(2, 5, 43)}\r{tqdm(2, 5, 43, 'loss=1.5, v_num=0, train_loss=1.400')}"
    found = read(text)
    assert found.marked(MarkKind.RESUME) == [(80, 3, "/c/epoch=1-step=80.ckpt")]
    assert found.steps("train_loss") == [85]


def test_each_trainer_begins_a_training() -> None:
    one = f"Seed set to 1\n{HEADER}\r{BAR}\n"
    found = read(one + one)
    assert found.marked(MarkKind.START) == [(None, 5, "Seed set to 1")]
    assert found.steps("train_loss") == [90, 90]


def test_tables_of_a_test() -> None:
    text = f"""{HEADER}\r{BAR}
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃        Test metric        ┃       DataLoader 0        ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│         test_loss         │            nan            │
└───────────────────────────┴───────────────────────────┘
not_a_metric 5
"""
    found = read(text)
    assert found.table.keys() == {"train_loss", "test_loss"}
    assert found.points("test_loss") == [(90, NAN)]


ANOMALY = """{bar}UserWarning: Error detected in PowBackward0. Traceback of forward call that caused the error:
  File "train.py", line 131, in <module>
    main()
  File "/venv/lib/python3.11/site-packages/lightning/pytorch/trainer/trainer.py", line 584, in fit
    call._call_and_handle_interrupt(
  File "tasks.py", line 222, in loss
    d = torch.sqrt(((a - b) ** 2).sum())
  File "/venv/lib/python3.11/site-packages/torch/_tensor.py", line 39, in wrapped
    return f(self, *args, **kwargs)
 (Triggered internally at /pytorch/torch/csrc/autograd/python_anomaly_mode.cpp:122.)
  return Variable._execution_engine.run_backward(
Traceback (most recent call last):
  File "train.py", line 67, in train
    trainer.fit(model, loader)
             ^^^^^^^^^^^^^^^^^^
RuntimeError: Function 'PowBackward0' returned nan values in its 0th output.
"""


@pytest.mark.parametrize("prefix", ["", "[rank0]: "])
def test_an_anomaly_names_the_function_and_the_line_of_its_forward_call(prefix: str) -> None:
    text = HEADER + ANOMALY.format(bar=f"\r{BAR}").replace("\n", f"\n{prefix}")
    found = read(text)
    (nonfinite, exception) = found.marks
    assert nonfinite.kind is MarkKind.NONFINITE
    assert (nonfinite.step, nonfinite.line, nonfinite.phase, nonfinite.layer) == (91, 18, Phase.BACKWARD, None)
    assert nonfinite.text == (
        "Function 'PowBackward0' returned nan values in its 0th output; "
        "its forward call: tasks.py:222 in loss: d = torch.sqrt(((a - b) ** 2).sum())"
    )
    assert exception.kind is MarkKind.EXCEPTION
    assert exception.text.startswith("RuntimeError: Function 'PowBackward0'")
    assert found.facts["anomaly.function"] == "PowBackward0"
    assert (found.facts["anomaly.file"], found.facts["anomaly.line"]) == ("tasks.py", 222)
    assert found.facts["anomaly.code"] == "d = torch.sqrt(((a - b) ** 2).sum())"


def test_an_anomaly_in_a_real_log() -> None:
    found = read_path(SAMPLES / "anomaly_detected_tqdm" / "train.log")
    assert [mark.step for mark in found.marks if mark.kind is MarkKind.NONFINITE] == [86]
    assert found.facts["anomaly.file"] == "tasks.py"
    assert str(found.facts["anomaly.code"]).startswith("d = torch.sqrt(")


def test_other_exceptions() -> None:
    text = f'{HEADER}\r{BAR}\nTraceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\n'
    assert read(f"{text}torch.OutOfMemoryError: CUDA out of memory\n").marked(MarkKind.EXCEPTION) == [
        (90, 7, "torch.OutOfMemoryError: CUDA out of memory")
    ]
    assert read(f"{text}KeyboardInterrupt\n").marked(MarkKind.STOPPED_EARLY) == [(90, 7, "KeyboardInterrupt")]
