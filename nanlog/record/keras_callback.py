"""The recorder of Keras 3 on the torch backend, a callback."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nanlog.errors import UsageError

from .bundle import About, Found
from .flight import Flight, Settings
from .listening import FlightListener
from .parts import Parts
from .telling import tell

__all__ = ["KerasParts", "KerasRecorder"]


class KerasParts(Parts):
    """Keras saves its model in a form of its own; the variables are kept by their paths besides."""

    def __init__(self, model: Any) -> None:
        super().__init__(model, framework="keras", state_file="model.keras")

    def save(self, folder: Path, step: int, left_out: list[str]) -> None:
        super().save(folder, step, left_out)
        try:
            self.model.save(folder / "model.keras")
        except (NotImplementedError, TypeError, ValueError) as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[0]
            left_out.append(f"model.keras ({said[:150]})")  # the variables suffice where the target builds the model

    def state(self, step: int) -> dict[str, Any]:
        state = super().state(step)
        for key in ("model", "optimizer", "buffers", "modes", "attributes"):
            del state[key]
        state["variables"] = _by_path(self.model.variables)
        state["optimizer_variables"] = _by_path(getattr(self.model.optimizer, "variables", ()))
        return state


def _by_path(variables: Any) -> dict[str, torch.Tensor]:
    return {variable.path: torch.as_tensor(variable.value).detach() for variable in variables}


class _KerasRecorder:
    """``model.fit(..., callbacks=[KerasRecorder(target="train.py:build")])``.

    ``target`` is what ``nanlog replay --target`` takes for this training.  The options are those of
    :class:`nanlog.record.Recorder`; with ``stop`` the training ends after the batch in which something was found.
    Raises ``UsageError`` on other backends: only torch says what happens inside a step.
    """

    def __init__(
        self, target: str | None = None, folder: str | Path = "nanlog-record", *, stop: bool = False, **settings: Any
    ) -> None:
        super().__init__()
        import keras

        if keras.backend.backend() != "torch":
            raise UsageError(
                f"KerasRecorder needs the torch backend, and this is {keras.backend.backend()}: set"
                " KERAS_BACKEND=torch before keras is imported"
            )
        self.settings = Settings(Path(folder), **settings)
        self.target, self.stop = target, stop
        self.flight: Flight | None = None
        self._stack = ExitStack()
        self._step: Any = None

    @property
    def found(self) -> Found | None:
        return None if self.flight is None else self.flight.found

    @property
    def bundle(self) -> Path | None:
        return None if self.flight is None else self.flight.bundle

    def on_train_begin(self, logs: Any = None) -> None:
        """A callback is not given the batch; ``train_step`` is."""
        model: Any = self.model  # type: ignore[attr-defined]  # Keras' Callback has it
        flight = self.flight = Flight(KerasParts(model), self.settings, About.here(self.target))
        flight.on_found = lambda found: tell(flight)
        self._stack.enter_context(FlightListener(flight).on())
        self._step = model.train_step
        model.train_step = self._recorded
        self._stack.callback(self._give_back, model)

    def _give_back(self, model: Any) -> None:
        if vars(model).get("train_step") == self._recorded:
            del model.train_step

    def _recorded(self, data: Any) -> Any:
        flight = self.flight
        if flight is None:
            return self._step(data)
        flight.begin(data)
        try:
            result = self._step(data)
        except Exception as error:
            flight.raised(error)
            raise
        optimizer = flight.parts.model.optimizer
        if optimizer is not None:  # none of torch's: no hook tells of the update
            flight.rates.append(float(optimizer.learning_rate))
        flight.update_ended()
        flight.end()
        return result

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.stop and self.found is not None:
            self.model.stop_training = True  # type: ignore[attr-defined]  # as above

    def on_train_end(self, logs: Any = None) -> None:
        self._stack.close()
        if self.flight is not None:
            self.flight.close()


if TYPE_CHECKING:
    KerasRecorder = _KerasRecorder


@cache
def _callback() -> Any:
    """A callback of Keras', which is imported when somebody asks for it."""
    import keras

    members = {"__doc__": _KerasRecorder.__doc__, "__module__": __name__}
    return type("KerasRecorder", (_KerasRecorder, keras.callbacks.Callback), members)


def __getattr__(name: str) -> Any:
    if name == "KerasRecorder":
        return _callback()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
