"""What frameworks call a series, and what nanlog calls it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog.model import Phase, Stage
from nanlog_parsers._names import Names

PLAIN = {
    "loss": "loss",
    "Loss": "loss",
    "train_loss": "loss",
    "train/loss": "loss",
    "Loss/train": "loss",
    "Train Loss": "loss",
    "trainLoss": "loss",
    "total_loss": "loss",
    "TotalLoss": "loss",
    "train/total_loss": "loss",
    "lm loss": "loss",
    "batch_loss": "loss",
    "train_loss_step": "loss",
    "objective": "loss",
    "criterion": "loss",
    "elbo": "loss",
    "train_nll": "loss",
    "train_loss_epoch": "loss_smoothed",
    "epoch_loss": "loss_smoothed",
    "running_loss": "loss_smoothed",
    "train/train_loss": "loss_smoothed",
    "train-logloss": "loss",
    "bold-sun-12 - train/total_loss": "loss",
    "bold-sun-12 - train/total_loss__MIN": "metric/train/total_loss__MIN",
    "errD": "loss/d",
    "err_G": "loss/g",
    "top1 err": "metric/top1 err",
    "loss_ema": "loss_smoothed",
    "val_loss": "val/loss",
    "eval/loss": "val/loss",
    "validation loss": "val/loss",
    "test_loss": "val/loss",
    "Loss/valid": "val/loss",
    "val_loss_epoch": "val/loss",
    "evaluation_loss_vs_iterations": "val/loss",
    "val_loss/dataloader_idx_0": "val/loss/dataloader_idx_0",
    "loss function value": "loss",
    "Value function loss": "loss/value_function",
    "train/value_loss": "loss/value",
    "Loss - train": "loss",
    "Validation - loss": "val/loss",
    "cost": "loss",
    "avg_batch_cost": "metric/cost",
    "reader_cost": "metric/reader_cost",
    "cost_time": "metric/cost_time",
    "loss_D": "loss/d",
    "Loss_G": "loss/g",
    "train/box_loss": "loss/box",
    "loss_rpn_cls": "loss/rpn_cls",
    "lr": "lr",
    "learning_rate": "lr",
    "learning rate": "lr",
    "learningRate": "lr",
    "lr-SGD": "lr",
    "epoch_learning_rate": "lr",
    "train/learning_rate": "lr",
    "grad_norm": "grad_norm",
    "grad norm": "grad_norm",
    "gnorm": "grad_norm",
    "gradnorm": "grad_norm",
    "global_norm": "grad_norm",
    "total_norm": "grad_norm",
    "gradients/global_norm": "grad_norm",
    "grad_2.0_norm_total": "grad_norm",
    "grad_2.0_norm/0.weight": "grad_norm/0.weight",
    "grads.rnn.bias_hh_l0": "grad_norm/rnn.bias_hh_l0",
    "grad_norm/encoder.0.weight": "grad_norm/encoder.0.weight",
    "loss_scale": "loss_scale",
    "loss scale": "loss_scale",
    "amp_scale": "loss_scale",
    "grad_scale": "loss_scale",
    "params norm": "param_norm",
    "accuracy": "metric/accuracy",
    "AUC": "metric/AUC",
    "train_acc": "metric/acc",
    "val_acc": "val/metric/acc",
    "eval/perplexity": "val/metric/perplexity",
    "time": "metric/time",
    "kl_weight": "metric/kl_weight",
    "best_val_loss": "val/metric/best_loss",
}


@pytest.mark.parametrize("original", PLAIN)
def test_a_name_alone(original: str) -> None:
    info = Names().info(original)
    assert info.name == PLAIN[original]
    assert info.original == original


def test_the_same_name_is_the_same_series() -> None:
    names = Names()
    assert names.info("loss") is names.info("loss")
    assert names.info("loss", split="val").name == "val/loss"


def test_the_first_keeps_the_plain_name() -> None:
    names = Names()
    assert [names.info(n).name for n in ("loss", "total_loss", "lr-SGD", "lr-Adam")] == [
        "loss",
        "loss/total_loss",
        "lr",
        "lr/adam",
    ]


def test_with_a_header_the_best_name_is_plain() -> None:
    names = Names()
    names.claim(["nll", "step", "loss_kl", "loss"])
    assert names.info("loss").name == "loss"
    assert names.info("nll").name == "loss/nll"
    assert names.info("loss_kl").name == "loss/kl"


def test_several_runs_in_one_export() -> None:
    names = Names()
    claimed = [f"{run} - {name}" for name in ("lr", "train/loss", "val/loss", "loss_scale") for run in ("b-2", "a-1-x")]
    names.claim(claimed)
    assert [names.info(original).name for original in claimed] == [
        *("lr", "lr/a-1-x"),
        *("loss", "loss/a-1-x"),
        *("val/loss", "val/loss/a-1-x"),
        *("loss_scale", "metric/loss_scale/a-1-x"),
    ]


@pytest.mark.parametrize(
    ("originals", "loss"),
    [
        (["accuracy", "rmse", "train/xent"], "train/xent"),
        (["mean_squared_error"], "mean_squared_error"),
        (["train_ppl", "val_xent"], "train_ppl"),
        (["AUC", "train", "val"], "train"),
        (["L", "accuracy"], "L"),
        (["loss", "xent"], "loss"),
        (["box_loss", "mae"], None),
        (["val_mse", "accuracy"], None),
    ],
)
def test_what_is_minimised_stands_in_for_a_loss(originals: list[str], loss: str | None) -> None:
    names = Names()
    names.let_stand_in(originals)
    names.claim(originals)
    assert [original for original in originals if names.info(original).name == "loss"] == ([loss] if loss else [])


def test_of_some_quantities_there_is_one() -> None:
    names = Names()
    found = [names.info(n).name for n in ("loss_scale", "grad_scale", "running_loss", "loss_ema", "")]
    assert found == ["loss_scale", "metric/grad_scale", "loss_smoothed", "metric/loss_ema", "metric/unnamed"]


def test_several_evaluation_sets() -> None:
    names = Names()
    assert [names.info(n).name for n in ("val_loss", "test_loss", "test_acc")] == [
        "val/loss",
        "val1/loss",
        "val1/metric/acc",
    ]


def test_an_average_says_so() -> None:
    names = Names()
    assert names.info("loss").name == "loss"
    mean = names.info("loss", smoothed=True)
    assert (mean.name, mean.smoothed, mean.stage) == ("loss_smoothed", True, Stage.SUMMARY)
    assert not names.info("epoch_lr").smoothed


def test_gradients_belong_to_the_backward_pass() -> None:
    info = Names().info("grad_2.0_norm/head.bias")
    assert (info.layer, info.phase, info.statistic) == ("head", Phase.BACKWARD, True)


@pytest.mark.parametrize(
    ("original", "layer"),
    [
        ("grad_2.0_norm/encoder.0.weight", "encoder.0"),
        ("grad/dense/kernel:0", "dense"),
        ("grads.0.bias", "0"),
        ("grad_norm/0_weight", "0"),
        ("grad_norm/head", "head"),
    ],
)
def test_the_layer_of_a_gradient(original: str, layer: str) -> None:
    assert Names().info(original).layer == layer


OF_LAYERS = {
    "param_norm/fc1.weight": ("param_norm/fc1.weight", "fc1", Phase.UPDATE),
    "weight_norm/conv1": ("param_norm/conv1", "conv1", Phase.UPDATE),
    "weights/fc1.weight": ("param_norm/fc1.weight", "fc1", Phase.UPDATE),
    "parameters/fc.weight": ("param_norm/fc.weight", "fc", Phase.UPDATE),
    "params.layers.0.weight.norm": ("param_norm/layers.0.weight", "layers.0", Phase.UPDATE),
    "params/norm/embeddings.weight": ("param_norm/embeddings.weight", "embeddings", Phase.UPDATE),
    "fc1.weight/norm": ("param_norm/fc1.weight", "fc1", Phase.UPDATE),
    "l2_params/encoderblock_0/kernel": ("param_norm/encoderblock_0/kernel", "encoderblock_0", Phase.UPDATE),
    "update_norm/fc": ("update_norm/fc", "fc", Phase.UPDATE),
    "update_to_weight_ratio/fc.weight": ("update_ratio/fc.weight", "fc", Phase.UPDATE),
    "activations/conv1/mean": ("activation_mean/conv1", "conv1", Phase.FORWARD),
    "activations/conv1_std": ("activation_std/conv1", "conv1", Phase.FORWARD),
    "activation/conv1": ("activation_value/conv1", "conv1", Phase.FORWARD),
    "act_norm/layers.3": ("activation_norm/layers.3", "layers.3", Phase.FORWARD),
    "layers.3.output_norm": ("activation_norm/layers.3", "layers.3", Phase.FORWARD),
    "fc1/act_std": ("activation_std/fc1", "fc1", Phase.FORWARD),
    "grad_max/fc1": ("grad_max/fc1", "fc1", Phase.BACKWARD),
    "gradients/fc.weight/max": ("grad_max/fc.weight", "fc", Phase.BACKWARD),
    "gradients/fc.weight": ("grad_norm/fc.weight", "fc", Phase.BACKWARD),
    "optim/grad/blocks.0.att_proj.weight.norm": (
        "grad_norm/blocks.0.att_proj.weight",
        "blocks.0.att_proj",
        Phase.BACKWARD,
    ),
    "grad_norm.encoder.0": ("grad_norm/encoder.0", "encoder.0", Phase.BACKWARD),
    "grads.layers.1.norm": ("grad_norm/layers.1.norm", "layers.1.norm", Phase.BACKWARD),
    "gradients/layers.1/norm": ("grad_norm/layers.1", "layers.1", Phase.BACKWARD),
    "per_layer_grad_norm.fc": ("grad_norm/fc", "fc", Phase.BACKWARD),
    "layers.fc1.grad_norm": ("grad_norm/layers.fc1", "layers.fc1", Phase.BACKWARD),
    "train/fc1/grad_norm": ("grad_norm/fc1", "fc1", Phase.BACKWARD),
    "fc1.weight/grad_norm": ("grad_norm/fc1.weight", "fc1", Phase.BACKWARD),
    "fc1_grad_norm": ("grad_norm/fc1", "fc1", Phase.BACKWARD),
    "grad_norm_layer_0": ("grad_norm/layer_0", "layer_0", Phase.BACKWARD),
    "grad_norm/decoder.val_proj.weight": ("grad_norm/decoder.val_proj.weight", "decoder.val_proj", Phase.BACKWARD),
}


@pytest.mark.parametrize("original", OF_LAYERS)
def test_what_is_told_of_a_layer(original: str) -> None:
    info = Names().info(original)
    assert (info.name, info.layer, info.phase) == OF_LAYERS[original]
    assert info.statistic
    assert not info.smoothed


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("params/lr", "lr"),
        ("params.num_layers", "metric/params.num_layers"),
        ("params/total", "metric/params/total"),
        ("weights/kl", "metric/weights/kl"),
        ("weights/box_loss", "metric/weights/box_loss"),
        ("act/entropy", "metric/act/entropy"),
        ("activations/dead_fraction", "metric/activations/dead_fraction"),
        ("num_updates", "metric/num_updates"),
        ("gradients/fc.weight.packedBins.count", "metric/gradients/fc.weight.packedBins.count"),
        ("optim/exp_avg/wte.weight.norm", "metric/optim_exp_wte_weight_norm"),
        ("fc1.weight", "metric/fc1.weight"),
        ("actor/grad_norm", "grad_norm"),
        ("train/param_norm", "param_norm"),
        ("params/norm/total", "param_norm"),
        ("l2_grads", "grad_norm"),
        ("update_norm", "update_norm"),
    ],
)
def test_what_is_told_of_no_layer(original: str, name: str) -> None:
    info = Names().info(original)
    assert (info.name, info.layer) == (name, None)


def test_a_layer_does_not_take_the_name_of_all() -> None:
    names = Names()
    originals = ["param_norm/fc", "fc/grad_norm", "update_norm/fc", "param_norm", "grad_norm", "update_norm"]
    assert [names.info(n).name for n in originals] == [
        *("param_norm/fc", "grad_norm/fc", "update_norm/fc"),
        *("param_norm", "grad_norm", "update_norm"),
    ]


def test_the_gradient_of_a_layer_called_norm_is_not_that_of_all() -> None:
    names = Names()
    names.claim(["grads.fc", "grads.norm", "grad_norm"])
    assert [names.info(n).name for n in ("grad_norm", "grads.norm")] == ["grad_norm", "grad_norm/norm"]
    assert Names().info("grads.norm").name == "grad_norm"


def test_two_of_one_layer_are_told_apart_by_what_their_names_say() -> None:
    names = Names()
    originals = ["gradients/fc.weight", "D/grad_norm/fc.weight", "grad_norm/fc.weight", "grad_norm", "grads.norm"]
    names.claim(originals)
    assert [names.info(n).name for n in originals] == [
        "grad_value/fc.weight",
        "grad_norm/D/fc.weight",
        "grad_norm/fc.weight",
        "grad_norm",
        "grad_norm/norm",
    ]
    assert names.info("grads.norm").layer == "norm"
    assert names.info("D/grad_norm/fc.weight").layer != names.info("grad_norm/fc.weight").layer


@given(st.lists(st.text(max_size=300), unique=True, max_size=30))
def test_no_two_originals_share_a_name(originals: list[str]) -> None:
    names = Names()
    assert len({names.info(original).name for original in originals}) == len(originals)
