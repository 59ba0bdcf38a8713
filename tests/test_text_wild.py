"""Excerpts as the programs of many frameworks print them: series, steps, and the first bad line of each.

Each is written in the form of the code that prints it; the names of the files say whose.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nanlog.model import Run, Series
from nanlog_parsers.text import PARSER
from text_logs import run_of

LOGS = Path(__file__).parent / "wild_logs"

#: For each log its series but for plain metrics: ``step:value`` of every point, and the line of the first bad one.
EXPECTED: dict[str, dict[str, str]] = {
    "pytorch_mnist_example": {
        "val/loss": "1280:nan @5",
        "loss": "0:2.299824 640:1.733661 1280:nan 60000:nan @3",
    },
    "pytorch_cifar10_tutorial": {
        "loss": "2000:2.171 4000:1.858 6000:1.67 8000:1.6 10000:1.5 12000:1.46 14000:nan 16000:nan @7",
    },
    "pytorch_epoch_and_step": {
        "loss": "100:2.2123 600:1.1 700:nan @3",
    },
    "pytorch_transfer_tutorial": {
        "loss": "0:0.6582 1:nan @8",
        "val/loss": "0:0.2254 1:nan @9",
    },
    "torchvision_detection_reference": {
        "lr": "0:0.000333 10:0.000666",
        "loss": "0:2.9876 10:2.5",
        "loss_smoothed": "0:2.9876 10:2.7",
        "loss/classifier": "0:0.7425 10:0.7",
        "loss/loss_classifier": "0:0.7425 10:0.72",
        "loss/box_reg": "0:0.4981 10:0.4",
        "loss/loss_box_reg": "0:0.4981 10:0.45",
    },
    "timm": {
        "val/loss": "50:6.9",
        "loss": "0:6.95 50:6.94 1251:nan @4",
        "loss_smoothed": "0:6.95 50:6.95 1251:nan @4",
        "lr": "0:1e-06 50:1e-06 1251:0.0001",
    },
    "swin_transformer": {
        "lr": "0:1e-06 10:1e-06 1251:1e-06",
        "loss": "0:6.9 10:6.8 1251:nan @3",
        "loss_smoothed": "0:6.9 10:6.85 1251:nan @3",
        "grad_norm": "0:1.2 10:nan 1251:nan @2",
    },
    "detectron2": {
        "loss": "19:2.03 39:1.9",
        "loss/cls": "19:0.7 39:0.6",
        "loss/box_reg": "19:0.5 39:0.5",
        "loss/mask": "19:0.69 39:0.65",
        "loss/rpn_cls": "19:0.03 39:0.03",
        "loss/rpn_loc": "19:0.01 39:0.01",
        "lr": "19:1.6068e-05 39:3.2718e-05",
    },
    "mmdetection2": {
        "lr": "50:0.01 100:0.01 170:0.01",
        "loss/rpn_cls": "50:0.41 100:0.32 170:nan @6",
        "loss/cls": "50:0.9 100:0.43 170:nan @6",
        "loss": "50:1.7 100:1.1 170:nan @6",
        "grad_norm": "50:3.5 100:nan 170:nan @3",
    },
    "mmengine_by_epoch": {
        "lr": "50:0.001 100:0.001 150:0.001",
        "grad_norm": "50:1.2 100:1.2 150:nan @5",
        "loss": "50:2.3 100:2.2 150:nan @5",
        "loss/cls": "50:2.3 100:2.2 150:nan @5",
    },
    "mmengine_by_iteration": {
        "lr": "50:0.01 100:0.01",
        "loss": "50:2.1 100:nan @2",
        "loss/decode_ce": "50:1.5 100:nan @2",
    },
    "darknet": {
        "loss": "1:715.25 2:700.1 3:nan @8",
        "loss_smoothed": "1:715.25 2:721.2 3:nan @8",
    },
    "darknet_alexeyab": {
        "loss": "74:10.5 75:nan 76:nan @3",
        "loss_smoothed": "74:12.25 75:nan 76:nan @3",
    },
    "fairseq_0_9": {
        "val/loss": "25:nan @6",
        "val/loss/nll_loss": "25:nan @6",
        "loss_smoothed": "25:nan @5",
        "lr": "11:1.47e-06 21:2.7e-06 25:3.2e-06",
        "grad_norm": "11:5.2 21:nan 25:nan @4",
        "loss_scale": "11:128.0 21:64.0 25:64.0",
        "loss": "11:13.204 21:nan @4",
        "loss/nll_loss": "11:13.1 21:nan @4",
    },
    "fairseq_0_12": {
        "loss": "100:12.3 200:nan @3",
        "loss/nll_loss": "100:12.1 200:nan @3",
        "lr": "100:1.25e-05 200:2.5e-05",
        "grad_norm": "100:3.1 200:nan @3",
        "loss_scale": "100:128.0 200:128.0",
    },
    "fastai": {
        "loss": "0:0.812345 1:nan 2:nan @3",
        "val/loss": "0:0.654321 1:nan 2:nan @3",
    },
    "skorch": {
        "loss": "1:0.6905 2:0.6618 3:nan @5",
        "val/loss": "1:0.6749 2:0.6422 3:nan @5",
    },
    "chainer_print_report": {
        "loss": "100:2.3 200:2.1 600:nan @4",
        "val/loss": "600:nan @4",
    },
    "yolov5": {
        "loss/box": "0:0.0444 4:0.0444 8:0.044 8:nan 16:nan @7",
        "loss/obj": "0:0.0651 4:0.0651 8:0.065 8:nan 16:nan @7",
        "loss/cls": "0:0.0181 4:0.0181 8:0.018 8:nan 16:nan @7",
    },
    "ultralytics_yolov8": {
        "loss/box": "4:1.231 8:1.201 12:nan 16:nan @7",
        "loss/cls": "4:1.502 8:1.402 12:nan 16:nan @7",
        "loss/dfl": "4:1.105 8:1.101 12:nan 16:nan @7",
    },
    "stable_baselines3": {
        "lr": "4096:0.0003 6144:0.0003",
        "loss": "4096:6.3 6144:nan @42",
        "loss/value": "4096:50.1 6144:nan @44",
    },
    "improved_diffusion": {
        "grad_norm": "0:1.26 10:nan @10",
        "loss": "0:0.998 10:nan @11",
        "loss/q_0": "0:0.998 10:nan @12",
    },
    "rsl_rl": {
        "loss/value_function": "0:0.0512 1:inf @18",
        "loss/surrogate": "0:-0.0021 1:nan @19",
    },
    "coqui_tts": {
        "lr": "25:0.0001 50:0.0001",
        "loss": "25:2.3 50:nan @14",
        "loss_smoothed": "25:2.4 50:nan @14",
        "grad_norm": "25:5.1 50:nan @15",
    },
    "composer": {
        "loss": "1:11.9 2:nan @9",
    },
    "tacotron2": {
        "val/loss": "0:40.512345 3:nan @9",
        "loss": "0:33.123456 1:32.1 2:31.1 3:nan @8",
        "grad_norm": "0:20.123456 1:19.1 2:18.1 3:nan @8",
    },
    "wenet": {
        "loss": "0:250.1 100:150.1 200:nan 300:nan @3",
        "loss/att": "0:60.1 100:50.1 200:nan 300:nan @3",
        "loss/ctc": "0:700.1 100:300.1 200:inf 300:inf @3",
        "lr": "0:8e-08 100:8.08e-06 200:1.608e-05 300:1.608e-05",
    },
    "icefall": {
        "loss": "0:8.1 50:1.2 100:nan @3",
        "loss/simple": "0:7.1 50:1.1 100:inf @3",
        "loss/pruned": "0:7.9 50:1.3 100:nan @3",
        "loss/tot": "0:8.1 50:2.1 100:nan @3",
        "loss/tot_simple": "0:7.1 50:2.0 100:inf @3",
        "loss/tot_pruned": "0:7.9 50:2.2 100:nan @3",
        "lr": "0:0.003 50:0.003 100:0.003",
        "loss_scale": "0:8.0 50:8.0 100:8.0",
    },
    "opennmt_py": {
        "loss": "50:8.99 100:8.29 150:nan @3",
        "lr": "50:1e-05 100:2e-05 150:3e-05",
    },
    "marian": {
        "loss": "1000:6.52 2000:5.52 3000:nan @3",
        "lr": "1000:0.0003 2000:0.0003 3000:0.0003",
    },
    "tensorflow1_estimator": {
        "loss": "0:2.3025851 100:1.5 200:1.2",
    },
    "tensorflow1_slim": {
        "loss": "10:3.4123 20:nan @2",
    },
    "tensorflow_object_detection": {
        "loss/localization": "100:0.4 200:nan @8",
        "loss": "100:1.2 200:nan @9",
        "lr": "100:0.014 200:0.015",
        "loss/classification": "100:0.5 200:nan @7",
    },
    "tensorflow1_cifar10": {
        "loss": "0:4.68 10:4.66 20:nan @3",
    },
    "clu_metric_writers": {
        "val/loss": "200:nan @3",
        "lr": "100:0.1 200:0.1",
        "loss": "100:2.3 200:nan @2",
    },
    "flax_mnist_example": {
        "loss": "1:0.2345 2:nan @2",
        "val/loss": "1:0.06 2:nan @2",
    },
    "maxtext": {
        "loss": "0:10.871 1:10.771 2:nan @3",
    },
    "deeplearning4j": {
        "loss/score": "0:2.3012 10:1.3012 20:nan 30:nan @3",
    },
    "djl": {
        "loss/softmax_cross_entropy": "1:0.23 2:nan @5",
        "val/loss/softmax_cross_entropy": "1:0.12 2:nan @6",
    },
    "mxnet_module_fit": {
        "loss": "100:2.3 200:2.1 300:nan @6",
    },
    "mxnet_speedometer": {
        "loss": "260:8.75 280:8.7 300:8.6 320:nan @4",
    },
    "gluoncv_ssd": {
        "loss": "0:17.5 1:nan 2:nan @4",
    },
    "ignite": {
        "loss_smoothed": "200:0.8",
        "val/loss": "200:0.81",
        "loss": "100:2.3 200:2.1 1038:nan @5",
    },
    "paddleclas": {
        "lr": "0:0.0 10:0.0001 5005:0.0001",
        "loss/ce": "0:7.01 10:nan 5005:nan @2",
        "loss": "0:7.01 10:nan 5005:nan @2",
    },
    "paddleocr": {
        "lr": "10:0.001 20:0.001",
        "loss": "10:8.5 20:nan @2",
        "loss/shrink_maps": "10:4.9 20:nan @2",
    },
    "llm_c": {
        "val/loss": "3:nan @4",
        "loss": "1:11.009112 2:10.96625 3:nan @3",
        "lr": "1:8.57e-07 2:1.71e-06 3:2.57e-06",
    },
    "build_nanogpt": {
        "loss": "0:10.955029 1:6.5 2:nan @3",
        "lr": "0:6e-05 1:0.00012 2:0.00018",
    },
    "llama2_c": {
        "loss": "0:10.3977 1:10.3 2:nan @3",
        "lr": "0:0.0 1:5e-07 2:1e-06",
    },
    "mlx_lm_lora": {
        "val/loss": "1:2.659",
        "loss": "10:2.3 20:nan @3",
        "lr": "10:1e-05 20:1e-05",
    },
    "lit_gpt": {
        "loss": "25:2.3012 26:2.2012 27:nan @3",
    },
    "mingpt": {
        "loss": "0:2.19 100:0.5 200:nan @3",
    },
    "xgboost": {
        "loss": "0:0.52 1:0.42 2:nan @3",
    },
    "early_stopping_pytorch": {
        "loss": "1:0.86 2:0.66 3:nan @5",
        "val/loss": "1:0.69 2:0.59 3:nan @5",
    },
    "apex_amp": {
        "loss": "10:2.3 20:2.2 30:2.1",
    },
    "detect_anomaly": {
        "loss": "1:0.5 2:0.4",
    },
    "imagenet_example_resumed": {
        "loss": "250:1.2 260:nan @5",
        "loss_smoothed": "250:1.2 260:nan @5",
    },
    "allennlp": {
        "loss/batch_loss": "1:0.7 2:nan @3",
        "loss": "1:0.7 2:nan @3",
    },
    "yaml_blocks": {
        "loss": "100:2.3 200:nan @6",
        "lr": "100:0.1 200:0.1",
    },
    "losses_alone": {
        "loss": "0:2.3 1:2.2 2:nan 3:nan @3",
    },
    "java_logger": {
        "loss": "10:12.5 20:inf 30:nan @2",
    },
    "msvc_program": {
        "loss": "100:2.3 200:nan 300:nan @2",
    },
    "settings_first": {
        "loss": "1:0.5 2:0.4 3:0.3",
    },
    "diffusers_example": {
        "lr": "1:1e-05 2:1e-05",
        "loss": "1:0.123 2:nan @1",
    },
    "spinning_up": {
        "loss/v": "0:320.0 1:nan @10",
        "loss/pi": "0:-0.1 1:nan @11",
    },
    "torchrun_ranks": {
        "loss": "10:2.3 20:nan @3",
        "rank1/loss": "10:2.4 20:2.2",
    },
}


def shown(series: Series) -> str:
    """A series in the form of :data:`EXPECTED`."""
    points = [f"{step}:{value!r}" for step, value in zip(series.step.tolist(), series.value.tolist(), strict=True)]
    bad = np.flatnonzero(~np.isfinite(series.value))
    return " ".join((*points, *([f"@{series.line[bad[0]]}"] if len(bad) else [])))


def is_plain_metric(name: str) -> bool:
    return name.startswith(("metric/", "val/metric/"))


def read(name: str) -> Run:
    return run_of(PARSER, (LOGS / f"{name}.log").read_bytes())


def test_every_log_is_tried() -> None:
    assert sorted(EXPECTED) == sorted(path.stem for path in LOGS.iterdir())


@pytest.mark.parametrize("name", EXPECTED)
def test_series_steps_and_first_bad_line(name: str) -> None:
    run = read(name)
    found = {key: shown(series) for key, series in run.table.items() if not is_plain_metric(key)}
    assert found == EXPECTED[name]
    assert run.unread_count == 0


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_known_for_the_log_of_a_training(name: str) -> None:
    assert 0.3 <= PARSER.score("train.log", (LOGS / f"{name}.log").read_bytes()) <= 0.5


def test_running_means_are_known_as_such() -> None:
    table = read("imagenet_example_resumed").table
    assert (table["loss"].info.smoothed, table["loss_smoothed"].info.smoothed) == (False, True)
    assert read("fairseq_0_9").table["loss_smoothed"].info.smoothed


def test_a_file_of_several_ranks_tells_them_apart() -> None:
    assert {"loss", "rank1/loss"} <= set(read("torchrun_ranks").table)
