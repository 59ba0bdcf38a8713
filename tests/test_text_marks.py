"""What programs say in words, and the settings they print."""

from __future__ import annotations

import pytest

from nanlog.model import FactValue, MarkKind, Phase
from nanlog_parsers.text import PARSER
from nanlog_parsers.text._facts import settings
from nanlog_parsers.text._messages import said
from text_logs import marks, run_of

LOG = "step 1 loss 0.5\nstep 2 loss 0.4\n{}\nstep 3 loss 0.3\nstep 4 loss 0.2\n"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 32768.0", 32768.0),
        ("| WARNING: overflow detected, setting loss scale to: 64.0", 64.0),
        ("NOTE: gradient overflow detected, ignoring gradient, setting loss scale to: 0.5", 0.5),
        ("Found NaN, decreased lg_loss_scale to 19.0", 19.0),
        ("skipping step due to inf in gradients", None),
    ],
)
def test_a_loss_scaler_that_drops_a_step(line: str, value: float | None) -> None:
    (mark,) = [mark for mark in run_of(PARSER, LOG.format(line)).marks if mark.kind is MarkKind.SKIPPED_STEP]
    assert (mark.step, mark.line, mark.value) == (3, 3, value)


@pytest.mark.parametrize(
    "line",
    [
        "Loss is nan, stopping training",
        "Loss is NaN, skipping batch",
        "WARNING: loss became inf",
        "ERROR:tensorflow:Model diverged with loss = NaN.",
        "The grad norm is nan. Skipping updating the model.",
        "NaN or Inf found in input tensor.",
        "NaN detected in loss",
        "Found nan in gradients of layer 3",
        "Detected non-finite gradients",
        "Monitored metric val_loss = nan is not finite. Previous best value was 1.963.",
        "gradients contain NaN",
        "Invalid loss, terminating training",
        "non-finite loss, ending training",
    ],
)
def test_a_message_about_what_is_not_finite(line: str) -> None:
    ((step, number, text),) = marks(run_of(PARSER, LOG.format(line)), MarkKind.NONFINITE)
    assert (step, number, text) == (3, 3, line)


@pytest.mark.parametrize(
    "line",
    [
        "No NaN found",
        "checking for nan in gradients",
        "detect_anomaly: True",
        "terminate_on_nan = True",
        "will stop if loss is nan",
        "replacing nan with 0 in targets",
        "inference finished",
        "running in infinite mode",
        "best val loss is inf",
    ],
)
def test_messages_that_report_nothing(line: str) -> None:
    assert marks(run_of(PARSER, LOG.format(line)), MarkKind.NONFINITE) == []


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("saving checkpoint to out/ckpt_2.pt", "out/ckpt_2.pt"),
        ("Saved model to runs/exp/model.ckpt-100", "runs/exp/model.ckpt-100"),
        ("=> saving checkpoint 'best.pth.tar'", "best.pth.tar"),
        ("Model saved in path: /data/model.ckpt", "/data/model.ckpt"),
        ("Wrote checkpoint state.npz", "state.npz"),
    ],
)
def test_checkpoints(line: str, path: str) -> None:
    assert marks(run_of(PARSER, LOG.format(line)), MarkKind.CHECKPOINT) == [(2, 3, path)]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("=> loaded checkpoint 'checkpoint.pth.tar' (epoch 5)", "checkpoint.pth.tar"),
        ("Resuming from out/ckpt.pt", "out/ckpt.pt"),
        ("Restored model from /data/m.ckpt", "/data/m.ckpt"),
        ("Loading checkpoint state.pt", "state.pt"),
    ],
)
def test_what_a_training_resumes_from(line: str, path: str) -> None:
    assert [text for _, _, text in marks(run_of(PARSER, f"{line}\n{LOG}"), MarkKind.RESUME)] == [path]


@pytest.mark.parametrize(
    "line",
    [
        "=> no checkpoint found at 'x.pth'",
        "Loading data from disk",
        "loaded 5000 images from /data",
        "training from scratch",
    ],
)
def test_what_it_does_not_resume_from(line: str) -> None:
    assert marks(run_of(PARSER, f"{line}\n{LOG}"), MarkKind.RESUME) == []


def test_pretrained_weights_are_no_resumption() -> None:
    found = marks(run_of(PARSER, f"Loading pretrained weights from resnet50.pth\n{LOG}"), MarkKind.FINETUNE)
    assert found == [(None, 1, "resnet50.pth")]


TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 14, in <module>
    loss = 0.5 * model(x)
  File "train.py", line 3, in backward
    loss: 7.0
{}"""


@pytest.mark.parametrize("prefix", ["", "[rank0]: "])
def test_a_traceback_ends_in_its_exception(prefix: str) -> None:
    text = TRACEBACK.format("ValueError: bad labels: 7").replace("\n", f"\n{prefix}")
    run = run_of(PARSER, f"step 1 loss 0.5\nstep 2 loss 0.4\n{prefix}{text}\n")
    assert marks(run, MarkKind.EXCEPTION) == [(3, 8, "ValueError: bad labels: 7")]
    assert run.table["loss"].value.tolist() == [0.5, 0.4]


def test_anomaly_mode_names_the_backward_pass() -> None:
    message = "RuntimeError: Function 'PowBackward0' returned nan values in its 0th output."
    run = run_of(PARSER, f"step 1 loss 0.5\nstep 2 loss 0.4\n{TRACEBACK.format(message)}\n")
    (mark,) = [mark for mark in run.marks if mark.kind is MarkKind.NONFINITE]
    assert (mark.step, mark.line, mark.text, mark.phase) == (3, 8, message, Phase.BACKWARD)
    assert marks(run, MarkKind.EXCEPTION) == [(3, 8, message)]


def test_an_exception_may_name_its_step_and_the_losses_below_it_are_part_of_it() -> None:
    message = "FloatingPointError: Loss became infinite or NaN at iteration=47!"
    text = "iter: 19  total_loss: 2.0\niter: 39  total_loss: 1.9\n" + TRACEBACK.format(message)
    run = run_of(PARSER, text + "\nloss_dict = {'loss_cls': nan}\n")
    assert marks(run, MarkKind.NONFINITE) == [(47, 8, message)]
    assert set(run.table) == {"loss"}


def test_between_steps_that_are_logged_now_and_then_a_message_has_none() -> None:
    text = "step 10 loss 0.5\nstep 20 loss 0.4\nLoss is nan, stopping training\n"
    assert marks(run_of(PARSER, text), MarkKind.NONFINITE)[0][0] is None


@pytest.mark.parametrize(
    "line",
    [
        "../native/cuda/Loss.cu:271: operator(): block: [0,0,0], thread: [3,0,0] Assertion `t < n` failed.",
        "Killed",
        "run.sh: line 3: 4711 Segmentation fault (core dumped) python train.py",
        "slurmstepd: error: *** JOB 4711 ON n1 CANCELLED AT 2026-11-23T10:00:00 DUE TO TIME LIMIT ***",
    ],
)
def test_death(line: str) -> None:
    assert [number for _, number, _ in marks(run_of(PARSER, LOG.format(line)), MarkKind.FATAL)] == [3]


def test_an_assertion_of_a_thousand_threads_is_told_once() -> None:
    lines = "\n".join(f"x.cu:1: f: block: [0,0,0], thread: [{k},0,0] Assertion `t < n` failed." for k in range(1000))
    assert len(marks(run_of(PARSER, LOG.format(lines)), MarkKind.FATAL)) == 1


@pytest.mark.parametrize("line", ["KeyboardInterrupt", "Training interrupted by user"])
def test_interrupted(line: str) -> None:
    assert len(marks(run_of(PARSER, LOG.format(line)), MarkKind.STOPPED_EARLY)) == 1


@pytest.mark.parametrize("line", ["Finished training.", "Training complete in 1m 7s", "Early stopping"])
def test_the_end(line: str) -> None:
    assert [number for _, number, _ in marks(run_of(PARSER, f"{LOG}{line}\n"), MarkKind.END)] == [6]


@pytest.mark.parametrize("line", ["a " * 1000, "(" * 2000, "nan " * 500, "saved " * 300, "loss is " * 250, "x" * 3000])
def test_long_lines_are_looked_at_quickly(line: str) -> None:
    said(line)
    list(settings(line))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Namespace(lr=0.1, epochs=90, arch='resnet18', amp=True)",
            {"lr": 0.1, "epochs": 90, "arch": "resnet18", "amp": True},
        ),
        ("hparams: {'lr': 1e-3, 'name': 'a b', 'bs': 32}", {"lr": 1e-3, "name": "a b", "bs": 32}),
        ("INFO:root:Namespace(lr=[0.0005], wd=None)", {"lr": 0.0005, "wd": "None"}),
        ("lr: 0.1", {"lr": 0.1}),
        ("  learning rate = 1e-4", {"learning_rate": 1e-4}),
        ("weight_decay ........................... 0.01", {"weight_decay": 0.01}),
        ("| batch_size | 32 |", {"batch_size": 32}),
        ("Command: python train.py --lr 0.1 --amp --clip-grad=1.0", {"lr": 0.1, "clip_grad": 1.0}),
        ("2026-11-23 10:00:00,123 - main - INFO - seed: 42", {"seed": 42}),
        ("fp16: True", {"fp16": True}),
        ("no setting here", {}),
        ("https://example.org: see there", {}),
    ],
)
def test_settings(line: str, expected: dict[str, FactValue]) -> None:
    assert dict(settings(line)) == expected
