"""The one test that tells causes apart: which change makes the same steps finite.

``nanlog replay`` runs the suspect steps again from a checkpoint and changes one thing at a time.  Each cause has the
interventions whose outcome speaks for it alone; the test names those of the causes that the log leaves open.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from nanlog.model import Cause, Finding, MarkKind, Pattern
from nanlog.rules._view import View

__all__ = ["INTERVENTIONS", "replay_test"]

_OPERATION = "that operation itself: a mean over nothing, a logarithm, a root"
#: Cause -> what to change, and what was wrong if that makes the steps finite.
INTERVENTIONS: dict[Cause, tuple[tuple[str, str], ...]] = {
    Cause.LR_TOO_HIGH: (("lr/10", "the rate"),),
    Cause.RELU_RNN: (("tanh", "the recurrence"),),
    Cause.FAULTY_INPUT: (("drop_samples", "the data"),),
    Cause.DIVISION_BY_ZERO_SPARSITY: (("guard_op", _OPERATION),),
    Cause.FAULTY_LOSS: (("guard_op", _OPERATION),),
    Cause.UNDEFINED_GRADIENT: (("guard_op", _OPERATION),),
    Cause.FP16_OVERFLOW: (("float32", "the range of 16 bits"),),
    Cause.BATCHNORM_INSTABILITY: (("eval_norm", "the batch normalisation"), ("eps", "its epsilon")),
    Cause.BAD_INITIALISATION: (
        ("earlier_checkpoint", "the parameters"),
        ("reset_optimizer", "the state of the optimizer"),
    ),
    Cause.SOFTWARE_BUG: (("other_device", "software or hardware"),),
}
#: Against what a cause that stands alone is tested: what looks most like it.
_FOIL = {
    Cause.LR_TOO_HIGH: Cause.FP16_OVERFLOW,
    Cause.FP16_OVERFLOW: Cause.LR_TOO_HIGH,
    Cause.RELU_RNN: Cause.LR_TOO_HIGH,
    Cause.FAULTY_INPUT: Cause.FAULTY_LOSS,
    Cause.FAULTY_LOSS: Cause.FAULTY_INPUT,
    Cause.DIVISION_BY_ZERO_SPARSITY: Cause.FAULTY_LOSS,
    Cause.UNDEFINED_GRADIENT: Cause.FAULTY_INPUT,
    Cause.BATCHNORM_INSTABILITY: Cause.FAULTY_INPUT,
    Cause.BAD_INITIALISATION: Cause.FAULTY_INPUT,
    Cause.SOFTWARE_BUG: Cause.FAULTY_INPUT,
}
_MOST = 4
_OR_RECORDED = ", or what nanlog record train.py keeps"
#: An untrained model has nothing that came before it: its weights can be made anew, and its optimizer has no state.
_ANEW = {"earlier_checkpoint": "restore_weights"}
_OF_BEFORE = ("reset_optimizer",)
#: What is settled without a training step.
_NOT_REPLAYED = (Cause.BAD_LR_POLICY, Cause.POOLING_STRIDE_GT_KERNEL, Cause.AMP_SKIP, Cause.NONE)


def replay_test(view: View, causes: Sequence[Finding]) -> str | None:
    """The command of the replay that tells ``causes`` apart and how to read it; None where another test is better.

    That is so where nanlog does not read the framework's checkpoints, where the log begins after the onset, and where
    the first cause is settled without a training step.
    """
    advice = view.advice
    if not advice.checkpoint or causes[0].cause in _NOT_REPLAYED or view.only_in_validation is not None:
        return None
    if view.run.fact("anomaly.code") is not None:
        return None  # anomaly mode has named the operation: repairing it is the test
    if view.onset.tail:
        return None
    suspects = [finding.cause for finding in causes]
    changes = _changes(suspects if len(suspects) > 1 else [*suspects, _FOIL.get(suspects[0], suspects[0])])
    known = view.onset.last_good_checkpoint or _restored(view)
    if known is None and _is_untrained(view):
        changes = {
            _ANEW.get(change, change): meaning for change, meaning in changes.items() if change not in _OF_BEFORE
        }
    file = shlex.quote(known or (_untrained(advice.checkpoint) if _is_untrained(view) else _earlier(view)))
    command = f"nanlog replay --checkpoint {file}{advice.target} --vary {','.join(changes)}"
    cures = ", ".join(f"{change} ({meaning})" for change, meaning in changes.items())
    begin = "it" if known else f"from {_usual(view, suspects[0])}{_OR_RECORDED * (not _is_untrained(view))}, it"
    return f"{command}: {begin} names the operation that goes bad first, and which change makes it finite: {cures}"


def _changes(causes: Iterable[Cause]) -> dict[str, str]:
    """What to change and what that says, for each cause in turn; one change is made, and read, once."""
    found: dict[str, str] = {}
    for cause in causes:
        for change, meaning in INTERVENTIONS.get(cause, ()):
            found.setdefault(change, meaning)
    return dict(list(found.items())[:_MOST])


def _is_untrained(view: View) -> bool:
    """Whether nothing finite was logged: what is bad was so before, or in, the first steps."""
    return view.onset.last_finite_step is None and view.last_calm("") is None


def _untrained(usual: str) -> str:
    """What to call a checkpoint of the untrained model, after what checkpoints are usually called."""
    return usual.replace("STEP", "0") if "STEP" in usual else f"untrained{PurePosixPath(usual).suffix}"


def _earlier(view: View) -> str:
    """What checkpoints are usually called; another name where the log says that this one is no longer good."""
    usual = view.advice.checkpoint
    written = any(mark.kind is MarkKind.CHECKPOINT and mark.text == usual for mark in view.run.marks)
    return f"earlier{PurePosixPath(usual).suffix}" if written else usual


def _usual(view: View, cause: Cause) -> str:
    """Which checkpoint to take where the log names none: the command has its usual name."""
    onset = view.onset
    unit = "epoch" if view.counts_epochs else "step"
    if cause is Cause.BAD_INITIALISATION and onset.step is not None and not _is_untrained(view):
        return f"the checkpoint that {unit} {onset.step} went on from"
    if _is_untrained(view):
        return "a checkpoint of the untrained model"
    steps = (onset.departure_step, onset.earliest_step, onset.step)
    step = next((step for step in steps if step is not None), None)
    return f"a checkpoint before {'the onset' if step is None else f'{unit} {step}'}"


def _restored(view: View) -> str | None:
    """The checkpoint that the attempt went on from, where the log names it and it may be what is bad."""
    kinds = (MarkKind.RESUME, MarkKind.FINETUNE)
    if view.onset.pattern not in (Pattern.FROM_START, Pattern.SUDDEN_JUMP, Pattern.MASKED):
        return None
    return next((mark.text for mark in view.run.marks if mark.kind in kinds and mark.text), None)
