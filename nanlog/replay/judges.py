"""When a cause holds, and when it does not: one small function for each, over what the trials and the probe say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .case import GROWN, Case
from .operators import DIVISIONS, OVERFLOWING, RECURRENT, SINGULAR, is_norm
from .outcome import Judgement, ReplayPhase, Trial

__all__ = ["JUDGES", "Judged"]

_STATE = (ReplayPhase.PARAMETER, ReplayPhase.OPTIMIZER_STATE)
#: A checkpoint with more of its tensors non-finite was written after the training had died.
_DEAD = 0.5
#: A rate so many times larger than it was some steps before was not meant.
_JUMP = 100.0


@dataclass(frozen=True)
class Judged:
    """A verdict and the sentences for it."""

    verdict: Judgement
    because: tuple[str, ...]

    def __init__(self, verdict: Judgement, *because: str) -> None:
        object.__setattr__(self, "verdict", verdict)
        object.__setattr__(self, "because", because)


def _yes(*because: str) -> Judged:
    return Judged(Judgement.CONFIRMED, *because)


def _no(*because: str) -> Judged:
    return Judged(Judgement.REFUTED, *because)


def _open(*because: str) -> Judged:
    return Judged(Judgement.COULD_NOT_RUN, *because)


def _shown(trial: Trial | None) -> tuple[str, ...]:
    return () if trial is None else (f"{trial.intervention}: {trial.detail}",)


def software_bug(case: Case) -> Judged:
    runs, bad = case.signs.runs, case.signs.bad_runs
    if 0 < bad < runs:
        return _yes(
            f"of {runs} unchanged runs from the same state, on the same batches and random numbers, {bad} went bad:"
            " what differs is outside the training (a race, uninitialised memory, hidden state, the hardware)"
        )
    if (other := case.cured("other_device")) is not None and case.phase not in _STATE:
        return _yes(*_shown(other), "state, batch and random numbers were the same on both")
    same = f"{runs} unchanged runs all went bad" + (
        ", with the same numbers bit for bit" if case.known.deterministic else ", though not with the same numbers"
    )
    return _no(same, *_shown(case.failed("other_device")))


def bad_lr_policy(case: Case) -> Judged:
    rates, before = case.signs.rates, case.signs.rates_before
    wrong = [rate for rate in rates if not math.isfinite(rate) or rate < 0]
    jumped = bool(rates and before and max(rates) > _JUMP * max(*before, 1e-30))
    if not rates:
        return _open("the training does not say its learning rate")
    if wrong and (calm := case.cured("lr=0")) is not None:
        return _yes(
            f"the learning rate of step {case.known.steps and case.known.steps[1]} is {wrong[0]:g}", *_shown(calm)
        )
    if jumped and (calm := case.cured("lr/10", "lr/1000", "lr=0")) is not None:
        return _yes(
            f"the learning rate rose from {max(before):.3g} to {max(rates):.3g} within these steps", *_shown(calm)
        )
    return _no(f"the learning rate is {max(rates):.3g} in these steps, finite and steady")


def bad_initialisation(case: Case) -> Judged:
    corrupt, first = dict(case.signs.corrupt), case.first
    if case.signs.corrupt_share > _DEAD:
        return _open(
            f"{len(corrupt)} tensors of the checkpoint are not finite, most of the model: it was written after the"
            " training had died; name an earlier checkpoint"
        )
    if case.phase is ReplayPhase.OPTIMIZER_STATE and first is not None:
        said = f"the optimizer's {' '.join(first.via)} of {first.tensor} is not finite before the step begins"
        cure = case.cured("reset_optimizer")
        return _yes(said, *_shown(cure)) if cure else _open(said, *_shown(case.failed("reset_optimizer")))
    if (wide := case.cured("float32")) is not None and "not finite" not in corrupt.values():
        return _no("in float32 the weights do no harm", *_shown(wide))
    if corrupt:
        said = "; ".join(f"{name}: {why}" for name, why in list(corrupt.items())[:3])
        if (cure := case.cured("restore_weights")) is not None:
            return _yes(f"in the checkpoint, {said}", *_shown(cure))
        failed = case.failed("restore_weights")
        return (
            _no(*_shown(failed))
            if failed
            else _open(f"in the checkpoint, {said}", case.untried("restore_weights") or "")
        )
    return _no("every weight of the checkpoint is finite and of the usual size")


def faulty_input(case: Case) -> Judged:
    first, drop = case.first, case.cured("drop_samples")
    if first is not None and case.phase is ReplayPhase.INPUT:
        what = f"{first.value or 'a value that is not finite'} in the {first.tensor or 'batch'}"
        return _yes(f"{what} of step {first.step}, before anything is computed", *_shown(drop))
    if case.phase in _STATE:
        return _no("the state was bad before the batch was seen")
    if drop is None:
        failed = case.failed("drop_samples")
        why = case.untried("drop_samples")
        return _no("every value of the batch is finite", *_shown(failed), *([why] if why else []))
    if first is not None and case.raised and first.samples is not None:
        return _yes(f"the step raises {first.value}", *_shown(drop))
    if (wide := case.cured("float32")) is not None:
        return _no("in float32 the step takes these samples, too", *_shown(wide))
    if case.signs.strange and case.phase is not ReplayPhase.BACKWARD:
        return _yes(*_shown(drop), *case.signs.strange)
    return _no(
        f"without {'this batch' if first is not None and first.samples is None else 'some samples'} the step is finite,"
        f" but nothing in it is out of the ordinary: the fault is in {case.origin}, which cannot take it",
        *_shown(drop),
    )


def lr_too_high(case: Case) -> Judged:
    if case.phase in (*_STATE, ReplayPhase.INPUT):
        return _no(f"{case.origin} was bad before any update")
    if any(not math.isfinite(rate) for rate in case.signs.rates):
        return _no("the rate is not a number at all")
    cure, calm, failed = case.cured("lr/10", "lr/1000"), case.cured("lr=0"), case.failed("lr/10", "lr=0")
    if cure is None:
        if failed is not None:
            return _no(*_shown(case.failed("lr=0") or failed))
        return _open(case.untried("lr/10") or "")
    if case.known.steps is not None and case.known.steps[0] == case.known.steps[1]:
        return _open(
            "the fault shows in the first step after the checkpoint, before any update could change it; an earlier"
            " checkpoint would tell"
        )
    around = f"with a lower rate the training only takes another path around {case.origin}"
    if case.grew is None:
        return _no(f"nothing grew before the fault: {around}", *_shown(cure))
    if (other := _spares_the_rate(case)) is not None:
        return _no(f"{other.intervention} removes it, too: {around}", *_shown(cure))
    return _yes(case.grew, *_shown(cure), *_shown(calm))


def _spares_the_rate(case: Case) -> Trial | None:
    """Another cure, which keeps the training going at its rate, where it was not plainly the parameters that grew."""
    if (case.signs.parameter_growth or 0.0) >= GROWN:
        return None
    guarded = case.cured("guard_op") if case.grown is None else None
    return case.cured("float32", "tanh") or (guarded if case.sane(guarded) else None)


def fp16_overflow(case: Case) -> Judged:
    if case.phase in (*_STATE, ReplayPhase.INPUT):
        return _no(f"{case.origin} was bad before anything was computed")
    if (cure := case.cured("float32")) is not None:
        return _yes(*_shown(cure))
    why = case.untried("float32")
    if why == "nothing is computed in 16 bit":
        return _no(why)
    return _open(why) if why else _no(*_shown(case.failed("float32")))


def relu_rnn(case: Case) -> Judged:
    if (cure := case.cured("tanh")) is not None:
        return _yes(*_shown(cure))
    why = case.untried("tanh")
    if why is not None:
        return _no(why) if "no relu" in why else _open(why)
    return _no(*_shown(case.failed("tanh")))


def batchnorm_instability(case: Case) -> Judged:
    first = case.first
    cure = case.cured("eps", "eval_norm", "guard_op")
    if first is None or case.phase in (*_STATE, ReplayPhase.INPUT):
        return _no("the fault is not in a layer of normalisation") if first else _open("it is not known where it arose")
    if not is_norm(first):
        return _no(f"the fault arises in {case.origin}, which does not normalise")
    if cure is not None:
        return _yes(f"the fault arises in {case.origin}, from finite values", *_shown(cure))
    return (
        _no(*_shown(case.failed("eps", "eval_norm")))
        if case.failed("eps", "eval_norm")
        else _open(case.untried("eval_norm") or "")
    )


def division_by_zero_sparsity(case: Case) -> Judged:
    if case.phase is ReplayPhase.UPDATE and (cure := case.cured("optimizer_eps")) is not None:
        return _yes("the update divides by the root of moments that are 0", *_shown(cure))
    phase = ReplayPhase.UPDATE if case.phase is ReplayPhase.UPDATE else ReplayPhase.FORWARD
    return _by_guard(case, DIVISIONS, phase, "divides by nothing, or normalises over nothing")


def undefined_gradient(case: Case) -> Judged:
    if case.first is not None and case.phase is ReplayPhase.BACKWARD:
        cure = case.cured("guard_op")
        if cure is not None:
            return _yes(f"forward is finite, the gradient of {case.origin} is not", *_shown(cure))
        why = case.untried("guard_op")
        return _open(why) if why else _no(*_shown(case.failed("guard_op")))
    return (
        _no(f"forward is not finite already: {case.origin}") if case.first else _open("it is not known where it arose")
    )


def faulty_loss(case: Case) -> Judged:
    if case.first is not None and case.phase is ReplayPhase.FORWARD and (case.first.op in SINGULAR | {"mul"}):
        precise = case.cured("loss_float64", "float64")
        if precise is not None and case.cured("guard_op") is None:
            return _yes(f"{case.origin} leaves the range of its digits", *_shown(precise))
    return _by_guard(case, SINGULAR, ReplayPhase.FORWARD, "is not defined everywhere")


def _by_guard(case: Case, operators: frozenset[str], phase: ReplayPhase, does: str) -> Judged:
    """The probe's origin and the guard on it must agree."""
    if case.first is None:
        return _open("it is not known where it arose")
    if case.phase is not phase or case.first.op not in operators or is_norm(case.first) or case.first.op in RECURRENT:
        return _no(f"the fault arises in {case.origin} ({case.phase}), which is nothing of the kind")
    if (cure := case.cured("guard_op")) is not None:
        if case.first.op in OVERFLOWING and not case.sane(cure):
            return _no(f"a bound before {case.origin} only hides that its operand has grown", *_shown(cure))
        return _yes(f"{case.origin} {does}{case.operand}", *_shown(cure))
    why = case.untried("guard_op")
    return _open(f"{case.origin} {does}{case.operand}", why) if why else _no(*_shown(case.failed("guard_op")))


JUDGES: Mapping[str, Callable[[Case], Judged]] = {
    "software_bug": software_bug,
    "bad_lr_policy": bad_lr_policy,
    "bad_initialisation": bad_initialisation,
    "faulty_input": faulty_input,
    "lr_too_high": lr_too_high,
    "fp16_overflow": fp16_overflow,
    "relu_rnn": relu_rnn,
    "batchnorm_instability": batchnorm_instability,
    "division_by_zero_sparsity": division_by_zero_sparsity,
    "undefined_gradient": undefined_gradient,
    "faulty_loss": faulty_loss,
}
