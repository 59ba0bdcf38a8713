"""Marks: starts, snapshots, resumes, crashes."""

from __future__ import annotations

import pytest

from caffe_logs import glog, read
from nanlog.model import MarkKind

SOLVER = "Initializing solver from parameters: "


def marks(text: str) -> list[tuple[MarkKind, int, int | None, str]]:
    return [(mark.kind, mark.line, mark.step, mark.text) for mark in read(text).marks]


@pytest.mark.parametrize(
    ("message", "file", "step"),
    [
        ("Snapshotting to binary proto file a/x_iter_250.caffemodel", "a/x_iter_250.caffemodel", 250),
        ("Snapshotting to HDF5 file a/x_iter_250.caffemodel.h5", "a/x_iter_250.caffemodel.h5", 250),
        ("Snapshotting to a/x_iter_250", "a/x_iter_250", 250),
        ("Snapshotting solver state to binary proto file my file_iter_3.solverstate", "my file_iter_3.solverstate", 3),
        ("Snapshotting solver state to a/x_iter_250.solverstate", "a/x_iter_250.solverstate", 250),
        ("Snapshotting to a/best.caffemodel", "a/best.caffemodel", 40),
    ],
)
def test_snapshots(message: str, file: str, step: int) -> None:
    assert marks(glog("Iteration 40, lr = 1", message)) == [(MarkKind.CHECKPOINT, 2, step, file)]


def test_resuming() -> None:
    assert marks(glog("Resuming from a_iter_20.solverstate", "SGDSolver: restoring history")) == [
        (MarkKind.RESUME, 1, 20, "a_iter_20.solverstate")
    ]
    assert marks(glog("SGDSolver: restoring history")) == [(MarkKind.RESUME, 1, None, "")]
    assert marks(glog("Restoring previous solver status from a_iter_7")) == [(MarkKind.RESUME, 1, 7, "a_iter_7")]
    assert marks(glog("Finetuning from b.caffemodel")) == [(MarkKind.FINETUNE, 1, None, "b.caffemodel")]


def test_a_training_that_ends() -> None:
    ends = marks(glog("Iteration 40, lr = 1", "Optimization Done.", "Optimization Done."))
    assert ends == [(MarkKind.END, 2, 40, "Optimization Done.")]
    stopped = marks(glog("Iteration 40, lr = 1", "Optimization stopped early.", "Optimization Done."))
    assert [kind for kind, *_ in stopped] == [MarkKind.STOPPED_EARLY, MarkKind.END]


def starts(*messages: str) -> list[int]:
    return [line for kind, line, *_ in marks(glog(*messages)) if kind is MarkKind.START]


def test_starts() -> None:
    modern = [
        SOLVER,
        "^display: 1",
        "Creating training net",
        "Starting Optimization",
        "Solving LeNet",
        "Iteration 0, loss = 1",
    ]
    assert starts(*modern) == [1]
    assert starts(*modern, *modern) == [1, 7]
    of_2014 = ["Starting Optimization", SOLVER, "^display: 1", "Solving LeNet", "Iteration 0, loss = 1"]
    assert starts(*of_2014, *of_2014) == [1, 6]
    without_solver = ["Solving LeNet", "Iteration 0, loss = 1"]
    assert starts(*without_solver, *without_solver) == [1, 3]
    died_in_setup = [SOLVER, "^display: 1", "Creating training net"]
    assert starts(*died_in_setup, *modern) == [1, 4]


@pytest.mark.parametrize(
    "line",
    [
        "F1123 02:31:20.788003 10453 syncedmem.cpp:56] Check failed: error == cudaSuccess (2 vs. 0)  out of memory",
        '*** Aborted at 1795401098 (unix time) try "date -d @1795401098" if you are using GNU date ***',
        "*** SIGSEGV (@0x0) received by PID 10453 (TID 0x7f) from PID 0; stack trace: ***",
        "double free or corruption (out)",
        "free(): invalid pointer",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "Segmentation fault (core dumped)",
        "./train.sh: line 3:  1234 Killed                  caffe train",
    ],
)
def test_crashes(line: str) -> None:
    if "caffe train" in line:
        line = line.removesuffix(" caffe train").rstrip()
    [(kind, at, step, text)] = marks(glog("Iteration 40, lr = 1") + line + "\n")
    assert (kind, at, step) == (MarkKind.FATAL, 2, 40)
    assert text == line.partition("] ")[2] if line.startswith("F") else line


def test_a_python_exception() -> None:
    text = 'Traceback (most recent call last):\n  File "train.py", line 3, in f\n    step()\nValueError: bad shape\n'
    assert marks(glog("Iteration 40, lr = 1") + text + "ValueError: no traceback before it\n") == [
        (MarkKind.EXCEPTION, 5, 40, "ValueError: bad shape")
    ]


@pytest.mark.parametrize(
    "line", ["Killed it, best accuracy so far", "Aborted attempts: 3", "*** accuracy ***", "Traceback"]
)
def test_no_crash(line: str) -> None:
    assert marks(glog("Iteration 40, lr = 1") + line + "\n") == []


def test_a_warning_of_numpy_is_noted_once() -> None:
    warning = "/lib/fast_rcnn/bbox_transform.py:23: RuntimeWarning: invalid value encountered in log\n"
    log = warning + "  targets_dw = np.log(gt_widths / ex_widths)\n" + warning + "Iteration 0, loss = nan\n"
    assert marks(log) == [(MarkKind.NOTE, 1, None, "invalid value encountered in log")]
