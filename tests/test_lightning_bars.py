"""Steps and metrics of the bars of TQDM and Rich."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from lightning_logs import HEADER, LOGS, read, refreshed, rich, tqdm, validation
from nanlog_parsers.lightning._bars import Bar, Kind, bars, rich_items

#: Equal to any NaN.
NAN: Any = pytest.approx(math.nan, nan_ok=True)


def only_bar(text: str) -> Bar:
    (bar,) = bars(1, text)
    assert isinstance(bar, Bar)
    return bar


@pytest.mark.parametrize(
    ("text", "kind", "epoch", "batch", "total", "metrics"),
    [
        (
            "Epoch 2:  80%|████████  | 40/50 [00:00<00:00, 534.10it/s, v_num=0, train_loss=nan.0, val_loss=1.960]",
            *(Kind.TRAINING, 2, 40, 50, {"v_num": None, "train_loss": math.nan, "val_loss": 1.96}),
        ),
        (
            "Epoch 0: |          | 40/? [00:00<00:00, 883.48it/s, a/b=-inf.]",
            Kind.TRAINING,
            0,
            40,
            None,
            {"a/b": -math.inf},
        ),
        (
            "Epoch 7: : 10it [00:00, 785.44it/s, loss=1.2e+03, v_num=0]",
            Kind.TRAINING,
            7,
            10,
            None,
            {"loss": 1200.0, "v_num": None},
        ),
        (
            "Epoch 1:  12%|█▏   | 123/1000 [01:02<06:13,  2.34s/it, loss=inf, v_num=x7]",
            Kind.TRAINING,
            1,
            123,
            1000,
            {"loss": math.inf, "v_num": None},
        ),
        ("Epoch 0:   0%|          | 0/50 [00:00<?, ?it/s]", Kind.TRAINING, 0, 0, 50, {}),
        ("Validation DataLoader 0:  33%|███▎  | 1/3 [00:00<00:00, 993.91it/s]", Kind.VALIDATION, 0, 1, 3, {}),
        ("Validating:  33%|███▎  | 1/3 [00:00<00:00, 993.91it/s]", Kind.VALIDATION, 0, 1, 3, {}),
        ("Sanity Checking DataLoader 0: 100%|███| 2/2 [00:00<00:00, 205.02it/s]", Kind.OTHER, 0, 2, 2, {}),
        ("Validation sanity check: 100%|███| 2/2 [00:00<00:00, 205.02it/s]", Kind.OTHER, 0, 2, 2, {}),
        ("Testing DataLoader 0:  33%|███▎  | 1/3 [00:00<00:00, 756.96it/s]", Kind.OTHER, 0, 1, 3, {}),
    ],
)
def test_one_state_of_tqdm(
    text: str, kind: Kind, epoch: int, batch: int, total: int | None, metrics: dict[str, float | None]
) -> None:
    bar = only_bar(text)
    assert (bar.kind, bar.epoch, bar.batch, bar.total, bar.tail) == (kind, epoch, batch, total, None)
    shown = {item.name: None if item.name == "v_num" else item.value for item in bar.items}
    assert shown == {name: NAN if value is not None and math.isnan(value) else value for name, value in metrics.items()}


def test_a_bar_cut_by_the_width_of_the_terminal_keeps_its_whole_items() -> None:
    bar, _ = bars(1, "Epoch 2:  80%|█| 40/50 [00:00<00:00, 534.10it/s, v_num=0, a=1.25, train_loss=0.2")
    assert isinstance(bar, Bar)
    assert [(item.name, item.value) for item in bar.items[1:]] == [("a", 1.25)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            [" v_num: 0.000", "   train_loss: nan ", "   val_loss: inf "],
            [("train_loss", math.nan, 2), ("val_loss", math.inf, 3)],
        ),
        (
            [" v_num: 0.000", "   train/total_loss: ", "   0.142  ", "  a: -0.500"],
            [("train/total_loss", 0.142, 3), ("a", -0.5, 4)],
        ),
        ([" loss: nan v_num: ", "   1 train_loss: 2.000"], [("loss", math.nan, 1), ("train_loss", 2.0, 2)]),
        (["", "   train/some_other…  ", "   1.710 big:", "   12345678901234…"], [("train/some_other", 1.71, 3)]),
        (["  train/total_los…", "   0:00:00      nan acc:", "   0.5"], [("train/total_loss", NAN, 2), ("acc", 0.5, 3)]),
    ],
)
def test_metrics_that_rich_wraps(lines: list[str], expected: list[tuple[str, float, int]]) -> None:
    items = [item for item in rich_items(list(enumerate(lines, 1))) if item.name != "v_num"]
    assert [(item.name, item.line) for item in items] == [(name, line) for name, _, line in expected]
    assert [item.value for item in items] == pytest.approx([value for _, value, _ in expected], nan_ok=True)


def test_the_last_word_on_a_batch_counts() -> None:
    """The first of the two states of a refresh still shows the metrics of the refresh before."""
    states = [*refreshed(0, 20, 5, ["v_num=0, train_loss=2.000"] * 3 + ["v_num=0, train_loss=nan.0"])]
    found = read(HEADER + "".join("\r" + state for state in states))
    assert found.points("train_loss") == [(5, 2.0), (10, 2.0), (15, 2.0), (20, NAN)]
    assert found.facts["steps_per_epoch"] == 20


def test_a_validation_is_a_point_where_it_was_made() -> None:
    train = "v_num=0, train_loss=1.500"
    text = HEADER
    for epoch, (before, after) in enumerate([("", "2.000"), ("2.000", "2.000"), ("2.000", "nan.0")]):
        shown = f"{train}, val_loss={before}" if before else train
        text += "".join("\r" + state for state in refreshed(epoch, 10, 5, [shown, shown])) + validation(3)
        text += f"\r{tqdm(epoch, 10, 10, f'{train}, val_loss={after}')}"
    found = read(text)
    assert found.points("val_loss") == [(10, 2.0), (20, 2.0), (30, NAN)]
    assert found.steps("train_loss") == [5, 10, 15, 20, 25, 30]
    assert found.infos["val_loss"].name == "val/loss"


def test_a_mean_over_the_epoch_is_a_point_at_its_end() -> None:
    text = HEADER
    before = ""
    for epoch, mean in enumerate(["1.000", "nan.0"]):
        step = "v_num=0, train_loss_step=2.000"
        shown = f"{step}, train_loss_epoch={before}" if before else step
        text += "".join("\r" + state for state in refreshed(epoch, 10, 5, [shown, shown]))
        text += f"\r{tqdm(epoch, 10, 10, f'{step}, train_loss_epoch={mean}')}"
        before = mean
    found = read(text)
    assert found.points("train_loss_epoch") == [(10, 1.0), (20, NAN)]
    assert found.infos["train_loss_epoch"].smoothed
    assert found.infos["train_loss_step"].name == "loss"


def test_lightning_1_counts_the_batches_of_a_validation() -> None:
    """50 batches and 3 of the validation: the bar says 53, the epoch has 50."""
    text = HEADER
    for epoch in range(2):
        metrics = ["loss=2.29, v_num=0, train_loss=2.000"] * 2
        text += "".join("\r" + tqdm(epoch, batch, 53, shown) for batch, shown in zip((25, 50), metrics, strict=True))
        text += validation(3).replace("[A\n\r    ", f"[A\r{tqdm(epoch, 52, 53, metrics[0])}\n\r    ")
        text += f"\r{tqdm(epoch, 53, 53, metrics[0] + ', val_loss=1.000')}"
    found = read(text)
    assert found.steps("train_loss") == [25, 50, 75, 100]
    assert found.points("val_loss") == [(50, 1.0), (100, 1.0)]
    assert found.infos["loss"].smoothed
    assert found.infos["train_loss"].name == "loss"
    assert found.facts["steps_per_epoch"] == 50


def test_the_loss_of_a_user_is_no_running_mean() -> None:
    found = read(HEADER + "\r" + tqdm(0, 5, 10, "loss=2.290, v_num=0") + "\r" + tqdm(0, 10, 10, "v_num=0, loss=nan.0"))
    assert found.points("loss") == [(5, 2.29), (10, NAN)]
    assert not found.infos["loss"].smoothed


def test_epochs_of_unknown_length() -> None:
    text = HEADER
    for epoch in range(2):
        for batch in (10, 20, 25):
            text += f"\rEpoch {epoch}: |   | {batch}/? [00:00<00:00, 884.22it/s, v_num=1, train_loss=1.500]"
    assert read(text).steps("train_loss") == [10, 20, 25, 35, 45, 50]


def test_what_stands_there_before_the_first_batch_is_no_point() -> None:
    """A bar of the second epoch begins with the metrics of the first; Lightning 1 has loss: nan before any batch."""
    text = HEADER + "\r" + tqdm(0, 0, 10, "loss=nan, v_num=0") + "\r" + tqdm(0, 10, 10, "loss=1.5, v_num=0")
    assert read(text + "\r" + tqdm(1, 0, 10, "loss=1.5, v_num=0")).points("loss") == [(10, 1.5)]


def test_states_whose_control_characters_were_lost() -> None:
    states = [*refreshed(0, 20, 5, ["v_num=0, train_loss=2.000"] * 3 + ["v_num=0, train_loss=nan.0"])]
    assert read(HEADER + "".join(states)).points("train_loss")[-1] == (20, NAN)
    assert read(HEADER + "\n".join(states)).steps("train_loss") == [5, 10, 15, 20]


def test_a_redirected_rich_bar() -> None:
    text = HEADER
    text += rich(0, 2, 50, 50, "v_num: 0.000", "train/total_loss:", "0.610", "val_loss: 0.593")
    text += rich(1, 2, 50, 50, "v_num: 0.000", "train/total_loss:", "nan", "val_loss: 0.593")
    text += "`Trainer.fit` stopped: `max_epochs=3` reached.\n"
    text += rich(2, 2, 50, 50, "v_num: 0.000", "train/total_loss:", "nan", "val_loss: nan")
    found = read(text)
    assert found.table["train/total_loss"] == [(50, 0.61, 5), (100, NAN, 9), (150, NAN, 14)]
    assert found.points("val_loss") == [(50, 0.593), (100, 0.593), (150, NAN)]


def test_a_rich_bar_whose_time_goes_on_below() -> None:
    text = HEADER
    for epoch, loss in enumerate(("0.142", "nan", "nan")):
        text += f"Epoch {epoch}/2  ━━━━━━━━━━━━━━━ 400/400 0:00:00 •       1025.29it/s train/total_loss:\n"
        text += f"                                 0:00:00                     {loss:<17}\n"
    found = read(text)
    assert found.points("train/total_loss") == [(400, 0.142), (800, NAN), (1200, NAN)]


def test_a_rich_bar_in_a_terminal_that_is_too_narrow_for_its_metrics() -> None:
    text = HEADER.replace("\n", "\r\n")
    for batch, loss in ((2, "1.098"), (7, "nan")):
        head = (
            f"\x1b[2K\x1b[1A\x1b[2KEpoch 0/1  \x1b[35m━━\x1b[0m {batch}/40 \x1b[2m0:00:00 • 0:00:01\x1b[0m 296.83it/s "
        )
        text += f"{head}\x1b[3mv_num: 1.000     \x1b[0m\r\n{' ' * 63}\x1b[3mtrain_loss: {loss}  \x1b[0m\r\n"
    found = read(text)
    assert found.points("train_loss") == [(2, 1.098), (7, NAN)]


def test_a_second_training_in_one_log() -> None:
    one = "".join("\r" + tqdm(epoch, 10, 10, "v_num=0, train_loss=1.500") for epoch in range(3))
    found = read(HEADER + one + "\n" + one)
    assert found.steps("train_loss") == [10, 20, 30, 10, 20, 30]
    assert [mark.kind.value for mark in found.marks] == ["start"]


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.parent.name)
@pytest.mark.parametrize("size", [1, 50, 3000])
def test_pieces_change_nothing(log: Path, size: int) -> None:
    content = log.read_bytes()
    whole, cut = read(content), read(content, size=size)
    assert repr(cut.table) == repr(whole.table)
    assert (cut.all_facts, cut.marks, cut.unread) == (whole.all_facts, whole.marks, whole.unread)
