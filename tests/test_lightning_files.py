"""metrics.csv and hparams.yaml, recognition, and what several files of one training say together."""

from __future__ import annotations

import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from labelled_logs import Sample, samples_of
from lightning_logs import HEADER, SAMPLES, read, read_files, read_path, tqdm
from nanlog.pipeline import diagnose
from nanlog_parsers.lightning import PARSER
from nanlog_parsers.lightning._hparams import Setting, settings

#: Equal to any NaN.
NAN: Any = pytest.approx(math.nan, nan_ok=True)

#: lightning 2: columns by name, a row of LearningRateMonitor without an epoch, rows of a validation.
SORTED = """epoch,lr-SGD,step,train_loss,val_acc,val_loss
,0.1,9,,,
0,,9,2.5,,
,nan,19,,,
0,,19,nan,,
0,,19,,0.5,inf
"""
#: pytorch-lightning 1: columns in the order in which they were first logged.
AS_LOGGED = """train_loss,epoch,step,val_loss,val_acc
2.5,0,9,,
nan,0,19,,
,0,19,inf,0.5
"""


@pytest.mark.parametrize("text", [SORTED, AS_LOGGED, SORTED.replace("\n", "\r\n")])
def test_an_empty_cell_is_no_point(text: str) -> None:
    found = read(text, "metrics.csv")
    assert found.points("train_loss") == [(9, 2.5), (19, NAN)]
    assert found.points("val_loss") == [(19, math.inf)]
    assert found.points("val_acc") == [(19, 0.5)]
    assert not {"epoch", "step"} & found.table.keys()
    assert not found.unread


def test_lines_and_rates() -> None:
    assert read(SORTED, "metrics.csv").table["lr-SGD"] == [(9, 0.1, 2), (19, NAN, 4)]


def test_gradient_norms_have_their_layers() -> None:
    text = "epoch,grad_2.0_norm/net.0.weight,grad_2.0_norm_total,step,train_loss\n0,nan,nan,125,2.1\n0,,,126,nan\n"
    found = read(text, "metrics.csv")
    assert {name: (info.name, info.layer) for name, info in found.infos.items()} == {
        "grad_2.0_norm/net.0.weight": ("grad_norm/net.0.weight", found.infos["grad_2.0_norm/net.0.weight"].layer),
        "grad_2.0_norm_total": ("grad_norm", None),
        "train_loss": ("loss", None),
    }
    assert found.points("grad_2.0_norm_total") == [(125, NAN)]


def test_values_of_steps_and_means_of_epochs() -> None:
    found = read("epoch,step,train_loss_epoch,train_loss_step\n0,9,,2.5\n0,19,2.4,\n", "metrics.csv")
    assert (found.infos["train_loss_step"].name, found.infos["train_loss_epoch"].name) == ("loss", "loss_smoothed")


def test_batches_of_a_validation_belong_to_the_step_before_them() -> None:
    """Their own step counts the batches of the validation."""
    text = (
        "epoch,step,train_loss,val_loss_epoch,val_loss_step\n0,99,1.0,,\n0,0,,,2.0\n0,1,,,nan\n0,99,,3.0,\n1,199,,,\n"
    )
    found = read(text, "metrics.csv")
    assert found.points("val_loss_step") == [(99, 2.0), (99, NAN)]
    assert found.points("val_loss_epoch") == [(99, 3.0)]


def test_the_validation_is_the_first_evaluation_set() -> None:
    found = read("epoch,step,test_loss,val_loss\n0,9,,1.0\n1,9,2.0,\n", "metrics.csv")
    assert found.infos["val_loss"].name == "val/loss"


def test_a_row_that_was_cut_is_no_damage() -> None:
    assert not read(SORTED + "0,,29,2.", "metrics.csv").unread
    assert len(read(SORTED + "0,,29\n0,,39,1.0,,\n", "metrics.csv").unread) == 1


HPARAMS = """# written by hand
lr: 0.1
eps: 1.0e-05
short: 1e-8
off: null
flag: true
limit: .inf
name: 'it''s: "this" # no comment'
layers:
- 64
- 32
sizes: [3, 0.5, a]
empty: []
cfg: !!python/object:argparse.Namespace
  betas: !!python/tuple
  - 0.9
  - 0.999
  optimizer:
    name: SGD   # a comment
    nested:
    - - 1
      - 2
    - c: 3
      d: 4
  run: !!python/object/apply:os.system ["echo harm"]
  text: |
    key: value
      more
  long: a text that
    goes on
  after: 5
other: &id001 x
alias: *id001
url: http://host:80/a
"""


def test_settings_are_flat() -> None:
    found = {setting.path: setting.value for setting in settings(enumerate(HPARAMS.split("\n"), 1))}
    assert found == {
        "lr": 0.1,
        "eps": 1e-5,
        "short": 1e-8,
        "off": "null",
        "flag": True,
        "limit": math.inf,
        "name": 'it\'s: "this" # no comment',
        "layers[0]": 64,
        "layers[1]": 32,
        "sizes[0]": 3,
        "sizes[1]": 0.5,
        "sizes[2]": "a",
        "cfg.betas[0]": 0.9,
        "cfg.betas[1]": 0.999,
        "cfg.optimizer.name": "SGD",
        "cfg.optimizer.nested[0][0]": 1,
        "cfg.optimizer.nested[0][1]": 2,
        "cfg.optimizer.nested[1].c": 3,
        "cfg.optimizer.nested[1].d": 4,
        "cfg.run": '["echo harm"]',
        "cfg.text": "key: value\nmore",
        "cfg.long": "a text that goes on",
        "cfg.after": 5,
        "other": "x",
        "url": "http://host:80/a",
    }


def test_settings_have_their_lines_and_types() -> None:
    found = list(settings([(1, "a: 1"), (2, "b: yes"), (3, "c: 007x"), (4, "d:"), (5, "e: -.inf")]))
    assert found == [Setting("a", 1, 1), Setting("b", True, 2), Setting("c", "007x", 3), Setting("e", -math.inf, 5)]
    assert [type(setting.value) for setting in found] == [int, bool, str, float]


def test_what_pyyaml_writes_is_read_back() -> None:
    yaml = import_module("yaml")  # comes with Lightning, without types
    tree = {
        "a": {"b": [1, 2.5, {"c": "x: y", "d": ["- no", "#", "[x]"]}], "e": "multi\nline ' \"", "f": "word " * 40},
        "g": [[1, [2]], []],
        "h": {"true": "yes", "n": None, "i": float("inf"), "t": (1, 2)},
    }
    found = {setting.path: setting.value for setting in settings(enumerate(yaml.dump(tree).split("\n"), 1))}
    assert found["a.b[2].d[1]"] == "#"
    assert str(found["a.f"]).split() == ["word"] * 40
    assert (found["a.b[0]"], found["a.b[1]"], found["a.b[2].c"], found["a.b[2].d[2]"]) == (1, 2.5, "x: y", "[x]")
    assert (found["g[0][0]"], found["g[0][1][0]"]) == (1, 2)
    assert (found["h.true"], found["h.n"], found["h.i"], found["h.t[1]"]) == ("yes", "null", math.inf, 2)


def test_the_settings_of_lightning_cli() -> None:
    text = b"# lightning.pytorch==2.6.6\nseed_everything: 42\ntrainer:\n  precision: 16-mixed\nmodel:\n  lr: 0.1\n"
    found = read_files({"config.yaml": text})
    assert (found.facts["seed"], found.facts["trainer.precision"], found.facts["hparams.model.lr"]) == (
        42,
        "16-mixed",
        0.1,
    )


@pytest.mark.parametrize("sample", samples_of("lightning"), ids=lambda sample: sample.id)
def test_recognised(sample: Sample) -> None:
    for file in sample.files:
        assert PARSER.score(file.name, file.read_bytes()[:65536]) >= 0.85


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("log.txt", b""),
        ("metrics.csv", b"epoch,accuracy,loss,val_loss\n0,0.5,1.2,1.3\n"),
        ("results.csv", b"step,loss\n1,2.5\n2,2.4\n"),
        ("config.yaml", b"model: gpt\nlr: 0.1\n"),
        ("train.log", b"Epoch 1/5\n10/10 - 0s - loss: nan\n"),
        ("train.log", b"Epoch 1:  50%|#####     | 5/10 [00:00<00:00, 10.2it/s, loss=nan]\r"),
        ("train.log", b"Validating: 100%|###| 5/5 [00:00<00:00, 10.2it/s]\n"),
        ("train.log", b"Training: loss nan\nEpoch 0, step 10, loss nan\n"),
        ("x", bytes(range(256)) * 20),
    ],
)
def test_other_files_are_not_ours(name: str, head: bytes) -> None:
    assert PARSER.score(name, head) == 0.0


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("metrics.csv", SORTED.encode()),
        ("metrics.csv", AS_LOGGED.encode()),
        ("metrics.csv", b"epoch,step,train_loss\n0,9,2.5\n"),
        ("hparams.yaml", b"lr: 0.1\n"),
        ("hparams.yaml", b"{}\n"),
        ("train.log", HEADER.encode()),
        ("train.log", tqdm(3, 5, 10, "loss=nan, v_num=0").encode()),
        ("train.log", b"x\nMonitored metric val_loss = nan is not finite. Previous best value was 1.\n"),
    ],
)
def test_ours(name: str, head: bytes) -> None:
    assert PARSER.score(name, head) >= 0.85


def test_bars_beside_a_table_count_as_the_table_does() -> None:
    """A table counts steps from 0, a bar counts batches from 1."""
    log = f"{HEADER}\r{tqdm(0, 10, 20, 'v_num=0, train_loss=2.500')}\r{tqdm(0, 20, 20, 'v_num=0, train_loss=nan.0')}"
    found = read_files({"train.log": log.encode(), "version_0/metrics.csv": SORTED.encode()})
    assert sorted(found.steps("train_loss")) == [9, 9, 19, 19]


def test_a_folder_of_a_training(tmp_path: Path) -> None:
    version = tmp_path / "lightning_logs" / "version_0"
    version.mkdir(parents=True)
    for name in ("metrics.csv", "hparams.yaml"):
        (version / name).write_bytes((SAMPLES / "sqrt_of_zero_gradient_norms_csv" / name).read_bytes())
    report = diagnose(str(tmp_path))
    assert report.onset is not None
    assert (report.onset.step, report.onset.line) == (125, 129)
    fact = report.run.fact("hparams.lr")
    assert fact is not None
    assert (fact.value, fact.line, Path(fact.file).name) == (0.1, 3, "hparams.yaml")


def test_versions_of_a_training_are_attempts(tmp_path: Path) -> None:
    for number, lr in enumerate((0.1, 0.2)):
        version = tmp_path / f"version_{number}"
        version.mkdir()
        (version / "metrics.csv").write_text(
            "epoch,step,train_loss,val_loss\n" + "".join(f"0,{step},1.5,\n" for step in range(9))
        )
        (version / "hparams.yaml").write_text(f"lr: {lr}\n")
    run = diagnose(str(tmp_path)).run
    assert len(run.attempts) == 2
    fact = run.of_attempt(1).fact("hparams.lr")
    assert fact is not None
    assert fact.value == 0.2


@pytest.mark.parametrize("sample", samples_of("lightning"), ids=lambda sample: sample.id)
def test_first_bad_steps_of_every_series(sample: Sample) -> None:
    table = read_path(sample.log).table
    for name, step in sample.label.get("onset_by_series", {}).items():
        if name in table:
            assert next(at for at, value, _ in table[name] if not math.isfinite(value)) == step
        else:
            assert name == "anomaly_error"
