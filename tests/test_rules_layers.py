"""What statistics of single layers, as today's trainings log them, may and may not prove."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nanlog
from nanlog.engine import diagnose_run
from nanlog.model import FactValue, Phase, Report, Verdict
from runs import make_run

NAN = float("nan")
LAYERS = [f"layers.{k}" for k in range(6)]


def report(folder: Path, rows: list[dict[str, float]]) -> Report:
    log = folder / "metrics.jsonl"
    log.write_text("".join(json.dumps({"step": step, **row}) + "\n" for step, row in enumerate(rows)), encoding="utf-8")
    return nanlog.diagnose(str(log))


def steps(count: int = 40) -> list[dict[str, float]]:
    return [{"loss": 2.0 - 0.01 * k + 0.002 * (k % 3)} for k in range(count)]


@pytest.mark.parametrize("name", ["update_ratio/fc.bias", "grad_std/fc.bias", "activations/fc/std", "weights/fc/var"])
def test_what_may_be_0_by_0_in_a_healthy_training_is_no_failure(tmp_path: Path, name: str) -> None:
    assert report(tmp_path, [{**row, name: NAN} for row in steps()]).verdict is Verdict.HEALTHY


@pytest.mark.parametrize("name", ["param_norm/fc.bias", "grad_max/fc.bias", "activations/fc/mean"])
def test_what_cannot_be_is_one(tmp_path: Path, name: str) -> None:
    found = report(tmp_path, [{**row, name: NAN if k >= 20 else 1.0} for k, row in enumerate(steps())])
    assert (found.verdict, found.onset and found.onset.step) == (Verdict.UNHEALTHY, 20)


def broken(kind: str, bad: list[int]) -> list[dict[str, float]]:
    """At step 20 some layers are NaN, from step 21 on all of them and the loss."""
    return [
        {
            **({"loss": NAN} if k > 20 else row),
            **{f"{kind}/{name}": NAN if k > 20 or (k == 20 and at in bad) else 1.0 for at, name in enumerate(LAYERS)},
        }
        for k, row in enumerate(steps())
    ]


def test_activations_that_are_bad_from_one_layer_on_name_it(tmp_path: Path) -> None:
    first = report(tmp_path, broken("act_mean", [3, 4, 5])).findings[0]
    assert (first.layer, first.phase) == ("layers.3", Phase.FORWARD)


@pytest.mark.parametrize(
    ("kind", "bad"),
    [("act_mean", [0, 1, 2, 3, 4, 5]), ("act_mean", [1, 3, 5]), ("param_norm", [1, 2]), ("grad_max", [1, 2])],
)
def test_layers_that_go_bad_together_or_here_and_there_name_none(tmp_path: Path, kind: str, bad: list[int]) -> None:
    assert {finding.layer for finding in report(tmp_path, broken(kind, bad)).findings} == {None}


def test_a_parameter_does_not_tell_the_phase(tmp_path: Path) -> None:
    """Its gradient may have been bad before, and nobody logged it."""
    assert {finding.phase for finding in report(tmp_path, broken("param_norm", [1])).findings} == {None}


def test_an_activation_that_never_was_finite_gives_no_warning() -> None:
    facts: dict[str, FactValue] = {
        "net.train.layer[0].type": "LRN",
        "net.train.layer[0].name": "n",
        "net.train.layer[0].lrn_param.k": 0.0,
    }
    run = make_run({"loss": [1.0, 1.0, NAN], "data/ip/ip": [NAN, NAN, NAN]}, facts=facts)
    assert diagnose_run(run).verdict is Verdict.UNHEALTHY
