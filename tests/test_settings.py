"""Configuration files: whose they are, what is read from them, and what stands beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from nanlog import diagnose
from nanlog.cli import cli
from nanlog.errors import UnreadableError
from nanlog.model import FactValue, Piece, Run
from nanlog.registry import choose
from nanlog.source import open_source
from nanlog_parsers.settings import PARSER
from nanlog_parsers.settings._tree import from_json, from_yaml

DEEPSPEED = """{
  "train_micro_batch_size_per_gpu": "auto",
  "zero_optimization": {"stage": 2},
  "fp16": {"enabled": true, "loss_scale": 0},
  "optimizer": {
    "type": "AdamW",
    "params": {"lr": 3e-5, "betas": [0.9, 0.95]}
  }
}
"""
MODEL = """{
  "architectures": ["GPT2LMHeadModel"],
  "initializer_range": 0.02,
  "layer_norm_epsilon": 1e-05,
  "model_type": "gpt2",
  "task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}},
  "vocab_size": 50257
}
"""
ARGUMENTS = (
    '{\n  "learning_rate": 5e-05,\n  "lr_scheduler_type": "linear",\n  "max_grad_norm": 1.0,\n  "fp16": true\n}\n'
)
KERAS = json.dumps(
    {
        "class_name": "Sequential",
        "config": {
            "layers": [
                {"class_name": "InputLayer", "config": {"name": "input"}},
                {"class_name": "BatchNormalization", "config": {"name": "bn", "epsilon": 0.001}},
            ]
        },
        "keras_version": "3.15.0",
    }
)
TRACKER = "wandb_version: 1\nlr:\n  desc: null\n  value: 0.1\noptimizer:\n  value: adam\nepochs:\n  value: 3\n"
ACCELERATE = "compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nmixed_precision: fp16\n"


def read(tmp_path: Path, name: str, text: str) -> Run:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return diagnose(str(path)).run


@pytest.mark.parametrize(
    ("name", "text", "facts"),
    [
        (
            "ds_config.json",
            DEEPSPEED,
            {
                "deepspeed.fp16.enabled": (True, 4),
                "precision": ("fp16", 4),
                "optimizer": ("AdamW", 6),
                "deepspeed.optimizer.params.lr": (3e-5, 7),
                "deepspeed.optimizer.params.betas[1]": (0.95, 7),
                "deepspeed.train_micro_batch_size_per_gpu": ("auto", 2),
            },
        ),
        (
            "config.json",
            MODEL,
            {
                "model.architectures[0]": ("GPT2LMHeadModel", 2),
                "model.layer_norm_epsilon": (1e-5, 4),
                "model.task_specific_params.text-generation.max_length": (50, 6),
            },
        ),
        ("training_args.json", ARGUMENTS, {"hparams.learning_rate": (5e-5, 2), "hparams.fp16": (True, 5)}),
        (
            "model.json",
            KERAS,
            {
                "model.layer[1].type": ("BatchNormalization", 1),
                "model.layer[1].name": ("bn", 1),
                "model.config.layers[1].config.epsilon": (0.001, 1),
            },
        ),
        ("config.yaml", TRACKER, {"hparams.lr": (0.1, 4), "hparams.optimizer": ("adam", 6), "hparams.epochs": (3, 8)}),
        ("default_config.yaml", ACCELERATE, {"hparams.mixed_precision": ("fp16", 3)}),
        ("hyp.yaml", "lr0: 0.01\nlrf: 0.1\nmomentum: 0.937\nwarmup_epochs: 3.0\n", {"hparams.lr0": (0.01, 1)}),
        (
            "args.json",
            '{"lr": 0.1, "batch_size": 4,\n "epochs": 3, "seed": 7}',
            {"hparams.epochs": (3, 2), "seed": (7, 2)},
        ),
    ],
)
def test_settings_of_each_kind(tmp_path: Path, name: str, text: str, facts: dict[str, tuple[FactValue, int]]) -> None:
    run = read(tmp_path, name, text)
    assert run.parser == "settings"
    found = {fact.key: (fact.value, fact.line) for fact in run.facts}
    assert {key: found.get(key) for key in facts} == facts


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trainer_state.json", '{"log_history": [{"loss": 1.0, "step": 1}], "global_step": 1, "logging_steps": 1}'),
        ("results.json", '{"lr": 0.1, "epochs": 3, "batch_size": 4, "history": {"loss": [1, 2]}}'),
        ("results.json", '{"per_device_train_batch_size": 1, "max_grad_norm": 1, "train_loss": [3.0, 2.0]}'),
        ("log.json", '{"lr": 0.1, "epochs": 1, "batch_size": 4}\n{"lr": 0.1, "epochs": 2, "batch_size": 4}\n'),
        ("train.log", ARGUMENTS + "step 1 loss 2.0\nstep 2 loss 1.0\n"),
        ("generation_config.json", '{"eos_token_id": 2, "transformers_version": "4.40.0"}'),
        ("tokenizer_config.json", '{"model_max_length": 512, "tokenizer_class": "BertTokenizer"}'),
        ("label.json", '{"cause": "lr_too_high", "params": {"lr": 0.1, "epochs": 3, "batch_size": 4}}'),
        ("package.json", '{"name": "x", "version": "1.0.0", "scripts": {"test": "jest"}}'),
        ("docker-compose.yml", "services:\n  web:\n    image: nginx\n"),
        ("train.py", "lr: float = 0.1\nepochs: int = 3\nbatch_size: int = 4\n"),
    ],
)
def test_what_is_no_configuration_of_a_training(name: str, text: str) -> None:
    assert PARSER.score(name, text.encode()) == 0


def test_a_log_that_begins_with_its_settings_stays_a_log(tmp_path: Path) -> None:
    text = ARGUMENTS + "".join(f"step {step} loss {2 - step / 10}\n" for step in range(12))
    assert read(tmp_path, "train.log", text).parser == "text"


def test_settings_beside_a_log_are_facts_of_its_run(tmp_path: Path, root: Path) -> None:
    sample = root / "sample_logs" / "deepspeed" / "healthy_deepspeed"
    log = next(path for path in sample.iterdir() if path.name != "label.json")
    (tmp_path / log.name).write_bytes(log.read_bytes())
    (tmp_path / "ds_config.json").write_text(DEEPSPEED.replace('"lr": 3e-5', '"lr": 3'), encoding="utf-8")
    report = diagnose(str(tmp_path))
    assert (report.run.parser, report.verdict) == ("deepspeed+settings", "healthy")
    hazard = next(note for note in report.notes if "lr: 3" in note.says)
    assert (Path(hazard.file or "").name, hazard.line) == ("ds_config.json", 7)


def test_what_is_said_of_settings_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    said = {}
    for name, epsilon in (("usual", 1e-5), ("hazardous", 0)):
        path.write_text(MODEL.replace("1e-05", str(epsilon)), encoding="utf-8")
        found = CliRunner().invoke(cli, ["diagnose", "--no-store", str(path)])
        assert found.exit_code == 3
        said[name] = " ".join(found.stdout.split())
    assert "7 settings here and no log: only hazards can be named. None of them is a hazard" in said["usual"]
    assert "hazard: layer_norm_epsilon: 0 lets a normalisation divide by zero config.json:4" in said["hazardous"]
    assert "None of them" not in said["hazardous"]


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    """What ``training_args.bin`` holds could run; it is named among the files that were left out."""
    (tmp_path / "config.json").write_text(MODEL, encoding="utf-8")
    (tmp_path / "training_args.bin").write_bytes(b"\x80\x04cos\nsystem\n(S'exit 9'\ntR.")
    with_pickle = choose(open_source(str(tmp_path)))
    assert [Path(file).name for file in with_pickle.left_out] == ["training_args.bin"]
    with pytest.raises(UnreadableError, match=r"never opened: give to_json_string\(\)"):
        diagnose(str(tmp_path / "training_args.bin"))


def test_damaged_json_is_read_as_far_as_it_goes() -> None:
    text = b'{"a": 1, // why\n "b": [1, 2,], "c": NaN, "d": "open\n, "e": -Infinity, "f": {"g": 2}'
    found = {each.path: each.value for each in from_json([Piece("f", text, 1)])}
    assert (found["a"], found["b[1]"], found["f.g"]) == (1, 2, 2)
    assert found["c"] != found["c"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text("abc .-", max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from("abcde"), JSON, max_size=5), st.sampled_from([None, 1]))
def test_every_scalar_is_found_at_its_place(document: dict[str, object], indent: int | None) -> None:
    """Also where a piece ends within a line."""
    text = json.dumps(document, indent=indent).encode()
    wanted = dict(places(document, ""))
    for size in (len(text), 7):
        pieces = [Piece("f", text[at : at + size], 1) for at in range(0, len(text), size)]
        assert {each.path: each.value for each in from_json(pieces)} == wanted


def places(value: object, path: str) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        parts = [places(inner, f"{path}.{key}" if path else key) for key, inner in value.items()]
        return [each for part in parts for each in part]
    if isinstance(value, list):
        parts = [places(inner, f"{path}[{index}]") for index, inner in enumerate(value)]
        return [each for part in parts for each in part]
    return [(path, "null" if value is None else value)]


@given(st.binary(max_size=300), st.sampled_from(["config.json", "config.yaml", "train.log"]))
def test_any_bytes_are_scored_and_read(content: bytes, name: str) -> None:
    assert 0 <= PARSER.score(name, content) <= 1
    for each in (*from_json([Piece(name, content, 1)]), *from_yaml([Piece(name, content, 1)])):
        assert each.line >= 1
