"""The probe names phase, module, operator, line, tensor and sample of faults, and nothing in what only looks faulty."""

from __future__ import annotations

import math

import pytest
import torch

from nanlog.replay.worker.probe import Probe
from replay.faults import FAULTS, HARMLESS, Fault, Made

pytestmark = pytest.mark.filterwarnings(
    "ignore:std\\(\\). degrees of freedom:UserWarning",  # a fault of its own
    "ignore:.*lr_scheduler:UserWarning",
)


def probed(made: Made) -> Probe:
    probe = Probe(made.model, step=7, inputs=made.batch)
    try:
        with probe:
            made.step(made.batch)
    except (IndexError, ValueError, RuntimeError):
        assert probe.first is not None
    return probe


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_fault_is_named(fault: Fault) -> None:
    torch.manual_seed(1)
    probe = probed(fault.make())
    first = probe.first
    assert first is not None
    assert not probe.unread
    assert (first.step, first.phase, first.op, first.module) == (7, fault.phase, fault.op, fault.module)
    assert (first.tensor, first.samples) == (fault.tensor, fault.samples)
    assert first.line == fault.at
    assert first.file is None if fault.at is None else first.file is not None and first.file.endswith("faults.py")


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_is_not_blamed(name: str) -> None:
    torch.manual_seed(1)
    probe = probed(HARMLESS[name]())
    assert probe.first is None
    assert probe.loss is not None
    assert math.isfinite(probe.loss)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("causal", "full wrote -inf on purpose"),
        ("where_forward", "log gave -inf in 24 of 24 values"),
        ("clipped_to_nothing", "norm gave inf in 1 of 1 value"),
        ("frozen_nan", "spare holds nan in 2 of 2 values"),
    ],
)
def test_harmless_places_are_listed(name: str, says: str) -> None:
    torch.manual_seed(1)
    assert [each for each in probed(HARMLESS[name]()).benign if each.says.startswith(says)]


def test_step_that_a_loss_scaler_skipped_is_told() -> None:
    torch.manual_seed(1)
    assert probed(HARMLESS["skipped_by_scaler"]()).skipped
    assert not probed(HARMLESS["healthy"]()).skipped


def test_finding_holds_the_operands_the_value_and_the_way() -> None:
    torch.manual_seed(1)
    first = probed(FAULTS["masked_row"].make()).first
    assert first is not None
    assert (first.value, first.dtype, first.module_type) == ("nan", "float32", "Middle")
    assert first.code is not None
    assert "softmax(-1)" in first.code
    assert first.operands[0].made_by == "masked_fill"
    assert first.operands[0].nonfinite == 6
    assert first.via[-1] == "cross_entropy"


def test_exception_passes_through_and_is_quoted() -> None:
    made = FAULTS["label_out_of_range"].make()
    with pytest.raises(IndexError, match="out of bounds"), Probe(made.model, inputs=made.batch) as probe:
        made.step(made.batch)
    assert probe.first is not None
    assert probe.first.value is not None
    assert probe.first.value.startswith("IndexError: Target ")


def test_ranges_lead_up_to_the_overflow() -> None:
    torch.manual_seed(1)
    probe = probed(FAULTS["exp_overflow"].make())
    ops = [(each.op, each.module) for each in probe.ranges if each.phase == "forward"]
    assert ops.index(("linear", "fc")) < ops.index(("exp", "middle"))
    fc = next(each for each in probe.ranges if each.module == "fc")
    assert (fc.nonfinite, fc.results) == (0, 1)
    assert fc.minimum < 0 < fc.maximum


def test_a_whole_script_is_probed_step_by_step() -> None:
    torch.manual_seed(1)
    made = HARMLESS["healthy"]()
    probe = Probe(made.model, ranges=False)
    probe.attach()
    try:
        for step in range(4):
            if step == 3:
                made.batch[0][2, 1] = math.nan
            probe.begin_step(step, made.batch)
            made.step(made.batch)
            probe.end_step()
            assert (probe.first is None) == (step < 3)
    finally:
        probe.detach()
    assert probe.first is not None
    assert (probe.first.step, probe.first.tensor) == (3, "input")
