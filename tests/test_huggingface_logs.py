"""What a script with a Trainer prints, and what the Trainer really does."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from labelled_logs import Sample, samples_of
from nanlog.model import MarkKind
from nanlog.pipeline import diagnose
from nanlog_parsers.huggingface import PARSER
from text_logs import first_bad, marks, points, run_of, same

PRINTED = [sample for sample in samples_of("huggingface") if sample.label["files"] == ["train.log"]]
ORIGINALS = {"loss": "loss", "grad_norm": "grad_norm", "lr": "learning_rate", "val/loss": "eval_loss"}


def row(step: int, loss: float = 2.5, **others: float) -> str:
    return str({"loss": loss, "grad_norm": 1.0, "learning_rate": 1e-3, **others, "epoch": step / 97}) + "\n"


@pytest.mark.parametrize("sample", PRINTED, ids=lambda sample: sample.id)
def test_steps_and_lines_are_those_of_the_label(sample: Sample) -> None:
    text = sample.log.read_bytes()
    run = run_of(PARSER, text)
    assert PARSER.score("train.log", text[:65536]) >= 0.9
    assert run.unread_count == 0
    by_series = sample.label.get("onset_by_series", {})
    found = {name: first_bad(run, name) for name in ORIGINALS if name in run.table}
    assert {ORIGINALS[name]: bad[0] for name, bad in found.items() if bad is not None} == by_series
    if (line := sample.label.get("onset_line")) is not None:
        name = next(name for name, original in ORIGINALS.items() if original == sample.label["series"])
        assert found[name] == (sample.label["onset_step"], line)
    assert len(run.table["loss"]) == sample.label["n_points"]


SCRIPT = """
import sys, torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 46
    def __getitem__(self, index):
        ids = torch.full((8,), index % 7)
        return {"input_ids": ids, "labels": ids}

class Faulty(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **others):
        loss = super().compute_loss(model, inputs, return_outputs=return_outputs, **others)
        return loss * float("nan") if self.state.global_step >= 13 and not return_outputs else loss

torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=8, n_positions=8))
settings = TrainingArguments(
    output_dir=sys.argv[1], max_steps=24, logging_steps=3, per_device_train_batch_size=4, report_to=[], save_steps=6,
    use_cpu=True, eval_strategy="steps", eval_steps=8, log_level="info",
)
Faulty(model, settings, train_dataset=Data(), eval_dataset=Data()).train()
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the installed Trainer prints and writes when the loss is NaN from step 14 on."""
    folder = tmp_path_factory.mktemp("trainer")
    (folder / "out").mkdir()
    command = [sys.executable, "-c", SCRIPT, str(folder / "out")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120)
    (folder / "train.log").write_bytes(done.stdout)
    assert done.returncode == 0, done.stdout[-2000:]
    return folder


def test_the_installed_trainer_is_read(real: Path) -> None:
    run = diagnose(str(real / "train.log")).run
    assert run.parser == "huggingface"
    assert list(points(run, "loss")) == list(range(3, 25, 3))
    assert next(step for step, value in points(run, "grad_norm").items() if math.isnan(value)) == 15
    assert list(points(run, "val/loss")) == [8, 16, 24]
    assert [step for step, _, _ in marks(run, MarkKind.CHECKPOINT)] == [6, 12, 18, 24]
    assert {fact.key: fact.value for fact in run.facts}["hparams.num_examples"] == 46
    assert run.unread_count == 0


def test_the_installed_trainer_prints_what_it_writes(real: Path) -> None:
    printed = run_of(PARSER, (real / "train.log").read_bytes())
    state = next(real.glob("out/checkpoint-24/trainer_state.json")).read_text()
    written = run_of(PARSER, {"trainer_state.json": state})
    assert set(written.table) - set(printed.table) == set()
    for name in written.table:
        rounded = {step: float(f"{value:.4g}") for step, value in points(written, name).items()}
        shown = points(printed, name)
        assert same({step: shown[step] for step in rounded}, rounded)


def test_the_checkpoints_of_the_installed_trainer_are_told(real: Path) -> None:
    report = diagnose(str(real / "out"))
    assert report.onset is not None
    assert report.onset.step == 15
    assert "checkpoint-12" in (report.onset.last_good_checkpoint or "")


def test_the_default_filter_is_kept_as_it_is_printed() -> None:
    """Exactly 0 beside a gradient norm of NaN: what that means is not for a parser to say."""
    run = run_of(PARSER, row(10) + row(20, 0.9, grad_norm=math.nan) + row(30, 0.0, grad_norm=math.nan))
    assert list(points(run, "loss").values()) == [2.5, 0.9, 0.0]
    assert first_bad(run, "grad_norm") == (20, 2)


def test_the_rate_of_a_row_stays_with_the_row() -> None:
    run = run_of(PARSER, row(10) + row(20, learning_rate=math.nan))
    assert first_bad(run, "lr") == (20, 2)


def test_several_dicts_on_a_line() -> None:
    text = (row(10) + row(20)).replace("\n", "") + str({"eval_loss": math.inf, "eval_runtime": 0.1, "epoch": 20 / 97})
    run = run_of(PARSER, text + "\n")
    assert list(points(run, "loss")) == [10, 20]
    assert first_bad(run, "val/loss") == (20, 1)


def test_a_dict_glued_to_bars_whose_control_characters_are_gone() -> None:
    bar = "{0:3d}%|##   | {0}/100 [00:00<00:00, 309.89it/s]"
    text = "".join(row(k).strip() + bar.format(k) for k in range(10, 60, 10))
    run = run_of(PARSER, "  0%|          | 0/100 [00:00<?, ?it/s]" + text)
    assert list(points(run, "loss")) == [10, 20, 30, 40, 50]
    fact = run.fact("logging_steps")
    assert fact is not None
    assert fact.value == 10


def test_bars_of_data_sets_are_no_counters() -> None:
    text = "".join(
        row(k) + f"Map: 100%|####| {k * 7}/1000 [00:00<00:00]\r {k}%|#  | {k}/100 [00:00<00:00]\n" for k in (10, 20, 30)
    )
    assert list(points(run_of(PARSER, text), "loss")) == [10, 20, 30]


def test_metrics_of_the_script_and_of_trl() -> None:
    run = run_of(
        PARSER,
        row(10, **{"rewards/chosen": math.nan, "num_tokens": 5.0})
        + str({"eval_loss": 1.0, "eval_accuracy": 0.5, "eval_steps_per_second": 3.0, "epoch": 10 / 97}),
    )
    assert set(run.table) == {"loss", "grad_norm", "lr", "metric/rewards/chosen", "val/loss", "val/metric/accuracy"}


def test_rows_without_a_loss_are_counted_like_those_with_one() -> None:
    text = "".join(str({"objective/kl": 0.1 * k, "lr": 1e-5, "epoch": 10 * k / 97}) + "\n" for k in range(1, 6))
    run = run_of(PARSER, text)
    assert list(points(run, "lr")) == [10, 20, 30, 40, 50]


def test_other_dicts_are_passed_over() -> None:
    run = run_of(
        PARSER, "{'batch_size': 8, 'lr': nan}\n" + row(10) + "{'input_ids': [1, 2], 'labels': 3}\n{'epoch': 3}\n"
    )
    assert first_bad(run, "lr") is None
    assert run.unread_count == 0


def test_a_dict_that_is_cut_off_is_told() -> None:
    run = run_of(PARSER, row(10) + row(20)[:40])
    assert list(points(run, "loss")) == [10]
    assert run.unread_count == 1


def test_trainings_that_follow_each_other_are_attempts() -> None:
    first, second = "".join(map(row, range(10, 60, 10))), "".join(map(row, range(10, 40, 10)))
    totals = str({"train_runtime": 5.0, "train_steps_per_second": 10.0, "train_loss": 2.5, "epoch": 50 / 97}) + "\n"
    for between in ("", totals, "***** Running training *****\n  Num examples = 970\n"):
        run = run_of(PARSER, first + between + second)
        assert [(attempt.first_step, attempt.last_step) for attempt in run.attempts] == [(10, 50), (10, 30)]


def test_messages_at_the_start() -> None:
    run = run_of(
        PARSER,
        "[INFO|trainer.py:2414] 2025-01-01 00:00:00,123 >> ***** Running training *****\n"
        "[INFO|trainer.py:2415] 2025-01-01 00:00:00,123 >>   Num examples = 12,345\n"
        "[INFO|trainer.py:2416] 2025-01-01 00:00:00,123 >>   Num Epochs = 3\n"
        "  Total train batch size (w. parallel, distributed & accumulation) = 64\n"
        "  Gradient Accumulation steps = 4\n" + row(10),
    )
    facts = {fact.key: (fact.value, fact.line) for fact in run.facts}
    assert facts["hparams.num_examples"] == (12345, 2)
    assert facts["hparams.num_train_epochs"] == (3, 3)
    assert facts["hparams.total_train_batch_size"] == (64, 4)
    assert facts["hparams.gradient_accumulation_steps"] == (4, 5)
    assert marks(run, MarkKind.START) == [(None, 1, "")]
    assert facts["framework"][0] == "transformers"


def test_the_settings_that_scripts_print() -> None:
    run = run_of(
        PARSER,
        "12/01/2025 00:00:00 - INFO - __main__ - Training/evaluation parameters TrainingArguments(\n"
        "_n_gpu=1,\nfp16=True,\nlearning_rate=5e-05,\nlogging_nan_inf_filter=True,\nlogging_steps=7,\nmax_steps=-1,\n"
        "optim=OptimizerNames.ADAMW_TORCH,\n)\n" + "".join(row(7 * k) for k in range(1, 4)) + "loss=3,\n",
    )
    facts = {fact.key: fact.value for fact in run.facts}
    assert facts["hparams.learning_rate"] == 5e-05
    assert facts["hparams.logging_nan_inf_filter"] is True
    assert (facts["precision"], facts["logging_steps"]) == ("fp16", 7)
    assert facts["optimizer"] == "OptimizerNames.ADAMW_TORCH"
    assert "hparams.loss" not in facts
    assert list(points(run, "loss")) == [7, 14, 21]


def test_the_model_that_is_loaded() -> None:
    run = run_of(
        PARSER,
        "[INFO|configuration_utils.py:737] 2025-12-01 00:00:00,000 >> Model config T5Config {\n"
        '  "architectures": [\n    "T5ForConditionalGeneration"\n  ],\n  "layer_norm_epsilon": 1e-06,\n'
        '  "model_type": "t5",\n  "n_positions": 512,\n  "pad": null,\n  "task_specific_params": {\n'
        '    "summarization": {\n      "max_length": 200\n    }\n  },\n  "use_cache": true\n}\n\n' + row(1) + row(2),
    )
    found = {fact.key: (fact.value, fact.line) for fact in run.facts if fact.key.startswith("model.")}
    assert found == {
        "model.layer_norm_epsilon": (1e-6, 5),
        "model.model_type": ("t5", 6),
        "model.n_positions": (512, 7),
        "model.use_cache": (True, 14),
    }
    assert list(points(run, "loss")) == [1, 2]


def test_checkpoints_and_a_resumed_training() -> None:
    run = run_of(
        PARSER,
        "Loading model from out/checkpoint-500.\n"
        + row(10)
        + "[INFO|trainer.py:3] >> Saving model checkpoint to out/checkpoint-10\n"
        "Saving model checkpoint to out\n",
    )
    assert marks(run, MarkKind.RESUME) == [(500, 1, "out/checkpoint-500")]
    assert marks(run, MarkKind.CHECKPOINT) == [(10, 3, "out/checkpoint-10"), (None, 4, "out")]


@pytest.mark.parametrize(
    "exception",
    ["OverflowError: cannot convert float infinity to integer", "torch.OutOfMemoryError: CUDA out of memory."],
)
def test_an_exception_in_the_middle_of_a_bar(exception: str) -> None:
    bar = " 31%|███▏      | 10/160 [00:00<00:00, 646.96it/s]"
    traceback = f'Traceback (most recent call last):\n  File "t.py", line 1, in f\n    f()\n{exception}\n'
    text = f"{row(10)}\r{bar}{traceback}\r{bar}\n"
    assert marks(run_of(PARSER, text), MarkKind.EXCEPTION) == [(None, 5, exception)]


def test_somebody_stopped_it() -> None:
    run = run_of(PARSER, row(10) + 'Traceback (most recent call last):\n  File "t.py", line 1\nKeyboardInterrupt\n')
    assert marks(run, MarkKind.STOPPED_EARLY) == [(None, 4, "KeyboardInterrupt")]
    assert marks(run, MarkKind.EXCEPTION) == []


def test_skipped_updates_are_dated_by_the_rows_around() -> None:
    overflow = "[INFO] [loss_scaler.py:190:update_scale] [deepspeed] OVERFLOW! Rank 0 Skipping step. "
    scales = [f"{overflow}Attempting loss scale: {2**k}, reducing to {2 ** (k - 1)}\n" for k in (16, 15, 14)]
    bars = "\r {0}%|#  | {0}/100 [00:00<00:00]\n"
    text = scales[0] + scales[1] + row(10) + bars.format(10) + scales[2] + row(20) + bars.format(20)
    run = run_of(PARSER, text)
    skipped = [mark for mark in run.marks if mark.kind is MarkKind.SKIPPED_STEP]
    assert [(mark.step, mark.value) for mark in skipped] == [(0, 32768.0), (1, 16384.0), (11, 8192.0)]
    assert points(run, "loss_scale") == {0: 32768.0, 1: 16384.0, 11: 8192.0}


def test_rows_of_two_nodes_are_kept_apart() -> None:
    text = "".join(
        f"[default{rank}]:{row(k, math.nan if rank and k > 10 else 2.5)}" for k in (10, 20, 30) for rank in (0, 8)
    )
    run = run_of(PARSER, text)
    assert list(points(run, "loss")) == list(points(run, "rank8/loss")) == [10, 20, 30]
    assert first_bad(run, "rank8/loss") == (20, 4)
    assert len(run.attempts) == 1


def test_an_evaluation_before_the_training_is_at_step_0() -> None:
    run = run_of(PARSER, str({"eval_loss": 3.0, "eval_runtime": 1.0}) + "\n" + row(10) + row(20))
    assert points(run, "val/loss") == {0: 3.0}


@pytest.mark.parametrize(
    "text", ["{'loss': 2.5}", '{"loss": 1, "epoch": 2}', "loss: 2.5 epoch: 1", "", "{'a': 1, 'b': 2}"]
)
def test_other_logs_are_left_alone(text: str) -> None:
    assert PARSER.score("train.log", text.encode()) == 0.0
