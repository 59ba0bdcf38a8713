"""Unchanged scripts of five kinds, really trained and really broken: phase, module, operator and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from record.recording import SCRIPTS, Forked, forked, line_of, nanlog_record


@dataclass(frozen=True)
class Fault:
    """What a script does for ``name``; ``line`` says that a line of it bears the name."""

    script: str
    name: str
    step: int
    phase: str
    op: str | None = None
    module: str | None = None
    tensor: str | None = None
    line: bool = True
    samples: tuple[int, ...] | None = None

    @property
    def file(self) -> Path:
        return SCRIPTS / f"{self.script}.py"


class Healthy(NamedTuple):
    """A script that stays healthy, and how many steps it makes."""

    script: str
    name: str
    steps: int


FAULTS = [
    Fault("torch_plain", "log_0", 9, "forward", "log", samples=(0, 1, 2, 4)),
    Fault("torch_plain", "sqrt_gradient", 9, "backward", "sqrt"),
    Fault("torch_plain", "masked_row", 9, "forward", "softmax", "attention", samples=(3,)),
    Fault("torch_plain", "eps_0", 9, "forward", "div", "blocks.0.norm"),
    Fault("torch_plain", "empty_mean", 9, "forward", "mean"),
    Fault("torch_plain", "nan_input", 8, "input", tensor="input", line=False, samples=(1,)),
    Fault("torch_plain", "nan_written", 9, "input", tensor="input", line=False, samples=(5,)),
    Fault("torch_amp", "float16_overflow", 7, "forward", "mul", "gates.0"),
    Fault("torch_amp", "bfloat16_division", 7, "forward", "div", "gates.0"),
    Fault("lightning_trainer", "likelihood", 6, "forward", "div"),
    Fault("lightning_trainer", "acos_edge", 6, "backward", "acos", "encoder"),
    Fault("lightning_trainer", "nan_label", 6, "input", tensor="label", line=False, samples=(3,)),
    Fault("huggingface_trainer", "focal_loss", 5, "forward", "log", samples=(1, 2, 3)),
    Fault("huggingface_trainer", "gpt2_norm", 0, "forward", "layer_norm", "transformer.h.1.ln_2"),
    Fault(
        "huggingface_trainer",
        "spoilt_weight",
        4,
        "parameter",
        module="bert.encoder.layer.1.output.dense",
        tensor="bert.encoder.layer.1.output.dense.weight",
        line=False,
    ),
    Fault("keras_fit", "unit_of_zero", 5, "forward", "div", "unit", samples=(3,)),
    Fault("keras_fit", "log_of_zero", 0, "forward", "log"),
    Fault("keras_fit", "infinite_input", 5, "input", tensor="input", line=False, samples=(2,)),
]
#: With updates that a loss scaler leaves out, and with steps of several batches.
HEALTHY = [
    Healthy("torch_plain", "none", 24),
    Healthy("torch_amp", "none", 20),
    Healthy("torch_amp", "skipped", 20),
    Healthy("lightning_trainer", "none", 20),
    Healthy("huggingface_trainer", "none", 12),
    Healthy("huggingface_trainer", "accumulated", 6),
    Healthy("keras_fit", "none", 22),
]
MODULES = {
    "torch_plain": ("torch",),
    "torch_amp": ("torch",),
    "lightning_trainer": ("lightning.pytorch",),
    "huggingface_trainer": ("transformers.trainer", "transformers.models.bert", "transformers.models.gpt2"),
    "keras_fit": ("keras",),
}


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """The process that has the framework of the script; one at a time, since each holds hundreds of megabytes."""
    server = forked(tmp_path_factory.mktemp("runs"), *request.param)
    yield server
    server.close()


def _by_framework(cases: list[Any]) -> list[Any]:
    """With what their script imports, so that pytest puts those together that can share a process."""
    return [pytest.param(MODULES[case.script], case, id=f"{case.script}-{case.name}") for case in cases]


@pytest.mark.parametrize(("run", "fault"), _by_framework(FAULTS), indirect=["run"], scope="module")
def test_fault_is_found_where_it_is(run: Forked, fault: Fault, tmp_path: Path) -> None:
    ran = run(fault.file, fault.name, str(tmp_path))
    assert ran.code == 0, ran.stderr
    first = ran.first
    assert (first.step, first.phase, first.module, first.op) == (fault.step, fault.phase, fault.module, fault.op)
    assert first.tensor == fault.tensor
    assert first.samples == fault.samples
    if fault.line and fault.name != "gpt2_norm":
        assert (first.file, first.line) == (fault.file.name, line_of(fault.file, fault.name))
    assert [bundle.name for bundle in ran.bundles] == [f"bundle-step{fault.step}"]
    assert ran.outcome.checkpoint == str(ran.bundles[0])


@pytest.mark.parametrize(("run", "healthy"), _by_framework(HEALTHY), indirect=["run"], scope="module")
def test_healthy_script_is_as_without_the_recorder(run: Forked, healthy: Healthy, tmp_path: Path) -> None:
    words = (SCRIPTS / f"{healthy.script}.py", healthy.name, str(tmp_path))
    bare, ran, light = run(*words, recorded=False), run(*words), run(*words, probe_first=0.0)
    assert (ran.code, light.code, bare.code) == (0, 0, 0), ran.stderr + light.stderr
    assert _untimed(ran.stdout) == _untimed(light.stdout) == _untimed(bare.stdout) != ""
    assert ran.stderr == light.stderr == bare.stderr  # a warning of torch's own
    assert not ran.bundles
    assert [row["step"] for row in ran.rows] == [row["step"] for row in light.rows] == list(range(healthy.steps))
    assert [row["loss"] for row in ran.rows] == [row["loss"] for row in light.rows]
    assert [path.name for path in light.folder.iterdir()] == ["log.jsonl"]


def _untimed(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if "train_runtime" not in line)


@pytest.mark.parametrize(
    "fault", [FAULTS[2], FAULTS[7], FAULTS[10], FAULTS[12], FAULTS[15]], ids=lambda fault: fault.script
)
def test_second_run_with_the_probe_finds_it(fault: Fault, tmp_path: Path) -> None:
    """The program itself, as a user calls it: once without the first look, once more from shortly before."""
    words = (str(fault.file), fault.name, str(tmp_path))
    if fault.script == "torch_plain":
        ran = nanlog_record(tmp_path, "--probe-first", "0", "--locate", *words)
        assert "running the script again" in ran.stderr
    else:
        ran = nanlog_record(tmp_path, "--probe-from", str(fault.step - 1), *words)
    assert ran.code == 0, ran.stderr
    first = ran.first
    assert (first.step, first.phase, first.module, first.op) == (fault.step, fault.phase, fault.module, fault.op)
    assert first.line == line_of(fault.file, fault.name)
    assert f"{fault.file.name}:{first.line}" in ran.stderr
