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
