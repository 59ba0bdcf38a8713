"""A step of the replay is the step of a loop that clips, scales, schedules and accumulates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import broken_nets
from replaying import outcome_of

TARGETS = """
import sys
sys.path.append({tests!r})
import torch
from broken_nets import *
from broken_nets import target as made

def options():
    return {options}

def target():
    given = made(**options())
    given["scheduler"] = torch.optim.lr_scheduler.ExponentialLR(given["optimizer"], 0.9)
    if given.get("precision") == "fp16":
        given["scaler"] = torch.amp.GradScaler("cpu", init_scale=2.0**40, growth_interval=4)
    return given
"""
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipped": {"clip_norm": 0.01},
    "clipped_values": {"clip_value": 0.001},
    "bfloat": {"precision": "bf16"},
    "scaled": {"precision": "fp16"},
    "scaled_and_clipped": {"precision": "fp16", "clip_norm": 0.5},
    "accumulated": {"accumulate": 2, "clip_norm": 0.5},
    "double": {"precision": "64"},
}


def trained(options: dict[str, Any], steps: int, save: Path) -> list[float]:
    """The loop as a user writes it; its losses, and its state after 3 steps in a file."""
    made = broken_nets.target()
    model, optimizer = made["model"], made["optimizer"]
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    precision, parts = options.get("precision"), options.get("accumulate", 1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40, growth_interval=4, enabled=precision == "fp16")
    if precision == "64":
        model.double()
    losses = []
    for step in range(steps):
        if step == 3:
            parts_of_it = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
            scaled = {"scaler": scaler.state_dict()} if precision == "fp16" else {}
            torch.save({**parts_of_it, **scaled, "schedule": schedule.state_dict()}, save)
        total = 0.0
        for part in range(parts):
            x, y = made["batches"][(step * parts + part) % 30]
            x = x.double() if precision == "64" else x
            kind = torch.float16 if precision == "fp16" else torch.bfloat16
            with torch.autocast("cpu", kind, enabled=precision in ("fp16", "bf16")):
                loss = made["loss"](model, (x, y))
            scaler.scale(loss / parts).backward()
            total += loss.item()
        losses.append(total / parts)
        scaler.unscale_(optimizer)
        if "clip_value" in options:
            torch.nn.utils.clip_grad_value_(model.parameters(), options["clip_value"])
        if "clip_norm" in options:
            torch.nn.utils.clip_grad_norm_(model.parameters(), options["clip_norm"])
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        optimizer.zero_grad()
    return losses


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.filterwarnings("ignore:Detected call of")  # the first update was skipped by the scaler
def test_the_losses_are_those_of_the_loop(name: str, tmp_path: Path) -> None:
    options = OPTIONS[name]
    tests = str(Path(__file__).resolve().parents[1])
    (tmp_path / "nets.py").write_text(TARGETS.format(tests=tests, options=options), encoding="utf-8")
    losses = trained(options, 12, tmp_path / "last.pt")
    outcome = outcome_of(tmp_path / "last.pt", "target", tmp_path / "nets.py", steps=(3, 11))
    assert outcome.losses == tuple(losses[3:])
    assert (outcome.reproduced, outcome.deterministic, outcome.steps) == (False, True, (3, 11))
    assert outcome.notes[:1] == ("not in the checkpoint, and therefore fresh: random number generators",)


MICRO = """
import torch

def target(size={size}):
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    batches = [(torch.randn(size, 3), torch.randn(size, 1)) for _ in range(24)]
    batches[4 * 3 + 2][0][size - 1, 1] = torch.inf
    return {{
        "model": model,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "loss": lambda model, batch: torch.nn.functional.mse_loss(model(batch[0]), batch[1]),
        "batches": batches,
        "accumulate": 4,
    }}
"""


@pytest.mark.parametrize("size", [1, 5])
def test_a_bad_sample_of_one_micro_batch_is_dropped_from_it(size: int, tmp_path: Path) -> None:
    (tmp_path / "micro.py").write_text(MICRO.format(size=size), encoding="utf-8")
    torch.save({"model": torch.nn.Linear(3, 1).state_dict(), "step": 0}, tmp_path / "last.pt")
    outcome = outcome_of(tmp_path / "last.pt", "target", tmp_path / "micro.py")
    first = outcome.first_nonfinite
    assert first is not None
    assert (first.step, first.phase, first.tensor, first.samples) == (3, "input", "input", (size - 1,))
    assert first.via == ("micro-batch 2",)
    assert [each.cause for each in outcome.confirmed] == ["faulty_input"]
    assert outcome.smallest_change == "drop_samples"
    (dropped,) = [trial for trial in outcome.trials if trial.intervention == "drop_samples"]
    assert f"without sample {size - 1} of micro-batch 2" in dropped.detail


def test_where_the_probe_itself_fails_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nanlog.replay.worker.probe import _evidence

    monkeypatch.setattr(_evidence, "kinds", None)  # what is called then is no function
    outcome = outcome_of(broken_nets.checkpoint_of("log", tmp_path / "last.pt"), "log")
    assert outcome.first_nonfinite is None
    assert [note for note in outcome.notes if note.startswith("the probe could not follow step 12")]
    assert not outcome.confirmed
    assert outcome.reproduced
