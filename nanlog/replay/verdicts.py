"""From trials to a verdict for each cause, and the smallest change that removes the fault.

``judges`` says when a cause holds by itself.  Two causes can look alike (a rate that is too high also ends in a log of
0): of several that hold, the first in :data:`PRECEDENCE` is confirmed, and the others are said to follow from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .case import Case
from .judges import JUDGES, Judged
from .operators import nominated
from .outcome import CauseVerdict, Judgement, Outcome
from .plan import Suspect
from .signs import Signs

__all__ = ["CURES", "PRECEDENCE", "judged", "nominated", "smallest_change"]

#: What is upstream comes first: a fault of the machine, the state and the data before what is computed from them, a
#: training that leaves its range before the operation in which that shows.
PRECEDENCE = (
    "software_bug",
    "bad_lr_policy",
    "bad_initialisation",
    "faulty_input",
    "lr_too_high",
    "fp16_overflow",
    "relu_rnn",
    "batchnorm_instability",
    "division_by_zero_sparsity",
    "undefined_gradient",
    "faulty_loss",
)

#: The changes that can be a cure, the least invasive first: one batch, one operation, one setting, the arithmetic, the
#: model.
CURES = (
    "drop_samples",
    "guard_op",
    "eps",
    "optimizer_eps",
    "loss_float64",
    "clip",
    "lr/10",
    "lr/1000",
    "reset_optimizer",
    "restore_weights",
    "eval_norm",
    "float32",
    "tanh",
    "float64",
)

#: The cures of a cause, the best first, where the cause is confirmed.
_CURES_OF = {
    "lr_too_high": ("lr/10", "lr/1000", "clip"),
    "bad_lr_policy": ("lr/10", "lr/1000"),
    "faulty_input": ("drop_samples",),
    "fp16_overflow": ("float32", "float64"),
    "batchnorm_instability": ("eps", "guard_op", "eval_norm"),
    "bad_initialisation": ("restore_weights", "reset_optimizer"),
    "relu_rnn": ("tanh", "clip"),
    "division_by_zero_sparsity": ("guard_op", "optimizer_eps"),
    "undefined_gradient": ("guard_op",),
    "faulty_loss": ("guard_op", "loss_float64", "float64"),
    "software_bug": (),
}


def judged(known: Outcome, suspects: tuple[Suspect, ...], signs: Signs) -> Outcome:
    """The outcome with its verdicts, in the order: confirmed, then as the log ranked the causes."""
    causes = tuple(_verdicts(known, suspects, signs))
    return replace(known, causes=causes, smallest_change=smallest_change(known, causes))


def _verdicts(known: Outcome, suspects: tuple[Suspect, ...], signs: Signs) -> Iterator[CauseVerdict]:
    shares = {suspect.cause: suspect.confidence for suspect in suspects}
    if known.reproduced is not True:
        kind = Judgement.COULD_NOT_RUN if known.reproduced is None else Judgement.NOT_REPRODUCED
        for cause, share in shares.items():
            yield CauseVerdict(cause, kind, (_why_not(known),), share)
        return
    case = Case(known, signs)
    found = {cause: JUDGES[cause](case) for cause in PRECEDENCE}
    holding = next((cause for cause in PRECEDENCE if found[cause].verdict is Judgement.CONFIRMED), None)
    likely = (*shares, *nominated(known.first_nonfinite))
    told = [cause for cause in (*likely, *PRECEDENCE) if cause not in ("unknown",)]
    ranked = sorted(dict.fromkeys(told), key=lambda cause: cause != holding)
    for cause in ranked:
        verdict = found.get(cause) or Judged(Judgement.COULD_NOT_RUN, "no trial of this framework speaks about it")
        if cause != holding and verdict.verdict is Judgement.CONFIRMED and holding is not None:
            verdict = Judged(Judgement.REFUTED, f"it follows from {holding}, which is upstream of it", *verdict.because)
        if cause in likely or verdict.verdict is not Judgement.COULD_NOT_RUN:
            yield CauseVerdict(cause, verdict.verdict, verdict.because, shares.get(cause))


def _why_not(known: Outcome) -> str:
    if known.reproduced is None:
        return f"the replay did not come so far: {known.why_ended or 'it ended before the suspect steps'}"
    runs = sum(trial.intervention == "repeat" for trial in known.trials)
    steps = "" if known.steps is None else f"steps {known.steps[0]} to {known.steps[1]} "
    return f"{steps}stayed finite in {runs} unchanged run{'s' if runs != 1 else ''}"


def smallest_change(known: Outcome, causes: tuple[CauseVerdict, ...]) -> str | None:
    """The least invasive of the changes that removed the fault; of those for the confirmed cause, if any did."""
    if known.reproduced is not True or known.deterministic is None:
        return None
    cured = {trial.intervention for trial in known.trials if trial.finite}
    confirmed = next((each.cause for each in causes if each.verdict is Judgement.CONFIRMED), None)
    if confirmed == "software_bug":
        return None
    order = (*_CURES_OF.get(confirmed or "", ()), *CURES)
    return next((name for name in order if name in cured), None)
