"""Each change does what it says and leaves nothing behind."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from broken_nets import BAD, checkpoint_of
from labelled_logs import ROOT
from nanlog.replay.outcome import Outcome
from nanlog.replay.plan import plan_for
from nanlog.replay.verdicts import CURES
from nanlog.replay.worker.faults import CouldNotRun, TargetError
from nanlog.replay.worker.gradients import finite_gradients
from nanlog.replay.worker.guards import GUARDS, Guarded
from nanlog.replay.worker.interventions import interventions
from nanlog.replay.worker.losses import outputs_in_float64
from nanlog.replay.worker.rates import scaled_rates
from nanlog.replay.worker.trials import known_names
from replaying import outcome_of


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A training with everything that an intervention can take hold of."""
    folder = tmp_path_factory.mktemp("wide")
    return outcome_of(checkpoint_of("everything", folder / "last.pt"), "everything")


def test_every_intervention_ran_or_says_why_not(wide: Outcome) -> None:
    tried = {trial.intervention for trial in wide.trials} - {"repeat"}
    not_run = {each.intervention: each.because for each in wide.not_run}
    assert tried | set(not_run) == {each.name for each in interventions()}
    assert not tried & set(not_run)
    assert set(not_run) <= {"other_device", "float32", "restore_weights", "tanh", "lr/1000", "guard_op", "loss_float64"}
    assert all(not_run.values())


def test_each_says_what_it_changed_and_what_came_of_it(wide: Outcome) -> None:
    finite = {trial.intervention: trial.finite for trial in wide.trials}
    assert finite["drop_samples"]
    assert finite["earlier_batch"]
    assert not finite["lr=0"]
    assert not finite["clip"]
    for trial in wide.trials:
        assert trial.detail
        assert trial.steps is not None
        assert trial.steps[1] >= trial.steps[0]


def test_names_are_known_and_their_modules_end_alike() -> None:
    names = [each.name for each in interventions()]
    assert len(set(names)) == len(names)
    assert set(CURES) <= set(names)
    page = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []
    with pytest.raises(TargetError, match="did you mean drop_samples"):
        known_names(plan_for("a.pt", "b.py", vary=("drop_sample",)))


SINGULAR: dict[str, Any] = {
    "log": torch.log,
    "sqrt": torch.sqrt,
    "rsqrt": lambda x: x.rsqrt(),
    "pow": lambda x: x**0.5,
    "div": lambda x: (x + 1) / x,
    "reciprocal": lambda x: x.reciprocal(),
    "acos": lambda x: torch.acos(1 - x),
    "logit": torch.logit,
    "xlogy": lambda x: torch.xlogy(x + 1, x),
    "softmax": lambda x: F.softmax(x.masked_fill(x == 0, -torch.inf), -1),
    "cross_entropy": lambda x: F.cross_entropy(x[None], torch.tensor([-100])),
    "mean": lambda x: x[x > 0].mean(),
}


@pytest.mark.parametrize("op", SINGULAR)
def test_a_guard_makes_value_and_gradient_finite_where_they_were_not(op: str) -> None:
    def value_and_gradient(guarded: bool) -> bool:
        x = torch.zeros(4, requires_grad=True)
        if guarded:
            with Guarded(op, None, None):
                value = SINGULAR[op](x).sum()
        else:
            value = SINGULAR[op](x).sum()
        value.backward()
        assert x.grad is not None
        return bool(value.isfinite()) and bool(x.grad.isfinite().all())

    assert op in GUARDS
    assert value_and_gradient(True)
    assert not value_and_gradient(False)


class Quartic(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x.abs().pow(0.25)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (x,) = ctx.saved_tensors
        return gradients[0] * 0.25 * x.abs().pow(-0.75)


@pytest.mark.parametrize(("op", "function"), [("Quartic", Quartic.apply), ("hypot", lambda x: torch.hypot(x, x))])
def test_a_gradient_of_which_nothing_is_known_is_kept_finite(op: str, function: Any) -> None:
    gradients = []
    for named in (op, "other"):
        x = torch.tensor([0.0, 16.0], requires_grad=True)
        with finite_gradients(named, None, None):
            function(x).sum().backward()
        assert x.grad is not None
        gradients.append(x.grad.tolist())
    assert gradients[0][0] == 0.0
    assert not math.isfinite(gradients[1][0])
    assert gradients[0][1] == gradients[1][1]


def log_here(x: torch.Tensor) -> torch.Tensor:
    return torch.log(x)


def log_there(x: torch.Tensor) -> torch.Tensor:
    return torch.log(x)


def test_a_guard_acts_on_its_line_only() -> None:
    with Guarded("log", __file__, log_here.__code__.co_firstlineno + 1):
        assert log_here(torch.zeros(1)).isfinite()
        assert not log_there(torch.zeros(1)).isfinite()


def test_rates_are_lower_for_the_update_only() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    torch.nn.init.zeros_(layer.weight)
    with scaled_rates(0.1):
        for _ in range(2):
            optimizer.zero_grad()
            layer(torch.ones(1, 1)).sum().backward()
            optimizer.step()
            schedule.step()
    assert float(layer.weight.detach()) == pytest.approx(-0.1 - 0.05)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_the_loss_is_in_64_bit_and_the_model_is_not() -> None:
    layer = torch.nn.Linear(2, 1)
    with outputs_in_float64():
        loss = layer(torch.ones(1, 2)).exp().sum()
    assert (loss.dtype, layer.weight.dtype) == (torch.float64, torch.float32)
    with pytest.raises(CouldNotRun), outputs_in_float64():
        torch.ones(1).exp()


def test_the_example_of_the_documentation_is_tried(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    code = re.findall(r"<!-- example: intervention -->\n```python\n(.*?)```", page, re.DOTALL)[0]
    scope: dict[str, Any] = {}
    exec(compile(code, "my_interventions.py", "exec"), scope)  # noqa: S102  our own page
    from nanlog.replay.worker import trials

    plugin = scope["INTERVENTION"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "interventions", lambda: (plugin,))
        outcome = outcome_of(checkpoint_of("everything", tmp_path / "last.pt"), "everything", vary=("no_dropout",))
        other = outcome_of(checkpoint_of("log", tmp_path / "other.pt"), "log")
    (trial,) = [each for each in outcome.trials if each.intervention == "no_dropout"]
    assert (trial.finite, trial.steps) == (False, (BAD, BAD))
    assert [each.because for each in other.not_run] == ["the model has no dropout"]
