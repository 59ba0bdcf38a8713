"""Which trials confirm and refute which cause, and what is called the smallest change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nanlog.replay.advice import advice
from nanlog.replay.judges import JUDGES
from nanlog.replay.operators import nominated
from nanlog.replay.outcome import FirstNonfinite, Judgement, NotRun, Operand, Outcome, ReplayPhase, Trial
from nanlog.replay.plan import Suspect
from nanlog.replay.signs import Signs
from nanlog.replay.verdicts import CURES, PRECEDENCE, judged

TWICE = (Trial("repeat", False, "bad"), Trial("repeat", False, "bad"))
SIGNS = Signs(runs=2, bad_runs=2, rates=(0.1,), rates_before=(0.1,), steps_before=8, parameter_growth=1.0)
LOG = FirstNonfinite(
    9, ReplayPhase.FORWARD, op="log", file="m.py", line=3, operands=(Operand("x", (4,), "float32", 0.0, 1.0, 1),)
)


def outcome(first: FirstNonfinite | None = LOG, *, finite: str = "", bad: str = "", **more: str) -> Outcome:
    """One in which the trials named in ``finite`` and ``bad`` ran; ``more`` says why others could not."""
    trials = [Trial(name, True, f"{name} changed; finite") for name in finite.split()]
    trials += [Trial(name, False, f"{name} changed; bad") for name in bad.split()]
    return Outcome(
        "last.pt",
        "cpu",
        steps=(1, 9),
        reproduced=True,
        deterministic=True,
        first_nonfinite=first,
        trials=(*TWICE, *trials),
        not_run=tuple(NotRun(name, why) for name, why in more.items()),
    )


def confirmed(known: Outcome, signs: Signs = SIGNS) -> list[str]:
    return [each.cause for each in judged(known, (), signs).confirmed]


def test_the_origin_and_the_guard_must_agree() -> None:
    assert confirmed(outcome(finite="guard_op")) == ["faulty_loss"]
    assert confirmed(outcome(bad="guard_op")) == []
    assert confirmed(outcome(guard_op="it was not tried")) == []
    assert confirmed(outcome(replace(LOG, op="linear"), finite="guard_op")) == []


def test_a_lower_rate_that_only_avoids_the_place_confirms_nothing() -> None:
    known = outcome(finite="lr/10 lr=0")
    assert confirmed(known) == []
    (verdict,) = [each for each in judged(known, (), SIGNS).causes if each.cause == "lr_too_high"]
    assert verdict.verdict is Judgement.REFUTED
    assert "nothing grew" in verdict.because[0]


def test_growth_that_a_lower_rate_stops_is_the_rate_even_if_it_ends_in_a_log_of_0() -> None:
    grown = replace(SIGNS, parameter_growth=1e4)
    known = outcome(finite="lr/10 lr=0 guard_op")
    assert confirmed(known, grown) == ["lr_too_high"]
    (loss,) = [each for each in judged(known, (), grown).causes if each.cause == "faulty_loss"]
    assert (loss.verdict, loss.because[0]) == (
        Judgement.REFUTED,
        "it follows from lr_too_high, which is upstream of it",
    )


def test_updates_larger_than_the_parameters_are_the_rate_unless_a_guard_lets_the_training_live() -> None:
    moved = replace(SIGNS, parameter_growth=2.0, update_size=12.0)
    exp = replace(LOG, op="exp")
    hidden = replace(outcome(exp, finite="lr/10"), losses=(3.0, float("inf")))
    guard = Trial("guard_op", True, "bounded; finite", losses=(1e19,))
    answer = judged(replace(hidden, trials=(*hidden.trials, guard)), (), moved)
    assert [each.cause for each in answer.confirmed] == ["lr_too_high"]
    assert "moved the parameters by 12 times their size" in answer.confirmed[0].because[0]
    lives = replace(guard, losses=(2.9,))
    answer = judged(replace(hidden, trials=(*hidden.trials, lives)), (), moved)
    assert [each.cause for each in answer.confirmed] == ["faulty_loss"]


def test_normalisation_is_of_activations() -> None:
    own = replace(LOG, op="rsqrt", module_type="RMSNorm")
    assert confirmed(outcome(own, finite="guard_op")) == ["batchnorm_instability"]
    weight = replace(LOG, op="div", module_type="_SpectralNorm")
    assert confirmed(outcome(weight, finite="guard_op")) == ["division_by_zero_sparsity"]


def test_right_after_the_checkpoint_the_rate_is_open() -> None:
    known = replace(outcome(finite="lr/10"), steps=(9, 9))
    verdicts = {each.cause: each for each in judged(known, (Suspect("lr_too_high", 0.9),), SIGNS).causes}
    assert verdicts["lr_too_high"].verdict is Judgement.COULD_NOT_RUN
    assert "earlier checkpoint" in verdicts["lr_too_high"].because[0]


def test_samples_are_at_fault_only_if_they_are_strange() -> None:
    known = outcome(finite="drop_samples")
    assert confirmed(known) == []
    assert confirmed(known, replace(SIGNS, strange=("sample 3: x is 1e30",))) == ["faulty_input"]
    assert confirmed(outcome(finite="drop_samples float32"), replace(SIGNS, strange=("sample 3",))) == ["fp16_overflow"]
    raised = replace(LOG, op="cross_entropy", value="IndexError: Target 7 is out of bounds.", samples=(3,))
    assert confirmed(outcome(raised, finite="drop_samples")) == ["faulty_input"]
    alone = replace(raised, op="batch_norm", samples=None, value="ValueError: Expected more than 1 value per channel")
    assert confirmed(outcome(alone, finite="drop_samples eval_norm")) == ["batchnorm_instability"]


def test_a_fault_that_comes_and_goes_is_outside_the_training() -> None:
    known = replace(outcome(finite="guard_op lr/10"), deterministic=False)
    answer = judged(known, (), replace(SIGNS, runs=4, bad_runs=1))
    assert [each.cause for each in answer.confirmed] == ["software_bug"]
    assert answer.smallest_change is None


def test_a_checkpoint_written_after_the_death_confirms_nothing() -> None:
    state = FirstNonfinite(9, ReplayPhase.PARAMETER, tensor="w")
    known = outcome(state, finite="restore_weights")
    few = replace(SIGNS, corrupt=(("w", "not finite"),), corrupt_share=0.1)
    assert confirmed(known, few) == ["bad_initialisation"]
    assert confirmed(known, replace(few, corrupt_share=0.9)) == []


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -0.1, 80.0])
def test_a_rate_that_the_schedule_spoils(rate: float) -> None:
    first = FirstNonfinite(9, ReplayPhase.UPDATE)
    assert confirmed(outcome(first, finite="lr=0"), replace(SIGNS, rates=(rate,))) == ["bad_lr_policy"]


def test_nothing_is_confirmed_where_nothing_was_reproduced() -> None:
    known = replace(outcome(finite=" ".join(CURES)), reproduced=False)
    answer = judged(known, (Suspect("faulty_loss", 0.9),), SIGNS)
    assert [(each.cause, each.verdict) for each in answer.causes] == [("faulty_loss", Judgement.NOT_REPRODUCED)]
    assert answer.smallest_change is None


def test_the_smallest_change_belongs_to_the_confirmed_cause() -> None:
    grown = replace(SIGNS, parameter_growth=1e4)
    assert judged(outcome(finite="drop_samples clip lr/10"), (), grown).smallest_change == "lr/10"
    assert (
        judged(outcome(replace(LOG, op="linear"), finite="float64 reset_optimizer clip"), (), SIGNS).smallest_change
        == "clip"
    )
    assert judged(outcome(finite="lr=0 earlier_batch earlier_checkpoint"), (), SIGNS).smallest_change is None


@pytest.mark.parametrize("cause", PRECEDENCE)
@pytest.mark.parametrize("first", [None, LOG, *(FirstNonfinite(1, phase) for phase in ReplayPhase)])
def test_without_trials_no_judge_confirms_but_for_bad_input(cause: str, first: FirstNonfinite | None) -> None:
    from nanlog.replay.case import Case

    verdict = JUDGES[cause](Case(outcome(first), SIGNS))
    seen = first is not None and first.phase is ReplayPhase.INPUT and cause == "faulty_input"
    assert (verdict.verdict is Judgement.CONFIRMED) == seen
    assert verdict.because
    assert all(verdict.because)


def test_every_cause_has_its_place_in_the_order() -> None:
    assert set(PRECEDENCE) == set(JUDGES)
    assert {cause for phase in ReplayPhase for cause in nominated(FirstNonfinite(1, phase))} <= set(PRECEDENCE)


def test_an_open_cause_that_the_place_makes_likely_is_told() -> None:
    state = FirstNonfinite(9, ReplayPhase.PARAMETER, tensor="w")
    dead = replace(SIGNS, corrupt=(("w", "not finite"),), corrupt_share=0.9)
    answer = judged(outcome(state, finite="restore_weights"), (), dead)
    (told,) = [each for each in answer.causes if each.cause == "bad_initialisation"]
    assert told.verdict is Judgement.COULD_NOT_RUN
    assert "written after the training had died" in told.because[0]
    assert advice(answer) == ("name a checkpoint from before the training died: this one holds what came of it",)


def test_a_first_step_that_raises_makes_the_target_doubtful() -> None:
    raised = replace(LOG, step=1, value="RuntimeError: element 0 of tensors does not require grad")
    assert "the target is not yet that training" in advice(judged(outcome(raised), (), SIGNS))[0]
