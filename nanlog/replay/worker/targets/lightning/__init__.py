"""PyTorch Lightning: a checkpoint, and the module (and datamodule) it is of; or LightningCLI's ``config.yaml``.

::

    nanlog replay --checkpoint epoch=3-step=400.ckpt --target train.py:Module,Data

A real Trainer is set up and restored; each step is its own loop's, on one batch.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from nanlog.replay.plan import Plan
from nanlog.replay.worker.training import Loaded, Training

from .cli import config_beside
from .given import is_module

__all__ = ["TARGET"]


class Lightning:
    """Takes a LightningModule or a class of them, alone, in a tuple or in a dictionary."""

    def takes(self, made: Any, checkpoint: str) -> bool:
        if made is None:
            return config_beside(checkpoint) is not None
        if not {"lightning", "pytorch_lightning"} & sys.modules.keys():
            return False
        if isinstance(made, Mapping):
            return "loss" not in made and is_module(made.get("module", made.get("model")))
        return any(is_module(each) for each in (made if isinstance(made, tuple) else (made,)))

    def open(self, made: Any, plan: Plan) -> tuple[Training, Loaded]:
        from .opening import opened

        return opened(made, plan)


TARGET = Lightning()
