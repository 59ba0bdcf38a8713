"""Replays in the process of the tests: the session of a worker without the seconds that torch takes to load."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch

import broken_nets
from nanlog.replay.codec import encode
from nanlog.replay.gathered import Gathered
from nanlog.replay.outcome import Outcome
from nanlog.replay.plan import Plan, plan_for
from nanlog.replay.worker.session import Session

NETS = Path(broken_nets.__file__)


def replayed(plan: Plan) -> tuple[Outcome, Gathered]:
    """Carry out a plan here; each message goes through JSON as it would through the pipe."""
    gathered = Gathered(plan)

    def send(event: str, **content: Any) -> None:
        gathered(event, **json.loads(json.dumps(encode(content), allow_nan=False)))

    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of the trainings are their own affair
            Session(plan, send).run()
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.utils.deterministic.fill_uninitialized_memory = True
    return gathered.outcome(0.0), gathered


def outcome_of(checkpoint: Path, name: str, file: Path = NETS, **options: Any) -> Outcome:
    outcome, gathered = replayed(plan_for(str(checkpoint), f"{file}:{name}", **options))
    assert gathered.failed is None, gathered.failed
    return outcome
