"""``nanlog replay`` as it is typed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import Draft202012Validator

from broken_nets import BAD, FAULTS, HEALTHY, START, checkpoint_of
from labelled_logs import ROOT
from nanlog.model import Cause
from nanlog.replay.as_json import as_dict
from nanlog.replay.outcome import Judgement, Outcome, ReplayPhase, Status
from replaying import NETS, outcome_of

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "replay.schema.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """The schema without room for fields that it does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if "required" in schema and "properties" in schema else inner


CLOSED = Draft202012Validator(closed(SCHEMA))


def nanlog(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nanlog", *words]
    path = os.pathsep.join([str(ROOT), str(ROOT / "parsers")])
    settings = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_bytes(NETS.read_bytes())
    return tmp_path


def log_of(name: str, folder: Path) -> Path:
    """Train until some steps after the fault; the log is what such a script prints."""
    checkpoint_of(name, folder / "last.pt")
    import broken_nets

    made = getattr(broken_nets, name)()
    lines = []
    for step in range(BAD + 4):
        made["optimizer"].zero_grad()
        loss = made["loss"](made["model"], made["batches"][step])
        loss.backward()
        made["optimizer"].step()
        lines.append(f"step {step} loss {loss.item():.6f} lr 0.05\n")
    (folder / "train.log").write_text("".join(lines), encoding="utf-8")
    return folder / "train.log"


def test_the_whole_way_from_a_log_to_a_confirmed_cause(folder: Path) -> None:
    log_of("log", folder)
    assert nanlog("diagnose", "train.log", cwd=folder).returncode == 1
    another = ROOT / "sample_logs" / "caffe" / "sqrt_of_zero_debug" / "train.log"
    nanlog("diagnose", str(another), cwd=folder)  # saved last, and no training that a target can repeat
    words = ("--checkpoint", "last.pt", "--target", "nets.py:log", "--bundle", "bundle", "--skip-list", "skip.json")
    done = nanlog("replay", *words, "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [error.message for error in CLOSED.iter_errors(answer)] == []
    assert answer["run"] != json.loads(nanlog("runs", "--format", "json", cwd=folder).stdout)["runs"][0]["run_id"]
    assert "Caffe" not in json.dumps(answer)
    assert answer["steps"] == [START, BAD]
    assert [each["cause"] for each in answer["causes"] if each["verdict"] == "confirmed"] == ["faulty_loss"]
    assert (answer["reproduced"], answer["deterministic"], answer["smallest_change"]) == (True, True, "guard_op")
    assert answer["first_nonfinite"]["file"] == "nets.py"
    assert json.loads((folder / "skip.json").read_text(encoding="utf-8")) == {
        "steps": [BAD],
        "samples": {str(BAD): [3]},
    }

    shown = nanlog("show", answer["run"], cwd=folder).stdout
    assert "confirmed by replay" in shown.lower()
    again = nanlog("diagnose", "train.log", cwd=folder).stdout
    assert "guard_op" in again
    assert "Confirmed by replay" in _html(folder)

    moved = folder / "elsewhere"
    (folder / "bundle").rename(moved)
    alone = subprocess.run(
        [sys.executable, "-S", "-c", _WITHOUT_NANLOG], cwd=moved, capture_output=True, text=True, check=False
    )
    assert alone.stdout.startswith("loss: -inf"), alone.stderr


#: The packages, but not nanlog, which is found through a file of the site only.
_WITHOUT_NANLOG = f"""
import sys, runpy
sys.path += {[path for path in sys.path if "packages" in path]!r}
runpy.run_path("repro.py")
assert not any(name.startswith("nanlog") for name in sys.modules)
"""


def _html(folder: Path) -> str:
    nanlog("report", "--out", "page.html", cwd=folder)
    return (folder / "page.html").read_text(encoding="utf-8")


def test_text_on_a_narrow_page_and_in_colour(folder: Path) -> None:
    checkpoint_of("log", folder / "last.pt")
    words = ("--checkpoint", "last.pt", "--target", "nets.py:log", "--no-run", "--vary", "guard_op,lr=0")
    done = nanlog("replay", *words, "--color", "always", cwd=folder)
    assert done.returncode == 0
    assert "\x1b[1;31mCONFIRMED" in done.stdout
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert max(map(len, plain.splitlines())) <= 100
    assert "line            nets.py:" in plain
    assert "mend that line: x.clamp_min(1e-06) before the log at nets.py:" in plain


def test_interrupted_it_prints_what_is_known(folder: Path) -> None:
    (folder / "slow.py").write_text(
        "import time\nfrom nets import cross_entropy, target as made\n"
        "def target():\n"
        "    def loss(model, batch):\n"
        "        time.sleep(0.2)\n"
        "        print('begun', flush=True)\n"
        "        return cross_entropy(model, batch)\n"
        "    return made(loss=loss)\n",
        encoding="utf-8",
    )
    checkpoint_of("healthy", folder / "last.pt")
    command = [
        sys.executable,
        "-m",
        "nanlog",
        "replay",
        "--checkpoint",
        "last.pt",
        "--target",
        "slow.py",
        "--no-run",
        "-v",
    ]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        assert [process.stderr.readline() for _ in range(3)] == ["begun\n"] * 3
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        text = process.stdout.read()
        process.stderr.read()
    assert process.returncode == 130
    assert time.monotonic() - began < 20
    assert "NOT REPLAYED  it was interrupted" in text
    assert re.search(r"steps 6 to \d were run and stayed finite", text)


def test_inputs_can_be_scanned_alone(folder: Path) -> None:
    checkpoint_of("two_bad_samples", folder / "last.pt")
    words = ("--checkpoint", "last.pt", "--target", "nets.py:two_bad_samples", "--no-run", "--scan-inputs")
    done = nanlog("replay", *words, cwd=folder)
    assert done.returncode == 1
    assert "2 not finite, of 240 samples in 30 batches" in done.stdout


def test_what_cannot_be_replayed_is_one_sentence(folder: Path) -> None:
    checkpoint_of("log", folder / "last.pt")
    done = nanlog("replay", "--no-run", "--checkpoint", "gone.pt", "--target", "nets.py:log", cwd=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "nanlog: the checkpoint gone.pt cannot be opened: No such file or directory\n"


def test_options_are_judged_before_anything_is_started(folder: Path) -> None:
    for words, says in ((("--steps", "9:3"), "did you mean --steps 3:9"), (("--budget", "soon"), "is no time")):
        done = nanlog("replay", "--no-run", "--checkpoint", "last.pt", *words, cwd=folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr


def test_help_loads_no_torch() -> None:
    code = (
        "import sys; from nanlog.cli import cli; cli(['replay', '--help'], standalone_mode=False);"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS[:6]] + HEALTHY)
def test_every_outcome_fits_the_schema(name: str, tmp_path: Path) -> None:
    answer = as_dict(outcome_of(checkpoint_of(name, tmp_path / "last.pt"), name, steps=(START, BAD)))
    text = json.loads(json.dumps(answer, allow_nan=False))
    assert [error.message for error in CLOSED.iter_errors(text)] == []


def test_the_schema_has_the_words_of_the_model() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    definitions = SCHEMA["$defs"]
    assert definitions["phase"]["enum"] == [phase.value for phase in ReplayPhase]
    assert definitions["cause"]["properties"]["cause"]["enum"] == [cause.value for cause in Cause]
    assert definitions["cause"]["properties"]["verdict"]["enum"] == [each.value for each in Judgement]
    assert SCHEMA["properties"]["status"]["enum"] == [status.value for status in Status]
    assert set(as_dict(Outcome("a", "cpu"))) == set(SCHEMA["properties"]) == set(SCHEMA["required"])


def test_the_change_that_is_named_lets_the_training_live(tmp_path: Path) -> None:
    """A rate of 80 is confirmed; a thousandth of it trains to the end."""
    import broken_nets

    outcome = outcome_of(checkpoint_of("rate", tmp_path / "last.pt", 0), "rate")
    assert outcome.smallest_change == "lr/1000"
    made = broken_nets.rate()
    made["optimizer"].param_groups[0]["lr"] /= 1000
    for step in range(100):
        made["optimizer"].zero_grad()
        loss = made["loss"](made["model"], made["batches"][step % 30])
        loss.backward()
        made["optimizer"].step()
    assert torch.isfinite(loss)
    assert loss < 2
