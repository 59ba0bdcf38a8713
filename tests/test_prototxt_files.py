"""Definitions of solvers and nets given on their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanlog import diagnose
from nanlog.model import Report

SOLVER = """net: "train_val.prototxt"
base_lr: 0.01
lr_policy: "poly"
power: 0.9
snapshot_prefix: "lenet"
"""
NET = """name: "tiny"
layer { name: "data" type: "Input" top: "data" include { phase: TEST } }
layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TRAIN }
}
layer {
  name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: AVE kernel_size: 2 stride: 3 }
}
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 10 } }
"""


def report_of(tmp_path: Path, name: str, text: str) -> Report:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return diagnose(str(path))


@pytest.mark.parametrize(
    ("name", "text", "hazards"),
    [
        ("solver.prototxt", SOLVER, {"poly without max_iter": 3}),
        ("train_val.prototxt", NET, {"pools AVE with a stride above its kernel": 9, "has no weight_filler": 11}),
    ],
)
def test_hazards_of_a_definition(tmp_path: Path, name: str, text: str, hazards: dict[str, int]) -> None:
    report = report_of(tmp_path, name, text)
    assert (report.run.parser, report.verdict) == ("prototxt", "cannot_judge")
    found = {words: note.line for note in report.notes for words in hazards if words in note.says}
    assert found == hazards
    assert len(report.notes) == len(hazards)


def test_layers_are_numbered_as_in_the_training_net(tmp_path: Path) -> None:
    run = report_of(tmp_path, "net.prototxt", NET).run
    names = [fact.value for fact in run.facts if fact.key.endswith("].name")]
    assert names == ["data", "pool", "fc"]
    assert run.fact("net.train.layer[1].pooling_param.stride") is not None
    assert run.fact("net.train.layer[3].name") is None


def test_what_is_broken_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    run = report_of(tmp_path, "solver.prototxt", SOLVER + "momentum: }\nweight_decay: 0.0005\n").run
    assert run.unread_count > 0
    assert run.fact("solver.base_lr") is not None
    assert run.fact("solver.weight_decay") is not None


def test_beside_a_log(tmp_path: Path, root: Path) -> None:
    sample = root / "sample_logs" / "caffe" / "lr_too_high_stays_finite" / "train.log"
    (tmp_path / "train.log").write_bytes(sample.read_bytes())
    (tmp_path / "solver.prototxt").write_text(SOLVER, encoding="utf-8")
    report = diagnose(str(tmp_path))
    assert (report.run.parser, report.verdict) == ("caffe+prototxt", "unhealthy")
    assert report.findings[0].rule == "lr_too_high"
