"""Settings that can end in NaN, and those that cannot: of the second there are more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nanlog import diagnose
from nanlog.engine import diagnose_run
from nanlog.model import FactValue, Verdict
from runs import make_run

NAN = float("nan")
CALM = [2.0, 1.8, 1.7, 1.5, 1.45, 1.4]
SCALER = {"enabled": True, "loss_scale": 0, "initial_scale_power": 16, "hysteresis": 2, "min_loss_scale": 1}
ADAM = {"type": "AdamW", "params": {"lr": 1e-4, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01}}
MODEL = {"model_type": "llama", "architectures": ["X"], "hidden_size": 512, "initializer_range": 0.02}
ARGUMENTS = {"per_device_train_batch_size": 8, "lr_scheduler_type": "linear", "optim": "adamw_torch"}


def notes(tmp_path: Path, **files: dict[str, Any]) -> list[str]:
    """What is said of JSON files in one folder, without ``hazard:``."""
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    report = diagnose(str(tmp_path))
    assert report.verdict is Verdict.CANNOT_JUDGE
    assert all(note.says.startswith("hazard: ") and note.file and note.line for note in report.notes)
    return [note.says.removeprefix("hazard: ") for note in report.notes]


def deepspeed(scaler: dict[str, Any] | None = None, **optimizer: Any) -> dict[str, Any]:
    return {
        "zero_optimization": {"stage": 2},
        "steps_per_print": 100,
        "optimizer": {"type": "AdamW", "params": {**ADAM["params"], **optimizer}},  # type: ignore[dict-item]
        "fp16": {**SCALER, **(scaler or {})},
    }


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (deepspeed({"loss_scale": 65536}), "loss_scale: 65536 is fixed"),
        (deepspeed({"initial_scale_power": 48}), "the first updates, 32 or more, are skipped"),
        (deepspeed({"hysteresis": 0}), "hysteresis: 0 never comes down to 1"),
        (deepspeed({"loss_scale_window": 1}), "one update in 2 overflows"),
        (deepspeed({"min_loss_scale": 65536}), "it cannot be lowered"),
        (deepspeed(eps=0), "eps: 0 lets the optimiser divide by zero"),
        (deepspeed(eps=-1e-8), "eps: -1e-08 lets the optimiser"),
        (deepspeed(betas=[0.9, 1.0]), "betas[1]: 1 makes the optimiser divide by 1 - 1^t"),
        (deepspeed(lr=0.5), "lr: 0.5 is 50 times the largest"),
        (deepspeed(lr=-1e-4), "lr: -0.0001 is no learning rate"),
        (deepspeed(lr=0.05, weight_decay=40), "lr times weight_decay is 2"),
        ({**deepspeed(), "scheduler": {"params": {"total_num_steps": 0}}}, "total_num_steps: 0 makes the schedule"),
        (
            {**deepspeed(), "scheduler": {"params": {"warmup_num_steps": 50, "total_num_steps": 50}}},
            "the warm-up of 50 steps never ends: there are 50 in all",
        ),
        (
            {**deepspeed(), "scheduler": {"params": {"warmup_max_lr": 0.05, "warmup_num_steps": 0}}},
            "warmup_max_lr: 0.05 is more than common recipes give ADAMW (0.01), and warmup_num_steps: 0",
        ),
        ({**MODEL, "rms_norm_eps": 0.0}, "rms_norm_eps: 0 lets a normalisation divide by zero"),
        ({**MODEL, "layer_norm_eps": 1e-20}, "layer_norm_eps: 1e-20 hardly keeps"),
        ({**MODEL, "initializer_range": 2.0}, "initializer_range: 2 is far above 0.0625"),
        ({**MODEL, "torch_dtype": "float16"}, "torch_dtype: float16 is what a model loaded so is trained in"),
        ({**MODEL, "scale_attn_weights": False}, "scale_attn_weights: false leaves"),
        ({**ARGUMENTS, "learning_rate": 5.0}, "learning_rate: 5 is 500 times"),
        ({"lr": 20, "optimizer": "sgd", "epochs": 40}, "lr: 20 is 200 times"),
        ({**ARGUMENTS, "max_grad_norm": 0}, "max_grad_norm: 0 turns the clipping"),
        ({**ARGUMENTS, "adam_epsilon": 0}, "adam_epsilon: 0 lets the optimiser"),
        ({**ARGUMENTS, "adam_beta2": 1.0}, "adam_beta2: 1 makes the optimiser"),
        ({**ARGUMENTS, "lr_scheduler_kwargs": {"gamma": 1.5}}, "gamma: 1.5 lets the schedule raise the rate for ever"),
        ({**ARGUMENTS, "warmup_ratio": 1.0}, "warmup_ratio: 1.0 lets the warm-up last"),
    ],
)
def test_a_hazard_of_a_configuration(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    assert [words in says for says in notes(tmp_path, config=config)] == [True]


@pytest.mark.parametrize(
    "config",
    [
        deepspeed(),
        deepspeed({"loss_scale": 1024}),
        deepspeed({"initial_scale_power": 32}),
        deepspeed({"min_loss_scale": 1e-5, "loss_scale_window": 128, "hysteresis": 1}),
        deepspeed({"enabled": False, "loss_scale": 1e9, "hysteresis": 0}),
        deepspeed({"enabled": "auto", "loss_scale": 1e9}),
        deepspeed(lr="auto", betas="auto", eps="auto", weight_decay="auto"),
        deepspeed(lr=0.002, weight_decay=0.3),
        {**deepspeed(), "gradient_clipping": 0.0},
        {**deepspeed(), "scheduler": {"params": {"warmup_max_lr": 3e-5, "warmup_num_steps": 0}}},
        {**deepspeed(), "scheduler": {"params": {"warmup_num_steps": 50, "total_num_steps": 500}}},
        {**MODEL, "layer_norm_eps": 1e-12},
        {**MODEL, "initializer_range": 0.1},
        {**MODEL, "torch_dtype": "bfloat16"},
        {**MODEL, "dtype": None, "router_eps": 0.0, "label_smoothing_eps": 0.0, "eps": 0.0},
        {**MODEL, "torch_dtype": "float16", "quantization_config": {"quant_method": "gptq"}},
        {**MODEL, "moe": {"beta1": 1.0, "gamma": 2.0}},
        {**ARGUMENTS, "learning_rate": 5e-5, "warmup_steps": 0, "warmup_ratio": 0.0, "max_steps": -1},
        {**ARGUMENTS, "optim": "adafactor", "learning_rate": 1e-3, "max_grad_norm": 1.0},
        {"lr": 1.0, "optimizer": "prodigy", "epochs": 5},
        {"lr": 20, "optimizer": "sgd", "epochs": 40, "grad_clip": 0.25},
        {"lr": 0.0, "optimizer": "adam", "epochs": 5, "epsilon": 0.0, "final_eps": 0.0, "gamma": 0.99},
        {"lr": 1e-15, "optimizer": "adam", "epochs": 5, "adam_eps": 1e-15},
    ],
)
def test_a_usual_setting_is_none(tmp_path: Path, config: dict[str, Any]) -> None:
    assert notes(tmp_path, config=config) == []


def test_a_rate_is_that_of_the_optimiser_it_stands_in(tmp_path: Path) -> None:
    text = """trainer:
  precision: 32-true
optimizer:
  class_path: torch.optim.{}
  init_args:
    lr: 0.5
"""
    (tmp_path / "config.yaml").write_text(text.format("Adam"), encoding="utf-8")
    assert [(note.line, "lr: 0.5 is 50 times" in note.says) for note in diagnose(str(tmp_path)).notes] == [(6, True)]
    (tmp_path / "config.yaml").write_text(text.format("SGD"), encoding="utf-8")
    assert diagnose(str(tmp_path)).notes == ()


@pytest.mark.parametrize(
    ("config", "other", "words"),
    [
        ({**MODEL, "torch_dtype": "bfloat16"}, {**ARGUMENTS, "fp16": True}, "weights are kept in bfloat16"),
        ({"model_type": "mt5", "architectures": ["X"]}, deepspeed(), "mt5 was trained in bfloat16"),
    ],
)
def test_a_model_and_a_precision_that_do_not_go_together(
    tmp_path: Path, config: dict[str, Any], other: dict[str, Any], words: str
) -> None:
    assert [words in says for says in notes(tmp_path, config=config, training_args=other)] == [True]


@pytest.mark.parametrize(
    ("config", "other"),
    [
        ({**MODEL, "torch_dtype": "bfloat16"}, {**ARGUMENTS, "bf16": True, "fp16": False}),
        ({**MODEL, "torch_dtype": "float16"}, {**ARGUMENTS, "bf16": True}),
        ({**MODEL, "torch_dtype": "float32"}, {**ARGUMENTS, "fp16": True}),
        ({"model_type": "t5", "architectures": ["X"]}, {**ARGUMENTS, "fp16": False}),
    ],
)
def test_a_model_and_a_precision_that_do(tmp_path: Path, config: dict[str, Any], other: dict[str, Any]) -> None:
    assert notes(tmp_path, config=config, training_args=other) == []


def test_what_many_layers_share_is_said_once(tmp_path: Path) -> None:
    layer = {"class_name": "BatchNormalization", "config": {"epsilon": 0.0}}
    keras = {"class_name": "Sequential", "config": {"layers": [layer] * 5}, "keras_version": "3.15.0"}
    said = "epsilon: 0 lets a normalisation divide by zero (and in 4 more places)"
    assert notes(tmp_path, model=keras) == [said]


def test_the_activation_of_a_recurrence(tmp_path: Path) -> None:
    def model(activation: str, **compiled: Any) -> dict[str, Any]:
        layer = {"class_name": "SimpleRNN", "config": {"activation": activation}}
        dense = {"class_name": "Dense", "config": {"activation": "relu"}}
        optimizer = {"class_name": "Adam", "config": {"learning_rate": 0.001, "epsilon": 1e-7, **compiled}}
        compile_config = {"optimizer": optimizer}
        return {"class_name": "Sequential", "config": {"layers": [layer, dense]}, "compile_config": compile_config}

    assert [says[:20] for says in notes(tmp_path, model=model("relu"))] == ["relu in a recurrence"]
    assert notes(tmp_path, model=model("tanh")) == []
    assert notes(tmp_path, model=model("relu", clipnorm=1.0)) == []


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama", "t5", "clip", "prophetnet", "mixtral", "wav2vec2"])
def test_nothing_is_said_of_a_default_of_transformers(tmp_path: Path, name: str) -> None:
    models = pytest.importorskip("transformers.models.auto.configuration_auto").CONFIG_MAPPING
    default = json.loads(models[name]().to_json_string(use_diff=False))
    assert notes(tmp_path, config=default) == []


FILTER = {"hparams.logging_nan_inf_filter": True}


@pytest.mark.parametrize(("loss", "said"), [(CALM, 0), ([*CALM, NAN], 1)])
def test_a_default_that_hides_something_is_told_where_there_was_something(loss: list[float], said: int) -> None:
    report = diagnose_run(make_run({"loss": loss}, facts=FILTER))
    assert sum("logging_nan_inf_filter" in note.says for note in report.notes) == said


@pytest.mark.parametrize(
    "facts",
    [
        {"hparams.learning_rate": 1e6, "hparams.optimizer": "sgd", "hparams.max_grad_norm": 0},
        {"model.rms_norm_eps": 0, "model.torch_dtype": "float16"},
        {"trainer.precision": "16-true", "trainer.gradient_clip_val": 0},
    ],
)
def test_a_hazard_never_makes_a_healthy_log_unhealthy(facts: dict[str, FactValue]) -> None:
    report = diagnose_run(make_run({"loss": CALM}, facts=facts))
    assert report.notes
    assert (report.verdict, report.findings) == (Verdict.HEALTHY, ())
