"""What scripts do besides training: several optimizers, closures, workers, ways to end; and the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from nanlog.cli import cli
from nanlog.replay.recorded import read_manifest
from record.recording import ENVIRONMENT, Forked, forked, nanlog_record

HEAD = """
import os, signal, sys
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
"""
LOOP = (
    HEAD
    + """
def train():
    for step in range(9):
        x = torch.randn(8, 4)
        loss = net(x).square().mean()
        if step == 5:
            {fault}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
train()
{end}
"""
)


def loop(fault: str, end: str = "") -> str:
    return LOOP.format(fault=fault, end=end)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    server = forked(tmp_path_factory.mktemp("edges"))
    yield server
    server.close()


ADVERSARIES = (
    HEAD
    + """
optimizer = None  # the loop has two of its own
G = nn.Linear(2, 4)
D = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 1))
for_g, for_d = torch.optim.Adam(G.parameters(), 1e-3), torch.optim.Adam(D.parameters(), 1e-3)
for step in range(10):
    real, fake = torch.randn(8, 4), G(torch.randn(8, 2))
    for_d.zero_grad()
    (nn.functional.softplus(-D(real)).mean() + nn.functional.softplus(D(fake.detach())).mean()).backward()
    for_d.step()
    for_g.zero_grad()
    chance = D(fake).sigmoid() * (step != 7)
    (-chance.log().mean()).backward()
    for_g.step()
"""
)
CLOSURE = (
    HEAD
    + """
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.1, max_iter=4)
x = torch.randn(16, 4)
for step in range(6):
    def closure():
        optimizer.zero_grad()
        loss = (net(x)[:, 0] - x.sum(1)).square().mean()
        if step == 4:
            loss = loss / (loss * 0)
        loss.backward()
        return loss
    optimizer.step(closure)
"""
)
WORKERS = (
    HEAD
    + """
class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 64
    def __getitem__(self, index):
        if not hasattr(self, "own"):  # a whole training in the worker
            self.own = nn.Linear(4, 4)
            self.update = torch.optim.SGD(self.own.parameters(), lr=0.1)
        self.own(torch.ones(4)).sum().backward()
        self.update.step()
        return torch.full((4,), float("nan") if index == 42 else index / 64), torch.ones(())
for x, y in torch.utils.data.DataLoader(Rows(), batch_size=8, num_workers=2):
    optimizer.zero_grad()
    (net(x)[:, 0] - y).square().mean().backward()
    optimizer.step()
"""
)
ACCUMULATED = (
    HEAD
    + """
for number in range(24):
    x = torch.randn(8, 4)
    if number == 17:
        x[2, 1] = float("inf")
    (net(x).square().mean() / 4).backward()
    if number % 4 == 3:
        optimizer.step()
        optimizer.zero_grad()
        net.eval()
        with torch.no_grad():
            net(x)
        net.train()
"""
)
PARTS = (
    HEAD
    + """
encoder, decoder = nn.Linear(4, 3), nn.Sequential(nn.Linear(3, 4), nn.Softmax(-1))
optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()])
for step in range(9):
    hidden = encoder(torch.randn(8, 4))
    if step == 5:
        hidden = hidden * 1e38
    loss = decoder(hidden * 10).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
)
EVALUATED = loop("loss = loss + (loss * 0).sqrt()").replace("def train():", "net.eval()\ndef train():")
COMPILED = (
    loop("loss = (loss * 0).log()")
    .replace("net(x)", "compiled(x)")
    .replace("def train():", "compiled = torch.compile(net, backend='eager')\ndef train():")
)
THREADED = (
    HEAD
    + """
import threading
other, begun, over = nn.Linear(2, 2), threading.Event(), threading.Event()
def busy():
    while not over.is_set():
        other(torch.ones(2)).sum().backward()
        begun.set()
threading.Thread(target=busy).start()
begun.wait()
"""
    + loop("loss = (loss * 0).log()", end="over.set()").removeprefix(HEAD)
)


LOOSE = """
import torch
w = torch.randn(4, 1, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range(9):
    loss = (torch.randn(8, 4) @ w).square().mean()
    if step == 5:
        loss = (loss * 0).log()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
BY_HAND = """
import torch
net = torch.nn.Linear(4, 1)
for step in range(9):
    loss = net(torch.randn(8, 4)).square().mean()
    if step == 5:
        loss = (loss * 0).log()
    net.zero_grad()
    loss.backward()
    with torch.no_grad():
        for p in net.parameters():
            p -= 0.1 * p.grad
"""


@pytest.mark.parametrize(
    ("script", "step", "steps", "phase", "op", "module"),
    [
        pytest.param(ADVERSARIES, 7, 10, "forward", "log", None, id="two optimizers"),
        pytest.param(CLOSURE, 4, 6, "forward", "div", None, id="closure"),
        pytest.param(WORKERS, 5, 8, "input", None, None, id="loader with workers"),
        pytest.param(ACCUMULATED, 4, 6, "input", None, None, id="accumulation and validation"),
        pytest.param(PARTS, 5, 9, "forward", "mul", None, id="two models, one optimizer"),
        pytest.param(EVALUATED, 5, 9, "backward", "sqrt", None, id="model in evaluation mode"),
        pytest.param(LOOSE, 5, 9, "forward", "log", None, id="no module"),
        pytest.param(BY_HAND, 5, 9, "forward", "log", None, id="no optimizer"),
        pytest.param(COMPILED, 5, 9, "forward", "log", None, id="compiled"),
        pytest.param(THREADED, 5, 9, "forward", "log", None, id="another thread trains as well"),
    ],
)
def test_steps_are_found(
    run: Forked, script: str, step: int, steps: int, phase: str, op: str | None, module: str | None
) -> None:
    looked, light = run(script), run(script, probe_first=0.0)
    assert (looked.code, light.code) == (0, 0), looked.stderr + light.stderr
    assert (looked.first.step, looked.first.phase, looked.first.op, looked.first.module) == (step, phase, op, module)
    for ran in (looked, light):
        assert [row["step"] for row in ran.rows] == list(range(steps))
        assert [bundle.name for bundle in ran.bundles] == [f"bundle-step{step}"]


def test_update_is_named_with_its_parameter(run: Forked) -> None:
    first = run(loop("optimizer.param_groups[0]['lr'] = float('inf')")).first
    assert (first.step, first.phase, first.tensor, first.module) == (5, "update", "0.weight", "0")


def test_script_that_leaves_on_nan_has_its_own_exit_code_and_a_bundle(run: Forked) -> None:
    ran = run(loop("loss = (loss * 0 - 1).log(); print('leaving'); sys.exit(4)"))
    assert (ran.code, ran.stdout) == (4, "leaving\n")
    assert (ran.first.step, ran.first.op) == (5, "log")
    assert [bundle.name for bundle in ran.bundles] == ["bundle-step5"]


def test_script_that_breaks_off_its_loop_on_nan_is_looked_into(run: Forked) -> None:
    script = loop("loss = (loss * 0 - 1).log(); return")
    assert run(script).first.op == "log"
    light = run(script, probe_first=0.0)
    assert not light.bundles
    assert "ended in the middle of step 5" in light.stderr
    assert "--probe-from 5" in light.stderr


def test_script_that_passes_over_a_nan_is_left_alone(run: Forked) -> None:
    ran = run(loop("continue"))
    assert not ran.bundles
    assert len(ran.rows) == 8


def test_exception_is_shown_as_python_shows_it(run: Forked) -> None:
    script = loop("net(torch.randn(8, 5))")
    bare, light = run(script, recorded=False), run(script, probe_first=0.0)
    assert (light.code, bare.code) == (1, 1)
    assert _of_script(light.stderr) == _of_script(bare.stderr) != []
    assert "RuntimeError: mat1 and mat2 shapes cannot be multiplied (8x5 and 4x8)" in light.stderr
    assert str(Path(__file__).parents[2] / "nanlog") not in light.stderr
    assert "nanlog: in step 5 it raised RuntimeError: mat1 and mat2" in light.stderr


def _of_script(traceback: str) -> list[str]:
    return [line.rpartition("/")[2] for line in traceback.splitlines() if "/script.py" in line and "File" in line]


def test_interrupt_ends_it_by_the_signal_and_leaves_nothing_half_done(run: Forked) -> None:
    ran = run(loop("os.kill(os.getpid(), signal.SIGINT)"))
    assert ran.code == -signal.SIGINT
    assert "KeyboardInterrupt" in ran.stderr
    assert [path.name for path in ran.folder.iterdir()] == ["log.jsonl"]


def test_process_that_is_cut_off_after_the_fault_leaves_the_whole_bundle(run: Forked) -> None:
    ran = run(loop("loss = loss * float('inf')", end="os._exit(7)"))
    assert ran.code == 7
    manifest = read_manifest(ran.bundles[0])
    assert manifest is not None
    assert ran.outcome.checkpoint == str(ran.bundles[0])
    assert ran.first.step == manifest.bad_step == 5


def test_stop_ends_the_script_at_once(run: Forked) -> None:
    ran = run(loop("loss = loss * float('inf')", end="print('never')"), stop=True)
    assert (ran.code, ran.stdout, len(ran.rows)) == (1, "", 6)


def test_second_run_is_compared_with_the_first(run: Forked, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(loop("loss = loss * float('inf')"), encoding="utf-8")
    for number in (1, 2):
        ran = run(tmp_path / "train.py", place=tmp_path / f"run{number}")
    assert (ran.outcome.reproduced, ran.outcome.deterministic) == (True, True)
    (tmp_path / "train.py").write_text(loop("loss = loss * float('inf')").replace("seed(0)", "seed(1)"))
    again = run(tmp_path / "train.py", place=tmp_path / "run3").outcome
    assert (again.reproduced, again.deterministic) == (True, False)


def test_ranks_have_files_of_their_own(run: Forked) -> None:
    ran = run(loop("loss = loss * float('inf')"), environment={"RANK": "3"})
    assert {path.name for path in ran.folder.iterdir()} == {
        "bundle-step5-rank3", "log-rank3.jsonl", "replay-rank3.json"
    }  # fmt: skip


def test_target_is_kept_in_the_bundle(run: Forked) -> None:
    ran = run(loop("loss = loss * float('inf')"), target="train.py:target")
    manifest = read_manifest(ran.bundles[0])
    assert manifest is not None
    assert (manifest.target, manifest.argv[0][-9:]) == ("train.py:target", "script.py")


def test_fault_of_the_recorder_is_said_and_the_script_goes_on(run: Forked) -> None:
    spoil = "from nanlog.record.flight import Flight\nFlight._parameters = lambda self: 1 / 0\n"
    ran = run(spoil + loop("pass", end="print('done')"))
    assert (ran.code, ran.stdout) == (0, "done\n")
    assert "nothing more is recorded: ZeroDivisionError" in ran.stderr


def test_program_runs_a_module_with_its_own_path_and_arguments(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "other.py").write_text("word = 'found'", encoding="utf-8")
    (tmp_path / "pkg" / "train.py").write_text(
        "import sys\nfrom . import other\nprint(other.word, sys.argv[1:], __name__, __spec__.name, sys.path[0])\n"
        "print('torch' in sys.modules, 'nanlog.record.flight' in sys.modules)\nsys.exit(5)",
        encoding="utf-8",
    )
    ran = nanlog_record(tmp_path, "-m", "pkg.train", "--probe-from", "-q", "x")
    assert ran.code == 5
    assert ran.stdout == f"found ['--probe-from', '-q', 'x'] __main__ pkg.train {tmp_path}\nFalse False\n"
    assert ran.stderr == "nanlog: pkg.train did not import torch: there was nothing to record\n"


def test_program_shows_a_script_what_python_shows_it(tmp_path: Path) -> None:
    (tmp_path / "show.py").write_text(
        "import sys, __main__\nprint(__file__, __name__, __spec__, sys.argv, sys.path[:2])\n"
        "print(vars(__main__) is globals())\n"
        "print(sorted(globals()))\nraise ValueError('as it is')\n",
        encoding="utf-8",
    )
    bare = subprocess.run(
        [sys.executable, "show.py", "a"], cwd=tmp_path, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    ran = nanlog_record(tmp_path, "-q", "show.py", "a")
    assert (ran.code, ran.stdout, ran.stderr) == (bare.returncode, bare.stdout, bare.stderr)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.py"], "there is no script nowhere.py"),
        (["train"], "did you mean train.py"),
        (["pkg.train"], "nanlog record -m pkg.train"),
        (["train.log"], "nanlog diagnose train.log"),
        (["--probe-from", "-1", "train.py"], "-1 is not in the range"),
    ],
)
def test_wrong_usage_is_said_before_anything_runs(tmp_path: Path, words: list[str], says: str) -> None:
    for name in ("train.py", "train.log"):
        (tmp_path / name).write_text("raise SystemExit(9)", encoding="utf-8")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        result = CliRunner().invoke(cli, ["record", *words])
    finally:
        os.chdir(before)
    assert result.exit_code == 2
    assert says in result.output


def test_help_loads_no_framework() -> None:
    code = (
        "import sys; from nanlog.cli import cli; cli(['record', '-h'], standalone_mode=False); print(list(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    loaded = done.stdout.splitlines()[-1]
    assert not [name for name in ("torch", "numpy", "pandas", "rich", "lightning") if f"'{name}'" in loaded]


LIGHTNING = """
import logging, sys, warnings
warnings.simplefilter("ignore")
import lightning.pytorch as pl, torch
from nanlog.record import LightningRecorder
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
class System(pl.LightningModule):
    def __init__(self, width=8):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.Dropout(0.2), torch.nn.Linear(width, 1))
    def training_step(self, batch, index):
        return (self.net(batch[0])[:, 0] - batch[1]).square().mean()
    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)]
torch.manual_seed(0)
x = torch.randn(160, 4)
x[130, 2] = float("nan")
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(1)), batch_size=8)
recorder = LightningRecorder("train.py:System", "record", state_every=6, stop=True)
trainer = pl.Trainer(max_epochs=3, callbacks=[recorder], logger=False, enable_checkpointing=False, accelerator="cpu",
    enable_progress_bar=False, enable_model_summary=False, accumulate_grad_batches=int(sys.argv[1]))
trainer.fit(System(), loader)
print(recorder.found, trainer.global_step)
"""
KERAS = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy
from nanlog.record import KerasRecorder
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(4, activation="relu", name="hidden"),
    keras.layers.Dropout(0.5), keras.layers.Dense(1, name="out")])
model.compile("adam", "mse")
x = numpy.random.rand(200, 3)
y = x.sum(1)
y[110] = numpy.nan
recorder = KerasRecorder("train.py:build", "record", state_every=5, stop=True)
step = model.train_step
history = model.fit(x, y, batch_size=4, verbose=0, shuffle=False, callbacks=[recorder])
print(recorder.found, model.train_step == step)
"""


@pytest.fixture(scope="module")
def lightning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    server = forked(tmp_path_factory.mktemp("lightning"), "lightning.pytorch")
    yield server
    server.close()


@pytest.mark.parametrize(("accumulate", "step"), [("1", 16), ("4", 4)])
def test_lightning_callback(lightning: Forked, accumulate: str, step: int) -> None:
    import torch

    ran = lightning(LIGHTNING, accumulate, recorded=False)
    assert ran.code == 0, ran.stderr
    assert ran.stdout == f"the loss was nan {step + 1}\n"
    manifest = read_manifest(ran.bundles[0])
    assert manifest is not None
    assert (manifest.framework, manifest.bad_step, manifest.target) == ("lightning", step, "train.py:System")
    state = torch.load(ran.bundles[0] / "state.pt", weights_only=True)
    batches = torch.load(ran.bundles[0] / "batches.pt", weights_only=True)["batches"]
    assert state["hyper_parameters"] == {"width": 8}
    assert state["global_step"] == manifest.state_step
    assert [len(each) for each in batches.values()] == [int(accumulate)] * len(batches)
    assert "net.0.weight" in state["state_dict"]
    assert {"optimizer_states", "lr_schedulers", "loops", "precision"} <= state.keys()


def test_keras_callback(tmp_path: Path) -> None:
    import torch

    server = forked(tmp_path, "keras")
    ran = server(KERAS, recorded=False)
    server.close()
    assert ran.code == 0, ran.stderr
    assert ran.stdout == "the loss was nan True\n"
    manifest = read_manifest(ran.bundles[0])
    assert manifest is not None
    assert (manifest.framework, manifest.bad_step, manifest.state_step, manifest.state) == (
        "keras",
        27,
        20,
        "model.keras",
    )
    state = torch.load(ran.bundles[0] / "state.pt", weights_only=True)
    assert "sequential/hidden/kernel" in state["variables"]
    assert (ran.bundles[0] / "model.keras").is_file()
    row = json.loads((ran.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert {"sequential/hidden", "sequential/out"} == set(row["grads"])
    assert row["lr"] == pytest.approx(1e-3)
