"""The recorder of PyTorch Lightning, a callback."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .bundle import About, Found
from .flight import Flight, Settings
from .listening import FlightListener
from .parts import Parts
from .telling import tell

__all__ = ["LightningParts", "LightningRecorder"]


def _lightning() -> Any:
    """The package that the training itself uses: there are two with the same content."""
    if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
        return import_module("pytorch_lightning")
    try:
        return import_module("lightning.pytorch")
    except ModuleNotFoundError:
        return import_module("pytorch_lightning")


class LightningParts(Parts):
    """The state in the words of Lightning's own checkpoints, without asking callbacks for theirs."""

    def __init__(self, trainer: Any, module: Any) -> None:
        super().__init__(
            module, list(trainer.optimizers), getattr(trainer.precision_plugin, "scaler", None), framework="lightning"
        )
        self.trainer = trainer

    def state(self, step: int) -> dict[str, Any]:
        state = super().state(step)
        trainer = self.trainer
        for key in ("model", "optimizer", "scaler"):
            state.pop(key, None)
        precision = trainer.precision_plugin
        state |= {
            "state_dict": self.model.state_dict(),
            "optimizer_states": [optimizer.state_dict() for optimizer in trainer.optimizers],
            "lr_schedulers": [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs],
            "epoch": trainer.current_epoch,
            "loops": {"fit_loop": trainer.fit_loop.state_dict()},
            "hyper_parameters": dict(getattr(self.model, "hparams", {})),
            "pytorch-lightning_version": _lightning().__version__,
            "precision": str(precision.precision),
            "gradient_clip_val": trainer.gradient_clip_val,
            "gradient_clip_algorithm": _word(trainer.gradient_clip_algorithm),
            "accumulate_grad_batches": trainer.accumulate_grad_batches,
        }
        if scaler := precision.state_dict():
            state[type(precision).__qualname__] = scaler
        return state


def _word(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "value", value))


class _LightningRecorder:
    """``Trainer(callbacks=[LightningRecorder(target="train.py:Module")])``.

    ``target`` is what ``nanlog replay --target`` takes for this training.  The options are those of
    :class:`nanlog.record.Recorder`; with ``stop`` the Trainer ends after the batch in which something was found.
    Steps are counted as ``trainer.global_step`` does.
    """

    def __init__(
        self, target: str | None = None, folder: str | Path = "nanlog-record", *, stop: bool = False, **settings: Any
    ) -> None:
        super().__init__()
        self.settings = Settings(Path(folder), **settings)
        self.target, self.stop = target, stop
        self.flight: Flight | None = None
        self._stack = ExitStack()

    @property
    def found(self) -> Found | None:
        return None if self.flight is None else self.flight.found

    @property
    def bundle(self) -> Path | None:
        return None if self.flight is None else self.flight.bundle

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        module = type(pl_module)
        about = About.here(self.target, f"{module.__module__}:{module.__qualname__}")
        flight = self.flight = Flight(LightningParts(trainer, pl_module), self.settings, about)
        flight.on_found = lambda found: tell(flight)
        self._stack.enter_context(FlightListener(flight).on())

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self.flight is not None:
            self.flight.begin_at(trainer.global_step, batch)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        flight = self.flight
        if flight is None or not flight.has_updated:
            return
        flight.end()
        if self.stop and flight.found is not None:
            trainer.should_stop = True

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if self.flight is not None and isinstance(exception, Exception):
            self.flight.raised(exception)
        self._end()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._end()

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self._end()

    def _end(self) -> None:
        self._stack.close()
        if self.flight is not None:
            self.flight.close()


if TYPE_CHECKING:
    LightningRecorder = _LightningRecorder


@cache
def _callback() -> Any:
    """A callback of Lightning's, which is imported when somebody asks for it."""
    members = {"__doc__": _LightningRecorder.__doc__, "__module__": __name__}
    return type("LightningRecorder", (_LightningRecorder, _lightning().Callback), members)


def __getattr__(name: str) -> Any:
    if name == "LightningRecorder":
        return _callback()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
