"""Workers that crash, hang, leave or do nothing wrong: each end is a result."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from broken_nets import checkpoint_of
from nanlog.errors import UnreadableError
from nanlog.replay.host import replay
from nanlog.replay.outcome import Outcome, Status
from nanlog.replay.plan import plan_for
from replaying import NETS, outcome_of, replayed

TARGETS = """
import ctypes, os, sys, time
import torch
sys.path.append({tests!r})
from broken_nets import cross_entropy, data, target as made

calls = 0

def at_the_third(act):
    def loss(model, batch):
        global calls
        calls += 1
        if calls == 3:
            act()
        return cross_entropy(model, batch)
    return made(loss=loss)

def segfault():
    return at_the_third(lambda: ctypes.string_at(0))

def hang():
    return at_the_third(lambda: time.sleep(600))

def memory():
    return at_the_third(lambda: torch.empty(10**15))

def leave():
    return at_the_third(lambda: os._exit(7))

def dies_in_float64():
    batches = data()
    batches[12][0][3, 2] = torch.nan
    def loss(model, batch):
        print("a line of the user's")
        if batch[0].dtype == torch.float64:
            os.abort()
        return cross_entropy(model, batch)
    return made(loss=loss, batches=batches)

def raises():
    print('{{"event": "trial"}}')
    raise ValueError("no data here")

def misspelt():
    given = made()
    given["optimiser"] = given.pop("optimizer")
    return given

def nothing():
    pass

def no_batches():
    return {{**made(), "batches": None}}

def empty():
    return {{**made(), "batches": []}}

def no_loss():
    return {{**made(), "loss": None}}

def a_vector():
    return made(loss=lambda model, batch: model(batch[0])[:, 0])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    tests = Path(__file__).resolve().parents[1]
    (folder / "ends.py").write_text(TARGETS.format(tests=str(tests)), encoding="utf-8")
    checkpoint_of("healthy", folder / "last.pt")
    return folder


def ended(folder: Path, name: str, patience: float = 60.0) -> Outcome:
    return replay(plan_for(str(folder / "last.pt"), f"{folder / 'ends.py'}:{name}"), patience=patience)


def test_a_crash_names_the_signal_and_the_step(folder: Path) -> None:
    outcome = ended(folder, "segfault")
    assert (outcome.status, outcome.reproduced) == (Status.CRASHED, None)
    assert outcome.why_ended == "the worker was ended by SIGSEGV (a fault in compiled code) in step 8"
    assert outcome.notes[0] == "steps 6 to 7 were run and stayed finite"


def test_a_worker_that_leaves(folder: Path) -> None:
    left = ended(folder, "leave")
    assert (left.status, left.why_ended) == (Status.CRASHED, "the worker ended with exit code 7 in step 8")


def test_a_step_that_does_not_fit_into_memory(folder: Path) -> None:
    full = outcome_of(folder / "last.pt", "memory", folder / "ends.py")
    assert (full.status, full.reproduced) == (Status.CRASHED, None)
    assert full.why_ended is not None
    assert "do not fit into memory" in full.why_ended


def test_a_hang_is_noticed_and_ended(folder: Path) -> None:
    began = time.monotonic()
    outcome = ended(folder, "hang", patience=1.5)
    assert (outcome.status, outcome.reproduced) == (Status.HUNG, None)
    assert outcome.why_ended is not None
    assert outcome.why_ended.startswith("the worker hangs in step 8")
    assert time.monotonic() - began < 60


def test_a_trial_that_kills_the_worker_could_not_run_and_the_others_can(folder: Path) -> None:
    printed: list[bytes] = []
    plan = plan_for(
        str(folder / "last.pt"), f"{folder / 'ends.py'}:dies_in_float64", vary=("drop_samples", "float64", "lr=0")
    )
    outcome = replay(plan, relay=printed.append)
    assert outcome.status is Status.COMPLETE
    assert [each.cause for each in outcome.confirmed] == ["faulty_input"]
    assert {trial.intervention: trial.finite for trial in outcome.trials} == {
        "repeat": False,
        "drop_samples": True,
        "lr=0": False,
    }
    (not_run,) = outcome.not_run
    assert not_run.intervention == "float64"
    assert "SIGABRT" in not_run.because
    assert b"a line of the user's" in b"".join(printed)


def test_a_checkpoint_that_is_none(folder: Path) -> None:
    (folder / "page.pt").write_text("<html>", encoding="utf-8")
    with pytest.raises(UnreadableError, match="page of HTML"):
        replay(plan_for(str(folder / "page.pt"), f"{folder / 'ends.py'}:segfault"))


REFUSED = {
    "raises": r"raised ValueError: no data here \(.*ends\.py:\d+\)",
    "rasies": r"there is no 'rasies' in .*ends\.py; did you mean --target .*ends\.py:raises",
    "misspelt": r"returns 'optimiser', which nothing is known about; did you mean 'optimizer'",
    "nothing": r"the target gave a NoneType; it must return a dictionary",
    "no_batches": r"gives no batches; add 'batches'",
    "empty": r"its batches are empty",
    "no_loss": r"returns no 'loss'",
    "a_vector": r"the loss of the target is a tensor of shape \(8,\); it must be one number",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_target_that_cannot_be_used_is_a_sentence(folder: Path, name: str) -> None:
    _, gathered = replayed(plan_for(str(folder / "last.pt"), f"{folder / 'ends.py'}:{name}"))
    assert gathered.failed is not None
    kind, says = gathered.failed
    assert kind == "TargetError"
    assert re.search(REFUSED[name], says)


def test_a_checkpoint_alone_is_not_enough(folder: Path) -> None:
    _, gathered = replayed(plan_for(str(folder / "last.pt"), None))
    assert gathered.failed is not None
    assert "--target FILE.py" in gathered.failed[1]


def test_steps_before_the_checkpoint_need_an_earlier_one(folder: Path) -> None:
    _, gathered = replayed(plan_for(str(folder / "last.pt"), f"{NETS}:healthy", steps=(1, 2)))
    assert gathered.failed is not None
    assert "name an earlier checkpoint" in gathered.failed[1]
