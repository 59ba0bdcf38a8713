"""What Lightning itself writes and prints, read back: CSVLogger, TQDM and Rich, callbacks, detected anomalies."""

from __future__ import annotations

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_logs import Read, read_path
from nanlog.model import MarkKind
from nanlog.pipeline import diagnose

PROGRAM = """
import os
import sys
import traceback
import warnings

import torch
import lightning.pytorch as L
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.callbacks import RichProgressBar, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore", category=UserWarning, module="lightning")
BATCHES, BAD = 12, 27


class Net(L.LightningModule):
    def __init__(self, lr=0.05, sizes=(4, 1)):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Linear(*sizes)

    def loss(self, batch):
        x, y = batch
        return ((self.net(x) - y) ** 2).mean()

    def training_step(self, batch, index):
        loss = self.loss(batch)
        if self.global_step == BAD and KIND == "anomaly":
            loss = loss + torch.sqrt((self.net.weight * 0).pow(2).sum())
        elif self.global_step == BAD:
            loss = loss * float("nan")
        self.log("train/total_loss", loss, prog_bar=True, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val_nll", self.loss(batch), prog_bar=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.hparams.lr)


torch.manual_seed(3)
x = torch.randn(8 * BATCHES, 4)
train = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=8)
validation = DataLoader(TensorDataset(x[:16], x[:16].sum(1, keepdim=True)), batch_size=8)
for KIND in sys.argv[1:]:
    sys.stdout.flush()
    log = os.open(KIND + ".log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    L.seed_everything(3)
    callbacks = [
        RichProgressBar(leave=True) if KIND == "rich" else TQDMProgressBar(refresh_rate=3),
        EarlyStopping("val_nll", verbose=True, check_finite=True),
        ModelCheckpoint(KIND, monitor="val_nll", verbose=True),
        LearningRateMonitor(),
    ]
    trainer = L.Trainer(
        max_epochs=5, logger=CSVLogger(".", name="logs", version=KIND), callbacks=callbacks, log_every_n_steps=2,
        accelerator="cpu", detect_anomaly=KIND == "anomaly", enable_model_summary=True,
    )
    try:
        trainer.fit(Net(), train, validation)
    except RuntimeError:
        traceback.print_exc()
"""
#: The batch whose loss is NaN, counted from 0, and how many an epoch has.
BAD, BATCHES = 27, 12


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three trainings: what each printed is ``<kind>.log``, its table lies in ``logs/<kind>``."""
    home = tmp_path_factory.mktemp("lightning")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "tqdm", "rich", "anomaly"],
        cwd=home,
        env={**os.environ, "COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return home


@pytest.fixture(scope="module")
def printed(home: Path) -> Read:
    return read_path(home / "tqdm.log")


def first_bad(read: Read, name: str) -> int:
    return next(step for step, value in read.points(name) if not math.isfinite(value))


def test_the_bar(printed: Read) -> None:
    """Drawn every third batch, of which the first that is bad is batch 28, the fourth of the third epoch."""
    assert printed.steps("train/total_loss_step") == list(range(3, 3 * BATCHES + 1, 3))
    assert first_bad(printed, "train/total_loss_step") == 30
    assert [step for step, _ in printed.points("train/total_loss_epoch")] == [12, 24, 36]
    assert printed.steps("val_nll") == [12, 24, 36]
    assert first_bad(printed, "val_nll") == 36
    assert printed.facts["steps_per_epoch"] == BATCHES
    assert not printed.unread


def test_the_messages(printed: Read) -> None:
    assert printed.facts["seed"] == 3
    assert printed.facts["device"] == "cpu"
    assert printed.facts["model.layer[0].type"] == "Linear"
    (stopped,) = printed.marked(MarkKind.NONFINITE)
    assert stopped[0] == 36
    assert stopped[2].startswith("Monitored metric val_nll = nan is not finite.")
    assert [step for step, _, _ in printed.marked(MarkKind.CHECKPOINT)] == [12, 24]
    assert all(text.endswith(".ckpt") for _, _, text in printed.marked(MarkKind.CHECKPOINT))


def test_the_table_cell_by_cell(home: Path) -> None:
    table = home / "logs" / "tqdm" / "metrics.csv"
    found = read_path(table)
    cells = {
        (name, line): float(cell)
        for line, row in enumerate(csv.DictReader(table.read_text().splitlines()), 2)
        for name, cell in row.items()
        if cell and name not in ("epoch", "step")
    }
    told = {(name, line): value for name, points in found.table.items() for _, value, line in points}
    assert repr(sorted(told.items())) == repr(sorted(cells.items()))
    assert first_bad(found, "train/total_loss_step") == 27
    assert found.infos["lr-SGD"].name == "lr"


def test_the_whole_folder(home: Path) -> None:
    report = diagnose(str(home / "logs" / "tqdm"))
    assert report.onset is not None
    assert (report.onset.step, report.onset.last_finite_step) == (27, 25)
    assert report.run.unread_count == 0
    fact = report.run.fact("hparams.lr")
    assert fact is not None
    assert fact.value == 0.05


def test_the_rich_bar(home: Path) -> None:
    """Its column is too narrow for ``train/total_loss_step`` and ``train/total_loss_epoch``."""
    found = read_path(home / "rich.log")
    assert found.steps("train/total_loss") == [12, 24, 36]
    assert first_bad(found, "train/total_loss") == first_bad(found, "train/total_loss~2") == 36
    assert found.steps("val_nll") == [12, 24, 36]
    assert first_bad(found, "val_nll") == 36
    assert not found.unread


def test_an_anomaly(home: Path) -> None:
    log = home / "anomaly.log"
    found = read_path(log)
    ((step, line, text),) = found.marked(MarkKind.NONFINITE)
    assert step == 28
    assert log.read_bytes().split(b"\n")[line - 1].startswith(b"RuntimeError: Function ")
    assert "training_step" in text
    assert "Backward0" in str(found.facts["anomaly.function"])
    assert all(math.isfinite(value) for _, value in found.points("train/total_loss_step"))
