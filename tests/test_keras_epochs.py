"""Which batch of the training a bar stands for."""

from __future__ import annotations

import numpy as np
import pytest

from keras_logs import coloured, drawn, line, read, values
from nanlog.model import MarkKind

BY_SAMPLES = "Train on 60000 samples, validate on 10000 samples\n" + "".join(
    f"Epoch {epoch}/3\n"
    + line(drawn(seen, 60000, loss=2.0) for seen in (128, 4992, 30080))
    + line([drawn(60000, 60000, eta=False, loss=1.0, acc=0.5, val_loss=1.5, val_acc=0.4)])
    for epoch in (1, 2, 3)
)


def test_samples_are_counted_in_batches() -> None:
    found = read(BY_SAMPLES)
    batches = 469  # ceil(60000 / 128)
    assert found.steps("loss") == [base + step for base in (0, 469, 938) for step in (1, 39, 235, 469)]
    assert found.facts["steps_per_epoch"] == batches
    assert found.facts["samples_per_epoch"] == 60000
    assert found.steps("val/loss") == [469, 938, 1407]


def test_a_message_about_a_batch_is_dated_in_batches_where_samples_are_counted() -> None:
    text = BY_SAMPLES.replace("Epoch 3/3\n", "Epoch 3/3\nBatch 17: Invalid loss, terminating training\n")
    assert read(text).marked(MarkKind.NONFINITE) == [(938 + 18, "Batch 17: Invalid loss, terminating training")]


def test_samples_of_keras_1_without_a_line_that_says_so() -> None:
    text = "".join(f"Epoch {e}/2\n" + line(drawn(seen, 1000, loss=1.0) for seen in (32, 64, 992, 1000)) for e in (1, 2))
    assert read(text).steps("loss") == [1, 2, 31, 32, 33, 34, 63, 64]


def test_a_state_copied_from_the_middle_of_an_epoch_counts_batches() -> None:
    text = f"Epoch 1/50\n{drawn(28, 450, loss=float('nan'))}"
    assert read(text).steps("loss") == [28]


def test_a_data_set_of_unknown_length() -> None:
    states = [f"{seen:7}/Unknown - 1s 20ms/step{values(loss=1.0)}" for seen in (1, 9, 20)]
    first = line([*states, drawn(20, 20, eta=False, loss=1.0, val_loss=1.0)])
    text = f"Epoch 1/2\n{first}Epoch 2/2\n" + line(drawn(seen, 20, loss=1.0) for seen in (1, 12, 20))
    assert read(text).steps("loss") == [1, 9, 20, 21, 32, 40]
    assert read(text).steps("val/loss") == [20]


def test_a_data_set_of_unknown_length_in_keras_3() -> None:
    states = [f"{seen:7}/Unknown \x1b[1m1s\x1b[0m 20ms/step{values(loss=1.0)}" for seen in (1, 9, 20)]
    text = (
        "Epoch 1/2\n" + line([*states, coloured(20, 20, loss=1.0)]) + "Epoch 2/2\n" + line([coloured(1, 20, loss=1.0)])
    )
    assert read(text).steps("loss") == [1, 9, 20, 21]


def test_one_line_an_epoch_without_a_count() -> None:
    text = "".join(f"Epoch {e}/4\n - 5s - loss: 1.{e}000 - val_loss: 2.0000\n" for e in (1, 2, 3, 4))
    assert read(text).steps("loss") == [1, 2, 3, 4]
    assert read(text.replace(" - 5s", "5s")).steps("val/loss") == [1, 2, 3, 4]


def test_a_generator_that_gives_more_samples_than_announced() -> None:
    text = "".join(f"Epoch {e}/2\n" + line(drawn(seen, 1000, loss=1.0) for seen in (64, 512, 1024)) for e in (1, 2))
    assert read(text).steps("loss") == [1, 8, 16, 17, 24, 32]


def test_bars_of_an_evaluation_are_no_training() -> None:
    epoch = line([coloured(1, 20, loss=1.0), coloured(20, 20, loss=0.9)])
    test = line([coloured(1, 8, loss=3.0), coloured(8, 8, loss=2.5)])
    predict = line([coloured(1, 4), coloured(4, 4)])
    found = read(f"Epoch 1/2\n{epoch}{test}{predict}Epoch 2/2\n{epoch}{test}")
    assert found.steps("loss") == [1, 20, 21, 40]
    assert [(step, value) for step, value, _ in found.table["val1/loss"]] == [(20, 2.5), (40, 2.5)]


def test_an_evaluation_over_as_many_batches_is_no_training_either() -> None:
    epoch = line([drawn(1, 20, loss=1.0), drawn(20, 20, eta=False, loss=0.9)])
    test = line([drawn(1, 20, loss=3.0), drawn(20, 20, eta=False, loss=2.5)])
    found = read(f"Epoch 1/2\n{epoch}{test}Epoch 2/2\n{epoch}")
    assert found.steps("loss") == [1, 20, 21, 40]
    assert found.values("val1/loss") == [2.5]


def test_a_prediction_between_the_states_of_an_epoch() -> None:
    states = [coloured(1, 20, loss=1.0), coloured(15, 20, loss=1.0)]
    text = "Epoch 1/2\n" + line(states) + line([coloured(1, 1)]) + line([coloured(20, 20, loss=1.0)])
    assert read(text).steps("loss") == [1, 15, 20]


def test_calls_of_fit_for_one_epoch_each_count_on() -> None:
    text = ("Epoch 1/1\n" + line([drawn(1, 20, loss=1.0), drawn(20, 20, eta=False, loss=0.9)])) * 3
    found = read(text)
    assert found.steps("loss") == [1, 20, 21, 40, 41, 60]
    assert found.marked(MarkKind.START) == [(1, "")]
    assert read(text, size=1).everything() == found.everything()


def test_calls_of_fit_for_one_epoch_in_keras_3_have_no_header() -> None:
    text = line([coloured(1, 20, loss=1.0), coloured(20, 20, loss=0.9, val_loss=1.0)]) * 3
    found = read(text)
    assert found.steps("loss") == [1, 20, 21, 40, 41, 60]
    assert found.marked(MarkKind.START) == [(1, "")]


def test_each_training_of_a_file_starts_anew() -> None:
    fit = "".join(f"Epoch {e}/2\n" + line([drawn(1, 9, loss=1.0), drawn(9, 9, eta=False, loss=0.9)]) for e in (1, 2))
    found = read(fit * 2)
    assert found.steps("loss") == [1, 9, 10, 18] * 2
    assert [(mark.step, mark.line) for mark in found.marks] == [(1, 1), (1, 5)]


def test_a_training_that_goes_on_where_it_was_saved() -> None:
    text = "".join(f"Epoch {e}/5\n" + line([drawn(1, 9, loss=1.0), drawn(9, 9, loss=0.9)]) for e in (1, 2, 2, 3))
    found = read(text)
    assert found.steps("loss") == [1, 9, 10, 18, 10, 18, 19, 27]
    assert [(mark.step, mark.line) for mark in found.marks] == [(1, 1), (10, 5)]


def test_a_tail_of_a_log_has_the_epochs_that_follow() -> None:
    text = line([drawn(5, 9, loss=1.0), drawn(9, 9, loss=0.9)]) + "Epoch 4/5\n" + line([drawn(1, 9, loss=1.0)])
    found = read(text)
    assert found.steps("loss") == [18 + 5, 27, 28]
    assert found.marks == []


@pytest.mark.parametrize("states", [3, 250_000])
def test_an_epoch_without_end_is_put_out_in_parts(states: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if states > 1000:
        monkeypatch.setattr("nanlog_parsers.keras._log._MOST_WAITING", 1000)
        states = 5000
    text = "Epoch 3/9\n" + "\n".join(drawn(seen, states, loss=1.0) for seen in range(1, states + 1)) + "\nEpoch 4/9\n"
    found = read(text, size=10_000)
    assert found.steps("loss") == [2 * states + seen for seen in range(1, states + 1)]
    assert np.allclose(found.values("loss"), 1.0)


def test_facts() -> None:
    text = "Epoch 1/7\n" + line([coloured(1, 20, loss=1.0), coloured(20, 20, loss=0.9)])
    assert read(text).facts == {
        "framework": "keras",
        "framework_version": "3",
        "trainer.max_epochs": 7,
        "steps_per_epoch": 20,
    }
