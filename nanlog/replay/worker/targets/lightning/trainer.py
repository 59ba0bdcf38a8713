"""A real Trainer, set up and restored as for a training, and stopped where its loop would begin.

It writes nothing: no logger, no checkpoint, no bar of progress.  What of the user's settings has a part in a step
(precision, clipping, accumulation, callbacks) stays.
"""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from nanlog.errors import UnreadableError
from nanlog.replay.worker.faults import TargetError, said
from nanlog.replay.worker.matching import load_weights

from .given import Given

__all__ = ["PRECISIONS", "set_up"]

#: Callbacks, by the names of their classes or bases, that write files, stop the training, or measure it.
_IDLE_CALLBACKS = frozenset(
    {
        "BasePredictionWriter",
        "BatchSizeFinder",
        "Checkpoint",
        "DeviceStatsMonitor",
        "EarlyStopping",
        "LearningRateFinder",
        "LearningRateMonitor",
        "LightningRecorder",
        "ModelSummary",
        "OnExceptionCheckpoint",
        "ProgressBar",
        "ThroughputMonitor",
        "Timer",
    }
)
#: The replay's own, whatever the training had; ``None`` takes the default.
_OURS: dict[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "limit_val_batches": 0,
    "devices": 1,
    "num_nodes": 1,
    "strategy": "auto",
    "fast_dev_run": False,
    "detect_anomaly": False,
    "profiler": None,
    "barebones": False,
    "sync_batchnorm": False,
    "max_time": None,
}
#: They would undo what the worker itself has set for all frameworks, or are not for a training.
_DROPPED = ("deterministic", "benchmark", "model_registry", "val_check_interval", "check_val_every_n_epoch")

#: Lightning's words for what the replay calls otherwise.
PRECISIONS = {
    "16": "16-mixed",
    "bf16": "bf16-mixed",
    "32": "32",
    "32-true": "32",
    "64": "64",
    "64-true": "64",
}
_OF_WEIGHTS = {torch.float16: "16-true", torch.bfloat16: "bf16-true", torch.float64: "64-true"}
_ACCELERATORS = {"cuda": "gpu", "mps": "mps", "cpu": "cpu"}
_SCALED = "MixedPrecision"  #: the key under which a checkpoint keeps the state of a loss scaler


class _Standing(BaseException):
    """Raised where the first epoch would begin."""


def set_up(given: Given, checkpoint: Mapping[str, Any] | None, path: str, device: torch.device) -> Any:
    """The Trainer with the module attached, its optimizers made, and ``checkpoint`` restored into them.

    ``checkpoint`` is the content of a file of Lightning; with None nothing is restored.  Raises ``TargetError`` for
    what the Trainer or the module refuse, ``UnreadableError`` for weights that do not fit.
    """
    try:
        trainer = given.lightning.Trainer(**_arguments(given, checkpoint, device))
    except Exception as error:
        raise TargetError(f"the Trainer could not be made: {said(error)}") from error
    own = given.module.configure_callbacks
    given.module.configure_callbacks = lambda: _kept_callbacks(own())
    trainer.strategy._launcher = _Launcher()
    trainer.fit_loop.run = _stand
    data = {"datamodule": given.datamodule} if given.loaders is None else {"train_dataloaders": given.loaders}
    try:
        trainer.fit(given.module, **data, **({} if checkpoint is None else {"ckpt_path": str(Path(path).absolute())}))
    except Exception as error:
        if checkpoint is not None and "state_dict" in str(error):
            weights = {"state_dict": {k: v for k, v in checkpoint["state_dict"].items() if torch.is_tensor(v)}}
            load_weights(given.module, weights, path)
            raise UnreadableError(f"the checkpoint {path} cannot be restored: {said(error)}") from error
        raise TargetError(f"the training could not be set up: {said(error)}") from error
    trainer._signal_connector.teardown()
    if checkpoint is not None and PRECISIONS.get(str(trainer.precision)) == "64":
        # Lightning restores the weights before it makes them 64 bit wide, and so drops half of their digits.
        given.module.load_state_dict(copy.deepcopy(checkpoint["state_dict"]), strict=False)
    return trainer


class _Launcher:
    """Runs what it is given in this process, and lets it end in the middle without any tearing down."""

    is_interactive_compatible = True

    def launch(self, function: Any, *args: Any, trainer: Any = None, **kwargs: Any) -> None:
        with contextlib.suppress(_Standing):
            function(*args, **kwargs)


def _stand() -> None:
    raise _Standing


def _arguments(given: Given, checkpoint: Mapping[str, Any] | None, device: torch.device) -> dict[str, Any]:
    options = {key: value for key, value in given.options.items() if key not in _DROPPED}
    if options.get("strategy", "auto") not in ("auto", None) or options.get("devices", 1) not in (1, "1", "auto"):
        given.notes.append(
            "the training ran on several devices; here one device sees its own share of the batches, and gradients are"
            " not averaged over the others"
        )
    options |= _OURS | {"accelerator": _ACCELERATORS[device.type], "default_root_dir": _folder()}
    options["callbacks"] = _kept_callbacks(options.get("callbacks"))
    plugins = [each for each in _listed(options.get("plugins")) if _is_precision(each)]
    if plugins:
        options.pop("precision", None)
    else:
        options["precision"] = _precision(given, checkpoint)
        plugins = _half_on_cpu(given, options, checkpoint, device)
    environment = import_module(f"{given.lightning.__name__}.plugins.environments").LightningEnvironment()
    plugins += [environment, _in_memory(given.lightning, checkpoint)]
    return {**options, "plugins": plugins}


def _precision(given: Given, checkpoint: Mapping[str, Any] | None) -> Any:
    """As the target says, as the recorder noted, as the checkpoint shows: by a loss scaler, or its floats."""
    if (said_so := given.options.get("precision")) is not None:
        return said_so
    content = checkpoint or {}
    if isinstance(content.get("precision"), str):
        return content["precision"]
    if content.get(_SCALED):
        given.notes.append("the checkpoint holds a loss scaler: the precision is taken as 16-mixed")
        return "16-mixed"
    floats = {v.dtype for v in content.get("state_dict", {}).values() if torch.is_tensor(v) and v.is_floating_point()}
    if len(floats) == 1 and (found := _OF_WEIGHTS.get(next(iter(floats)))):
        given.notes.append(f"the weights of the checkpoint are {next(iter(floats))}: the precision is taken as {found}")
        return found
    return None


def _half_on_cpu(
    given: Given, options: dict[str, Any], checkpoint: Mapping[str, Any] | None, device: torch.device
) -> list[Any]:
    """On a CPU, Lightning takes bfloat16 where 16-mixed is asked for; what a GPU did in float16 is float16 here."""
    if str(options["precision"]) not in ("16", "16-mixed") or device.type != "cpu":
        return []
    if not (checkpoint or {}).get(_SCALED):
        given.notes.append("Lightning runs 16-mixed in bfloat16 on the CPU, and so does the replay")
        return []
    given.notes.append(
        "the loss scaler in the checkpoint says that the training ran in float16, and so does the replay"
    )
    options.pop("precision")
    return [given.lightning.plugins.MixedPrecision("16-mixed", "cpu")]


def _is_precision(plugin: Any) -> bool:
    return any(base.__name__ == "Precision" for base in type(plugin).__mro__)


def _kept_callbacks(given: Any) -> list[Any]:
    return [each for each in _listed(given) if not _IDLE_CALLBACKS & {base.__name__ for base in type(each).__mro__}]


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [] if given is None else [given]


def _in_memory(pl: Any, checkpoint: Mapping[str, Any] | None) -> Any:
    """What the Trainer loads has been read by nanlog's own rules; what it would save is not written."""

    class InMemory(pl.plugins.CheckpointIO):  # type: ignore[misc]
        def load_checkpoint(self, *_: Any, **__: Any) -> Any:
            return copy.deepcopy(checkpoint)

        def save_checkpoint(self, *_: Any, **__: Any) -> None:
            return None

        def remove_checkpoint(self, *_: Any) -> None:
            return None

    return InMemory()


def _folder() -> str:
    """Where a module may write that writes beside its logs; the same for all replays, so that they do not pile up."""
    folder = Path(tempfile.gettempdir()) / "nanlog-replay"
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
    return str(folder)
