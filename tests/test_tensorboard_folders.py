"""Which directories are one training, what their series are called, and what is said beside the numbers."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest

from event_files import SAMPLES, Read, double, event, file_of, on_disk, read, read_folder, scalar, sub, version, whole
from nanlog.model import MarkKind, Phase
from nanlog.source import open_source
from nanlog.store import collect
from nanlog_parsers.tensorboard import PARSER

NAN = math.nan


def log(*tags: str, steps: int = 30, first: int = 0, begin: float = 1e9, every: int = 1) -> bytes:
    rows = [scalar(tag, 1.0, k, time=begin + k) for k in range(first, first + steps, every) for tag in tags]
    return file_of(version(begin), *rows)


def names(files: dict[str, bytes]) -> dict[str, set[str]]:
    """The series of each directory."""
    found: dict[str, set[str]] = {}
    for point in read_folder(
        {f"/logs/{name}/events.out.tfevents.1": content for name, content in files.items()}
    ).points:
        found.setdefault(point.file.removeprefix("/logs/").rpartition("/")[0], set()).add(point.series)
    return found


def test_train_beside_validation() -> None:
    found = names({"train": log("epoch_loss", "epoch_accuracy"), "validation": log("epoch_loss", "epoch_accuracy")})
    assert found["train"] == {"loss_smoothed", "metric/accuracy"}
    assert found["validation"] == {"val/loss", "val/metric/accuracy"}


def test_batches_and_epochs_do_not_mix() -> None:
    found = names(
        {
            "train": log("batch_loss", steps=40) + log("epoch_loss", "epoch_learning_rate", steps=4),
            "validation": log("evaluation_loss_vs_iterations", steps=40, every=10) + log("epoch_loss", steps=4),
        }
    )
    assert found["train"] == {"loss", "metric/loss/by_epoch", "lr"}
    assert found["validation"] == {"val/loss", "val/metric/loss/by_epoch"}


def test_the_loss_by_epochs_does_not_mix_with_validation_by_batches() -> None:
    found = names({"train": log("epoch_loss"), "validation": log("evaluation_loss_vs_iterations") + log("epoch_loss")})
    assert found["validation"] == {"val/loss", "val/metric/loss/by_batch"}


@pytest.mark.parametrize("name", ["exp1_val", "exp1-eval", "exp1_test"])
def test_a_second_writer_for_validation(name: str) -> None:
    found = names({"exp1": log("total_loss", "lr"), name: log("total_loss")})
    assert found == {"exp1": {"loss", "lr"}, name: {"val/loss"}}


def test_evaluation_below_the_training() -> None:
    """As tf.estimator writes."""
    assert names({".": log("loss"), "eval": log("loss")}) == {".": {"loss"}, "eval": {"val/loss"}}


def test_a_folder_called_test_is_a_training() -> None:
    assert names({"test": log("loss")}) == {"test": {"loss"}}
    assert names({"validation": log("loss")}) == {"validation": {"val/loss"}}


def test_add_scalars_and_add_hparams_of_torch(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "exp1")) as writer:
        for step in range(10):
            writer.add_scalar("train/loss", 1.0, step)
            writer.add_scalars("grad_norm", {"0_weight": 1.0, "0_bias": 2.0}, step)
            writer.add_scalars("accuracy", {"train": 0.5, "val": 0.25}, step)
        hparams = {"lr": 0.05, "optimizer": "sgd", "amp": True}
        writer.add_hparams(hparams, {"final/loss": NAN})
    found = on_disk(tmp_path)
    norms = {"grad_norm/0_weight", "grad_norm/0_bias"}
    assert found.names == {"loss", *norms, "metric/accuracy", "val/metric/accuracy", "metric/final/loss/final"}
    assert {name: value for name, value in found.facts.items() if name.startswith("hparams.")} == {
        "hparams.lr": 0.05,
        "hparams.optimizer": "sgd",
        "hparams.amp": True,
    }
    run = collect(open_source(str(tmp_path)), PARSER)
    assert not [name for name, series in run.table.items() if len(series) != 10 and not name.endswith("/final")]


def test_add_scalars_of_tensorboardx(tmp_path: Path) -> None:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    for step in range(5):
        writer.add_scalar("lr", 0.1, step)
        writer.add_scalars("losses/total", {"train": 1.0, "val": 2.0}, step)
    writer.close()
    assert on_disk(tmp_path).names == {"lr", "loss", "val/loss"}


def test_other_trainings_keep_their_own_series() -> None:
    found = read_folder(
        {
            f"/runs/{name}/events.out.tfevents.1": log("loss", "lr", begin=begin)
            for name, begin in (("first", 1e9), ("second", 3e9), ("third", 2e9))
        }
    )
    assert found.names == {"loss", "lr", "loss/first", "lr/first", "loss/third", "lr/third"}
    assert {p.file for p in found.points if p.series == "loss"} == {"/runs/second/events.out.tfevents.1"}
    (note,) = [mark for mark in found.marks if mark.kind is MarkKind.NOTE]
    assert note.text.startswith("the folder holds 3 trainings")


def test_directories_without_a_common_tag_are_one_training() -> None:
    assert names({"a": log("loss"), "b": log("grad_norm")}) == {"a": {"loss"}, "b": {"grad_norm"}}


def test_directories_of_the_processes() -> None:
    found = names({"rank0": log("loss", "lr"), "rank1": log("loss", "lr"), "rank2": log("loss")})
    assert found == {"rank0": {"loss", "lr"}, "rank1": {"rank1/loss", "rank1/lr"}, "rank2": {"rank2/loss"}}


def test_processes_that_write_into_one_directory() -> None:
    files = {f"/runs/events.out.tfevents.{k}": log("loss", begin=1e9 + 0.1 * k) for k in range(3)}
    found = read_folder(files)
    assert found.names == {"loss", "rank1/loss", "rank2/loss"}
    assert len(found.streams) == 3


def test_a_restart_is_one_more_attempt() -> None:
    files = {
        "/runs/events.out.tfevents.1": log("loss", steps=50),
        "/runs/events.out.tfevents.2": log("loss", steps=50, first=30, begin=1e9 + 1000),
    }
    found = read_folder(files)
    assert found.names == {"loss"}
    assert [step for step, _ in found.series("loss")] == [*range(50), *range(30, 80)]
    assert len(found.streams) == 1


def test_purge_step_of_torch(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    for begin in (0, 30):
        with SummaryWriter(str(tmp_path), purge_step=begin or None, filename_suffix=f".{begin}") as writer:
            for step in range(begin, begin + 50):
                writer.add_scalar("loss", float(begin), step)
    run = collect(open_source(str(tmp_path)), PARSER)
    assert [(a.first_step, a.last_step) for a in run.attempts] == [(0, 49), (30, 79)]
    (start,) = [mark for mark in run.marks if mark.kind is MarkKind.START]
    assert (start.step, start.line) == (30, 3)
    assert len(run.table["loss"]) == 100


def test_checkpoints_of_tensorflow_1() -> None:
    saved = event(70, sub(7, whole(1, 3) + sub(2, b"model.ckpt-70")))
    (mark,) = read(file_of(version(), saved)).marks
    assert (mark.kind, mark.step, mark.text, mark.line) == (MarkKind.CHECKPOINT, 70, "model.ckpt-70", 2)


def histogram(step: int, tag: str, least: float, greatest: float, count: float, inside: list[float]) -> bytes:
    buckets = sub(7, struct.pack(f"<{len(inside)}d", *inside))
    summary = double(1, least) + double(2, greatest) + double(3, count) + buckets
    return event(step, sub(5, sub(1, sub(1, tag.encode()) + sub(5, summary))))


def test_histograms_tell_the_share_that_is_not_finite() -> None:
    found = read(
        file_of(
            version(),
            histogram(0, "gradients/fc.weight", -1, 1, 8, [3, 5]),
            histogram(10, "gradients/fc.weight", NAN, NAN, 8, [1, 5]),
            histogram(20, "gradients/fc.weight", -math.inf, 1, 0, []),
            histogram(30, "gradients/fc.weight", -1e30, 1e30, 8, [1, 5]),
        )
    )
    shares = found.series("nonfinite/gradients/fc.weight")
    assert repr(shares) == "[(0, 0.0), (10, 0.25), (20, nan), (30, 0.0)]"
    (info,) = {info for block in found.blocks for info in block.series}
    assert (info.layer, info.phase) == ("fc.weight", Phase.BACKWARD)


def test_histograms_of_torch_stop_where_all_is_nan(tmp_path: Path) -> None:
    import torch
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(100):
            writer.add_scalar("loss", 1.0 if step < 50 else NAN, step)
            if step % 10 == 0 and step < 50:
                writer.add_histogram("weights/fc", torch.randn(100), step)
    found = on_disk(tmp_path)
    (note,) = found.marks
    assert (note.kind, note.step) == (MarkKind.NOTE, 40)
    assert note.text == "no histogram of weights/fc after step 40, scalars go on to step 99"


def text(tag: str, content: str, step: int = 0) -> bytes:
    tensor = whole(1, 7) + sub(2, sub(2, whole(1, 1))) + sub(8, content.encode())
    metadata = sub(9, sub(1, sub(1, b"text")))
    return event(step, sub(5, sub(1, sub(1, tag.encode()) + sub(8, tensor) + metadata)))


def test_arguments_as_hugging_face_writes_them() -> None:
    said = {"output_dir": "out", "learning_rate": 3e-3, "fp16": True, "logging_steps": 5, "optim": "adamw_torch"}
    found = read(file_of(version(), text("args/text_summary", json.dumps(said | {"none": None, "deep": {"a": [1]}}))))
    expected = {f"hparams.{key}": value for key, value in said.items()} | {"hparams.deep.a[0]": 1}
    general = {"logging_steps": 5, "optimizer": "adamw_torch", "precision": "fp16", "framework": "transformers"}
    assert found.facts == expected | general


def test_a_table_of_settings() -> None:
    table = "|param|value|\n|-|-|\n|learning_rate|0.00025|\n|anneal|True|\n|env_id|Ant-v4|"
    facts = read(file_of(version(), text("hyperparameters/text_summary", table))).facts
    assert facts == {"hparams.learning_rate": 0.00025, "hparams.anneal": True, "hparams.env_id": "Ant-v4"}


def test_plain_text_is_a_fact_once() -> None:
    found = read(file_of(version(), *(text("sample/text_summary", f"once upon a time {k}", k) for k in range(50))))
    assert found.facts == {"text.sample": "once upon a time 0"}


@pytest.mark.parametrize("content", ["{" * 50_000, '{"a": ' * 5000, '{"a": 1' + "0" * 5000 + "}", "|a|" * 9999, "{]"])
def test_texts_that_are_no_settings(content: str) -> None:
    assert set(read(file_of(version(), text("args", content))).facts) <= {"text.args", "hparams.a"}


@pytest.mark.parametrize("label", SAMPLES, ids=lambda label: label.parent.name)
def test_the_first_bad_points_of_real_trainings(label: Path) -> None:
    """In every series that the label names, the first non-finite step is the label's, and its record shows it."""
    expected = json.loads(label.read_text(encoding="utf-8")).get("onset_by_series", {})
    found = on_disk(label.parent)
    for name, step in expected.items():
        directory, _, tag = name.rpartition(":")
        bad = [p for p in found.points if p.tag == tag and directory in p.file and not math.isfinite(p.value)]
        assert bad[0].step == step
        assert _one_record(found, bad[0].file, bad[0].line)


def _one_record(found: Read, file: str, line: int) -> bool:
    return len([p for p in found.points if (p.file, p.line) == (file, line)]) == 1
