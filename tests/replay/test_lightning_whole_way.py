"""Lightning from the training that breaks to the one that lives: recorder, diagnose, replay, the named change."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from labelled_logs import ROOT
from nanlog.replay.plan import plan_for
from replaying import replayed

SCRIPT = """
import sys
import lightning
import torch
import torch.nn.functional as F
from nanlog.record import LightningRecorder


class Data(lightning.LightningDataModule):
    def train_dataloader(self):
        numbers = torch.Generator().manual_seed(0)
        x, y = torch.randn(160, 8, generator=numbers), torch.randint(0, 3, (160,), generator=numbers)
        x[77] = 0.0
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=8)


class Module(lightning.LightningModule):
    def __init__(self, least=0.0):
        super().__init__()
        self.save_hyperparameters()
        self.hidden, self.head = torch.nn.Linear(8, 16), torch.nn.Linear(16, 3)

    def training_step(self, batch, batch_idx):
        x, y = batch
        hidden = F.dropout(torch.tanh(self.hidden(x)), 0.2)
        size = torch.log(x.abs().sum(-1).clamp_min(self.hparams.least))
        return F.cross_entropy(self.head(hidden), y) + 0.01 * size.mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.01)


def train(least):
    lightning.seed_everything(1, verbose=False)
    module = Module(least)
    recorder = LightningRecorder(target="train.py:Module,Data", stop=True)
    quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_checkpointing", "enable_model_summary"), False)
    trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", gradient_clip_val=1.0, callbacks=[recorder], **quiet)
    trainer.fit(module, Data())
    return module, recorder, trainer.global_step
"""


def nanlog(*words: str, cwd: Path) -> Any:
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "parsers")]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "nanlog", *words]
    return subprocess.run(command, cwd=cwd, env=settings, capture_output=True, text=True, timeout=120, check=False)


def trained(folder: Path, least: float) -> Any:
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.chdir(folder)
        return runpy.run_path("train.py")["train"](least)


def test_the_whole_way(tmp_path: Path) -> None:
    _, recorder, _ = trained(tmp_path, 0.0)
    assert (recorder.found.step, recorder.found.value) == (9, "-inf")
    bundle = recorder.bundle.name

    diagnosed = nanlog("diagnose", "nanlog-record/log.jsonl", cwd=tmp_path)
    assert diagnosed.returncode == 1
    assert "step 9" in diagnosed.stdout

    before = sorted(tmp_path.rglob("*"))
    done = nanlog("replay", "--checkpoint", f"nanlog-record/{bundle}", "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [each["cause"] for each in answer["causes"] if each["verdict"] == "confirmed"] == ["faulty_loss"]
    first = answer["first_nonfinite"]
    line = next(number for number, text in enumerate(SCRIPT.splitlines(), 1) if "torch.log(" in text)
    assert (first["op"], first["file"], first["line"], first["samples"]) == ("log", "train.py", line, [5])
    assert answer["smallest_change"] == "guard_op"
    written = {path for path in tmp_path.rglob("*") if ".nanlog" not in path.parts and "__pycache__" not in path.parts}
    assert written <= set(before)

    module, recorder, steps = trained(tmp_path, 1e-6)
    assert (recorder.found, steps) == (None, 40)
    assert all(bool(parameter.isfinite().all()) for parameter in module.parameters())


def test_a_bundle_repeats_the_training_bit_for_bit_dropout_included(tmp_path: Path) -> None:
    _, recorder, _ = trained(tmp_path, 0.0)
    bundle = tmp_path / recorder.bundle
    kept = torch.load(bundle / "batches.pt", weights_only=True)["losses"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome, gathered = replayed(plan_for(str(bundle), None, vary=()))
    assert gathered.failed is None
    state = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["state_step"]
    assert len(kept) > 3
    assert outcome.losses == tuple(kept[step] for step in sorted(kept) if step >= state)
