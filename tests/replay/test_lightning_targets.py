"""How a training of Lightning is named, and what is said where it cannot be made."""

# mypy: disable-error-code="import-not-found"
# (cli_nets is written by the tests)
from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import lightning_nets
from nanlog.replay.outcome import Outcome
from nanlog.replay.plan import Plan, plan_for
from replaying import replayed

SCRIPT = """
import {package} as pl
import torch
import torch.nn.functional as F


class Data(pl.LightningDataModule):
    def __init__(self, batch_size: int = 8):
        super().__init__()
        self.save_hyperparameters()

    def train_dataloader(self):
        numbers = torch.Generator().manual_seed(0)
        x, y = torch.randn(160, 8, generator=numbers), torch.randint(0, 3, (160,), generator=numbers)
        return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=self.hparams.batch_size)


class Module(pl.LightningModule):
    def __init__(self, body: torch.nn.Module = None, width: int = 16):
        super().__init__()
        self.save_hyperparameters(ignore=["body"])
        self.body, self.head = body or torch.nn.Linear(8, width), torch.nn.Linear(width, 3)

    def training_step(self, batch, batch_idx):
        return F.cross_entropy(self.head(self.body(batch[0])), batch[1])

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.01)


class Needy(Module):
    def __init__(self, teacher, width: int = 16):
        super().__init__(None, width)
        self.save_hyperparameters(ignore=["teacher"])


def misspelt():
    return {{"module": Module(), "data_module": Data()}}


def mixed():
    return {{"module": Module(), "datamodule": Data(), "trainer": {{"precision": "16-mixed"}}}}


def odd_trainer():
    return {{"module": Module(), "datamodule": Data(), "trainer": {{"precison": 16}}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a user, first on the path."""
    name = "lightning.pytorch"
    (tmp_path / "cli_nets.py").write_text(SCRIPT.format(package=name), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "cli_nets", raising=False)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    return tmp_path


def saved(module: Any, data: Any, path: Path, change: Any = None, steps: int = 3, **options: Any) -> tuple[Path, Any]:
    losses = lightning_nets.Losses()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = lightning_nets.trainer(max_steps=steps, callbacks=[losses], **options)
        trainer.fit(module, data)
        trainer.save_checkpoint(path)
    if change is not None:
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)
    return path, losses.steps


def refusal(plan: Plan) -> str:
    _, gathered = replayed(plan)
    assert gathered.failed is not None
    return gathered.failed[1]


def outcome_of(plan: Plan) -> Outcome:
    outcome, gathered = replayed(plan)
    assert gathered.failed is None, gathered.failed
    return outcome


def test_classes_are_made_with_the_hyper_parameters_of_the_checkpoint(folder: Path) -> None:
    import cli_nets

    saved(cli_nets.Module(width=5), cli_nets.Data(4), folder / "last.ckpt")
    outcome = outcome_of(plan_for("last.ckpt", "cli_nets.py:Module,Data", steps=(3, 5)))
    assert outcome.facts["parameters"] == 8 * 5 + 5 + 5 * 3 + 3
    assert outcome.steps == (3, 5)
    assert "none are given: precision 32" in outcome.notes[-1]


CONFIG = """
seed_everything: 3
model:
  class_path: cli_nets.Module
  init_args:
    body:
      class_path: torch.nn.Linear
      init_args: {in_features: 8, out_features: 12}
    width: 12
data:
  class_path: cli_nets.Data
  init_args: {batch_size: 16}
optimizer:
  class_path: torch.optim.SGD
  init_args: {lr: 0.02}
trainer:
  max_epochs: 1
  max_steps: 8
  accelerator: cpu
  precision: bf16-mixed
  gradient_clip_val: 0.01
  enable_progress_bar: false
  callbacks:
  - class_path: lightning.pytorch.callbacks.ModelCheckpoint
    init_args: {every_n_train_steps: 4, save_top_k: -1, filename: "{step}"}
  - class_path: lightning.pytorch.callbacks.EarlyStopping
    init_args: {monitor: nothing, strict: false}
  - class_path: lightning_nets.Losses
"""


@pytest.mark.parametrize("names_classes", [True, False])
def test_the_configuration_of_lightning_cli_beside_the_checkpoint(folder: Path, names_classes: bool) -> None:
    pytest.importorskip("jsonargparse", reason="LightningCLI needs it: pip install 'jsonargparse[signatures]'")
    import cli_nets

    yaml: Any = pytest.importorskip("yaml")
    from lightning.pytorch.cli import LightningCLI

    config: Any = yaml.safe_load(CONFIG)
    if not names_classes:
        config |= {name: config[name]["init_args"] for name in ("model", "data")}
    (folder / "conf.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    classes = () if names_classes else (cli_nets.Module, cli_nets.Data)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr(sys, "argv", ["main.py"])
        cli = LightningCLI(*classes, args=["fit", "--config", "conf.yaml"])
    losses = next(each for each in cli.trainer.callbacks if type(each).__name__ == "Losses").steps

    version = next((folder / "lightning_logs").iterdir())
    before = sorted(folder.rglob("*"))
    target = None if names_classes else "cli_nets.py:Module,Data"
    outcome = outcome_of(plan_for(str(version / "checkpoints" / "step=4.ckpt"), target, steps=(4, 7)))
    assert outcome.losses == tuple(losses[4:8])
    assert outcome.facts["precision"] == "bf16-mixed"
    assert any("config.yaml" in note for note in outcome.notes)
    assert {path for path in folder.rglob("*") if "__pycache__" not in path.parts} <= set(before)


def test_the_other_package_of_lightning(folder: Path) -> None:
    """``pytorch_lightning`` holds the same classes again, which know nothing of those of ``lightning``."""
    (folder / "nets.py").write_text(SCRIPT.format(package="pytorch_lightning"), encoding="utf-8")
    code = (
        "import nets, pytorch_lightning as pl\n"
        "options = dict(logger=False, enable_progress_bar=False, accelerator='cpu', max_steps=3)\n"
        "trainer = pl.Trainer(**options)\n"
        "trainer.fit(nets.Module(), nets.Data())\n"
        "trainer.save_checkpoint('last.ckpt')\n"
        "from nanlog.replay.plan import plan_for\n"
        "from nanlog.replay.worker.session import Session\n"
        "tell = lambda event, **content: print(event, content)\n"
        "Session(plan_for('last.ckpt', 'nets.py:Module,Data', steps=(3, 4), vary=()), tell).run()\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=120)
    assert "'reproduced': False, 'deterministic': True, 'steps': (3, 4)" in done.stdout


class Teacher:
    """A class of the user's, which no checkpoint is unpickled with unless he says so."""


def test_what_cannot_be_made_is_one_sentence(folder: Path) -> None:
    import cli_nets

    path, _ = saved(cli_nets.Module(), cli_nets.Data(), folder / "last.ckpt")
    plan = plan_for(str(path), "cli_nets.py:Module")
    assert "Module has no train_dataloader of its own; name its datamodule, too" in refusal(plan)
    needy = refusal(plan_for(str(path), "cli_nets.py:Needy,Data"))
    assert "Needy needs teacher, which the hyper-parameters in" in needy
    assert "(width)" in needy
    assert "did you mean 'datamodule'" in refusal(plan_for(str(path), "cli_nets.py:misspelt"))
    assert "the Trainer could not be made: TypeError" in refusal(plan_for(str(path), "cli_nets.py:odd_trainer"))
    wide, _ = saved(cli_nets.Module(width=5), cli_nets.Data(), folder / "wide.ckpt", _says_width_7)
    assert "head.weight is 3x5 there and 3x7 in the model" in refusal(plan_for(str(wide), "cli_nets.py:Module,Data"))


def _says_width_7(content: Any) -> None:
    content["hyper_parameters"]["width"] = 7


def test_a_class_in_the_hyper_parameters_is_named_before_it_is_trusted(folder: Path) -> None:
    import cli_nets

    module = cli_nets.Module()
    module.save_hyperparameters({"teacher": Teacher()})
    path, _ = saved(module, cli_nets.Data(), folder / "last.ckpt")
    plan = plan_for(str(path), "cli_nets.py:Module,Data", steps=(3, 4))
    said = refusal(plan)
    assert "Teacher" in said
    assert "--trust-checkpoint" in said
    assert outcome_of(dataclasses.replace(plan, trust=True)).steps == (3, 4)


def test_weights_alone_are_taken_with_a_fresh_optimizer(folder: Path) -> None:
    import cli_nets

    def only_weights(content: Any) -> None:
        for key in ("optimizer_states", "lr_schedulers", "callbacks"):
            content.pop(key, None)

    path, _ = saved(cli_nets.Module(), cli_nets.Data(), folder / "last.ckpt", only_weights)
    outcome = outcome_of(plan_for(str(path), "cli_nets.py:Module,Data", steps=(3, 4)))
    assert any("optimizer state" in note for note in outcome.notes)
    assert outcome.steps == (3, 4)


def test_16_mixed_is_float16_where_the_checkpoint_was_scaled_and_what_lightning_makes_of_it_elsewhere(
    folder: Path,
) -> None:
    import cli_nets
    import lightning

    plugin = lightning.pytorch.plugins.MixedPrecision("16-mixed", "cpu")
    scaled, _ = saved(cli_nets.Module(), cli_nets.Data(), folder / "scaled.ckpt", plugins=[plugin])
    outcome = outcome_of(plan_for(str(scaled), "cli_nets.py:mixed", steps=(3, 4)))
    assert outcome.facts["precision"] == "16-mixed"
    assert any("ran in float16, and so does the replay" in note for note in outcome.notes)
    unscaled, _ = saved(cli_nets.Module(), cli_nets.Data(), folder / "unscaled.ckpt", precision="16-mixed")
    outcome = outcome_of(plan_for(str(unscaled), "cli_nets.py:mixed", steps=(3, 4)))
    assert outcome.facts["precision"] == "bf16-mixed"
    assert any("in bfloat16 on the CPU" in note for note in outcome.notes)


def test_a_loader_that_shuffles_by_the_random_numbers_of_the_training_is_said_to(tmp_path: Path) -> None:
    class Shuffled(lightning_nets.Data):
        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(self.samples, batch_size=8, shuffle=True)

    from nanlog.replay.worker.targets.lightning.opening import opened

    path, _ = saved(lightning_nets.Net(), Shuffled(), tmp_path / "last.ckpt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, loaded = opened((lightning_nets.Net, Shuffled()), plan_for(str(path), "nets.py"))
    assert any("shuffles by the random numbers of the whole training" in note for note in loaded.notes)
