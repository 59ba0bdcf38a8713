"""How text of any program counts its steps."""

from __future__ import annotations

import pytest

from nanlog.model import Stage
from nanlog_parsers.table import PARSER as TABLE
from nanlog_parsers.text import PARSER
from text_logs import points, run_of


def steps(text: str, name: str = "loss") -> list[int]:
    return [int(step) for step in run_of(PARSER, text).table[name].step]


@pytest.mark.parametrize(
    "line",
    [
        "step {} loss 0.5",
        "step={} loss=0.5",
        "Step: {}, Loss: 0.5",
        "iter {}: loss 0.5",
        "Iteration {:>6} | loss 0.5",
        "it {} - loss: 0.5",
        "update {} | loss 0.5",
        "global_step: {} loss: 0.5",
        "num_updates={}, loss=0.5",
        "[{}] loss=0.5",
        "{} | loss 0.5",
        "{}: loss 0.5",
        "2026-11-23 02:23:10,138 - trainer - INFO - step {} loss 0.5",
        "[2026-11-23 02:23:10] epoch 3 step {} loss=0.5",
        "I1123 02:23:10.123456 4711 train.cc:239] step {} loss 0.5",
        "#{} loss = 0.5",
        "step {}/1000 loss 0.5",
        "loss 0.5 at step {}",
        '{{"step" {}}} loss: 0.5',
        "('step', {}, 'loss', 0.5)",
        "('Step: ', {}, 'loss: ', 0.5)",
        "step {} => loss => 0.5 (lr: 0.1 -> 0.01)",
        "11:23:45.678 [main] INFO  o.d.l.Listener - Score at iteration {} is 0.5 loss: 0.5",
    ],
)
def test_a_step_as_it_is_printed(line: str) -> None:
    text = "".join(line.format(step) + "\n" for step in (0, 10, 20, 30))
    assert steps(text) == [0, 10, 20, 30]


@pytest.mark.parametrize(
    "line",
    [
        "Epoch: [{e}][ {b}/50]\tLoss 0.5 (0.6)",
        "[{e}/20][{b}/50]\tLoss: 0.5",
        "Epoch {e}, batch {b}/50, loss: 0.5",
        "Epoch [{e}/5], Step [{b}/50], Loss: 0.5",
        "Train: {e} [{b:>4}/50 ( 2%)]  Loss: 0.5 (0.6)",
        "Epoch(train) [{e}][{b}/50]  lr: 1.0e-3  eta: 0:01:00  loss: 0.5",
        "| epoch {e:03d}:     {b} / 50 loss=0.5, lr=0.1",
        "epoch {e}: 80%|####      | {b}/50 [00:00<00:00, 534it/s, loss=0.5]",
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_epoch_and_batch_make_one_count(line: str, first: int) -> None:
    lines = [line.format(e=epoch, b=batch) for epoch in (first, first + 1, first + 2) for batch in (10, 20, 50)]
    expected = [10, 20, 50, 60, 70, 100, 110, 120, 150]
    assert steps("\n".join(lines) + "\n") == expected


def test_epochs_count_from_zero_where_a_resumed_log_does_not_say() -> None:
    assert steps("Epoch: [4][10/50]\tLoss 0.5\nEpoch: [4][20/50]\tLoss 0.5\n") == [210, 220]


def test_epochs_count_from_one_where_the_last_is_named() -> None:
    assert steps("Epoch 4/9: 10/50 loss=0.5\nEpoch 4/9: 20/50 loss=0.5\n") == [160, 170]


def test_the_size_of_an_epoch_is_seen_where_it_is_not_printed() -> None:
    text = "".join(f"epoch {e} batch {b} loss 0.5\n" for e in (0, 1, 2) for b in range(4))
    assert steps(text) == list(range(12))


def test_a_step_that_goes_on_over_epochs_is_left_alone() -> None:
    text = "".join(f"epoch {k // 4} iter {k} loss 0.5\n" for k in range(12))
    assert steps(text) == list(range(12))


def test_epochs_alone_are_steps() -> None:
    assert steps("".join(f"Epoch {e}/5 train loss: 0.5 val loss: 0.6\n" for e in (1, 2, 3))) == [1, 2, 3]


def test_what_is_said_of_an_epoch_is_an_average_beside_its_batches() -> None:
    lines = [f"Epoch {e} [{b}/10] loss: 0.5" for e in (1, 2) for b in (5, 10)]
    text = "\n".join([*lines[:2], "Epoch 1 done, loss: 0.45", *lines[2:], "Epoch 2 done, loss: nan"]) + "\n"
    run = run_of(PARSER, text)
    assert points(run, "loss_smoothed").keys() == {10, 20}
    assert run.table["loss_smoothed"].info.smoothed
    assert run.table["loss"].step.tolist() == [5, 10, 15, 20]


def test_batches_without_an_epoch_go_on_where_the_last_one_was_reached() -> None:
    bars = "".join(f"{b}/4 [00:0{b}<00:01, 1.0it/s, loss=0.5]\r" for b in (1, 2, 3, 4))
    assert steps(f"{bars}\n{bars}\n") == [1, 2, 3, 4, 5, 6, 7, 8]


def test_batches_that_count_from_zero_without_an_epoch() -> None:
    assert steps("".join(f"batch {b}/40 loss 0.5\n" for b in (0, 10, 20, 30)) * 2) == [0, 10, 20, 30, 40, 50, 60, 70]


def test_units_that_count() -> None:
    parts = ("1epoch:train:1-20", "1epoch:train:21-40", "2epoch:train:1-20", "2epoch:train:21-40")
    assert steps("".join(f"{part}batch: iter_time=1e-04, loss=0.5\n" for part in parts)) == [20, 40, 60, 80]


def test_samples_of_an_epoch_with_a_test_between() -> None:
    text = ""
    for epoch in (1, 2):
        text += f"Epoch {epoch}\n-------------------------------\n"
        text += "".join(f"loss: {0.5:>7f}  [{k:>5d}/{300:>5d}]\n" for k in (0, 100, 200))
        text += "Test Error: \n Accuracy: 50.0%, Avg loss: 0.980610 \n\n"
    assert TABLE.score("train.log", text.encode()) == 0 < PARSER.score("train.log", text.encode())
    assert steps(text) == [0, 100, 200, 300, 400, 500]


def test_a_new_training_begins_where_the_last_batch_was_not_reached() -> None:
    run = run_of(PARSER, "".join(f"step {b}/100 loss 0.5\n" for b in (10, 20, 30, 10, 20, 30, 40)))
    assert run.table["loss"].step.tolist() == [10, 20, 30, 10, 20, 30, 40]
    assert len(run.attempts) == 2


def test_lines_below_a_step_belong_to_it() -> None:
    text = "".join(f"=== iteration {k} ===\nloss: {k}.5\nlr: 0.1\n\n" for k in (5, 6, 7))
    assert points(run_of(PARSER, text), "loss") == {5: 5.5, 6: 6.5, 7: 7.5}


def test_lines_above_a_step_in_their_block_belong_to_it() -> None:
    text = "".join(f"{'-' * 20}\n| loss | {k}.5 |\n| step | {k} |\n{'-' * 20}\n" for k in (5, 6, 7))
    assert points(run_of(PARSER, text), "loss") == {5: 5.5, 6: 6.5, 7: 7.5}


def test_a_validation_in_the_middle_of_an_epoch_belongs_to_the_step_before() -> None:
    text = "Epoch 0 [10/50] loss 0.5\nEpoch 0 [20/50] loss 0.5\nval loss 0.6\nEpoch 0 [30/50] loss 0.5\n"
    run = run_of(PARSER, text)
    assert run.table["val/loss"].step.tolist() == [20]
    assert run.table["val/loss"].info.stage is Stage.EVALUATION_AFTER


def test_a_validation_after_an_epoch_is_made_before_the_next_step() -> None:
    lines = [f"Epoch {e} [{b}/50] loss 0.5" for e in (0, 1) for b in (10, 20, 30, 40, 50)]
    text = "\n".join([*lines[:5], "val loss 0.6", *lines[5:], "val loss 0.6"]) + "\n"
    series = run_of(PARSER, text).table["val/loss"]
    assert (series.step.tolist(), series.info.stage) == ([51, 101], Stage.EVALUATION)


def test_batches_of_an_evaluation_are_no_steps() -> None:
    lines = [f"Epoch {e} [{b}/50] loss 0.5\n" for e in (0, 1) for b in (25, 50)]
    test = "".join(f"Test: [{b}/3] loss 0.7 (0.8)\n" for b in (1, 2, 3))
    run = run_of(PARSER, "".join([*lines[:2], test, *lines[2:]]))
    assert run.table["loss"].step.tolist() == [25, 50, 75, 100]
    assert run.table["val/loss"].step.tolist() == [51, 51, 51]
    assert run.table["val/loss"].value.tolist() == [0.8, 0.8, 0.8]


def test_sections_name_the_data() -> None:
    text = "".join(f"Epoch {e}/9\nTraining:\n  loss: 0.{e}\nValidation:\n  loss: 0.{e}5\n" for e in (1, 2, 3))
    run = run_of(PARSER, text)
    assert points(run, "loss") == {1: 0.1, 2: 0.2, 3: 0.3}
    assert points(run, "val/loss") == {1: 0.15, 2: 0.25, 3: 0.35}


def test_losses_without_any_counter_are_numbered() -> None:
    assert steps("loss: 0.5\nloss: 0.4\nloss: nan\n") == [0, 1, 2]


def test_settings_before_the_first_step_are_no_series() -> None:
    run = run_of(PARSER, "lr: 0.1\nweight_decay: nan\nloss: nan\nstep 1 loss 0.5\nstep 2 loss 0.4\n")
    assert points(run, "loss") == {1: 0.5, 2: 0.4}
    assert {fact.key for fact in run.facts} == {"hparams.lr", "hparams.weight_decay", "hparams.loss"}


@pytest.mark.parametrize(
    "line",
    [
        "Validation loss decreased (inf --> 0.690000).  Saving model ...",
        "loss improved from inf to 0.5",
        "best=inf",
        "best_val_loss: inf",
        "ETA: nan",
        "Early stopping: best loss inf, patience 3",
        "time nanms",
        "loss: inf -> 0.5",
        "step 7: no NaN found in the gradients",
        "checked 100 tensors for nan/inf",
    ],
)
def test_what_is_no_value(line: str) -> None:
    text = "".join(f"step {k} loss 0.5\n{line}\n" for k in range(1, 5))
    run = run_of(PARSER, text)
    assert set(run.table) == {"loss"}
    assert run.table["loss"].value.tolist() == [0.5] * 4
    assert not [mark for mark in run.marks if mark.kind.value == "nonfinite"]


def test_numbers_in_names_tell_series_apart() -> None:
    text = "".join(f"step {k} loss 0.5 | AP[class 1]=0.{k} | AP[class 2]=nan\n" for k in range(1, 5))
    run = run_of(PARSER, text)
    assert points(run, "metric/AP[class 1]") == {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}
    assert len(run.table["metric/AP[class 2]"]) == 4


def test_lists_and_pairs() -> None:
    text = "".join(f"step {k} loss 0.5 lr: [0.1, 0.01] D(G(z)): 0.3 / 0.4 acc: 90/100 (90%)\n" for k in range(1, 4))
    run = run_of(PARSER, text)
    assert {name: series.value[0] for name, series in run.table.items()} == {
        "loss": 0.5,
        "lr": 0.1,
        "lr/1": 0.01,
        "metric/D(G(z))": 0.3,
        "metric/D(G(z))[1]": 0.4,
        "metric/acc": 90.0,
    }


def test_more_names_than_can_be_told_apart_leave_the_other_values_alone() -> None:
    run = run_of(PARSER, "".join(f"step {k} AP[class {k}]=0.5 loss 0.{k}\n" for k in range(1000)))
    assert run.table["loss"].step.tolist() == list(range(1000))
    assert 100 < len(run.table) < 300


@pytest.mark.parametrize("prefix", ["[rank{}]: ", "[default{}]:", "[Rank {}] ", "[1,{}]<stdout>:", "Rank {}: "])
def test_ranks_in_one_file(prefix: str) -> None:
    lines = [f"{prefix.format(rank)}step {k} loss {rank}.{k}\n" for k in (10, 20, 30) for rank in (0, 1)]
    run = run_of(PARSER, "".join(lines))
    assert points(run, "loss") == {10: 0.1, 20: 0.2, 30: 0.3}
    assert points(run, "rank1/loss") == {10: 1.1, 20: 1.2, 30: 1.3}


def test_one_file_for_each_rank() -> None:
    files = {f"rank_{rank}.log": f"step 1 loss {rank}.5\nstep 2 loss {rank}.25\n" for rank in (0, 1)}
    run = run_of(PARSER, files)
    assert points(run, "loss") == {1: 0.5, 2: 0.25}
    assert points(run, "rank1/loss") == {1: 1.5, 2: 1.25}


@pytest.mark.parametrize(
    ("line", "counts", "expected"),
    [
        ("iter {} | loss 0.5", ["10k", "20k", "30k", "40k"], [10_000, 20_000, 30_000, 40_000]),
        ("step {}: loss=0.5", ["0.9M", "1M", "1.1M", "1.25M"], [900_000, 1_000_000, 1_100_000, 1_250_000]),
        ("step {} loss 0.5", ["900", "1k", "1.1k", "1.2K"], [900, 1000, 1100, 1200]),
        ("[{}/100k] loss: 0.5", ["1k", "2k", "3k", "4k"], [1000, 2000, 3000, 4000]),
        ("step {}ms loss 0.5", ["1", "2", "3", "4"], [1, 2, 3, 4]),
        ("step {}kimg loss 0.5", ["1", "2", "3", "4"], [1, 2, 3, 4]),
    ],
)
def test_steps_in_thousands_and_millions(line: str, counts: list[str], expected: list[int]) -> None:
    assert steps("".join(line.format(count) + "\n" for count in counts)) == expected
