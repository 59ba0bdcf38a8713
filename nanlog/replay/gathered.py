"""The messages of a worker, gathered until they are an outcome; whole at any moment: any end leaves a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .codec import decode
from .input_scan import InputScan
from .outcome import Benign, FirstNonfinite, NotRun, Outcome, Status, Trial
from .plan import Plan
from .signs import Signs
from .verdicts import judged

__all__ = ["Gathered"]


class Gathered:
    """Takes messages in; :meth:`outcome` is what is known by now."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.signs = Signs()
        self._start = 0
        self.next_step: int | None = None  #: the step that is being run
        self.trying: str | None = None  #: the intervention that is being tried
        self.finished = False
        self.failed: tuple[str, str] | None = None  #: kind and sentence of a target or checkpoint that cannot be used
        self._known = Outcome(plan.checkpoint, plan.device, plan.run, target=plan.target)

    def __call__(self, event: str, **content: Any) -> None:
        """Take in a message; one of another version of nanlog changes nothing."""
        take = getattr(self, f"_on_{event}", None)
        if take is not None:
            take(content)

    def _set(self, **values: Any) -> None:
        self._known = replace(self._known, **values)

    def _on_loaded(self, said: Mapping[str, Any]) -> None:
        self._start = self.next_step = said["start"]
        self._set(device=said["device"], facts={**self._known.facts, **said["facts"]})

    def _on_step(self, said: Mapping[str, Any]) -> None:
        self.next_step = said["step"] + 1

    def _on_note(self, said: Mapping[str, Any]) -> None:
        if said["says"] not in self._known.notes:
            self._set(notes=(*self._known.notes, said["says"]))

    def _on_repeated(self, said: Mapping[str, Any]) -> None:
        steps = tuple(said["steps"]) if said["steps"] else None
        losses = tuple(decode(Trial, {**_TRIAL, "losses": said["losses"]}).losses)
        self._set(
            reproduced=said["reproduced"],
            deterministic=said["deterministic"],
            steps=steps,
            losses=losses or self._known.losses,
        )

    def _on_first(self, said: Mapping[str, Any]) -> None:
        first = None if said["first"] is None else decode(FirstNonfinite, said["first"])
        self._set(first_nonfinite=first, benign=tuple(decode(Benign, each) for each in said["benign"]))

    def _on_scan(self, said: Mapping[str, Any]) -> None:
        self._set(inputs=decode(InputScan, said["scan"]))

    def _on_signs(self, said: Mapping[str, Any]) -> None:
        self.signs = decode(Signs, said["signs"])

    def _on_trying(self, said: Mapping[str, Any]) -> None:
        self.trying = said["intervention"]

    def _on_trial(self, said: Mapping[str, Any]) -> None:
        self.trying = None
        self._set(trials=(*self._known.trials, decode(Trial, said["trial"])))

    def _on_not_run(self, said: Mapping[str, Any]) -> None:
        self.trying = None
        self._set(not_run=(*self._known.not_run, decode(NotRun, said["not_run"])))

    def _on_failed(self, said: Mapping[str, Any]) -> None:
        self.failed = said["kind"], said["says"]

    def _on_ended(self, said: Mapping[str, Any]) -> None:
        self.finished = True
        self._set(status=Status(said["status"]), why_ended=said["why"])

    @property
    def tried(self) -> tuple[str, ...]:
        """The interventions that need not be tried again."""
        names = [trial.intervention for trial in self._known.trials if trial.intervention != "repeat"]
        return (*names, *(each.intervention for each in self._known.not_run))

    def starts_again(self) -> None:
        """Another worker goes on with the rest; it repeats the steps once more, which adds nothing."""
        self._set(trials=tuple(trial for trial in self._known.trials if trial.intervention != "repeat"))

    def doing(self) -> str:
        """What the worker was at, as the end of a sentence."""
        if self.trying is not None:
            return f" while {self.trying} was tried"
        return "" if self.next_step is None or self._known.steps else f" in step {self.next_step}"

    def crashed(self, why: str) -> None:
        """The worker is gone; whatever it was trying could not run."""
        if self.trying is not None:
            self._set(not_run=(*self._known.not_run, NotRun(self.trying, why)))
            self.trying = None

    def outcome(self, seconds: float, status: Status | None = None, why: str | None = None) -> Outcome:
        known = replace(self._known, seconds=round(seconds, 3))
        if known.reproduced is None and self.next_step is not None and self.next_step > self._start:
            said = f"steps {self._start} to {self.next_step - 1} were run and stayed finite"
            known = replace(known, notes=(said, *known.notes))
        if status is not None:
            known = replace(known, status=status, why_ended=why)
        return judged(known, self.plan.causes, self.signs)


_TRIAL = {"intervention": "", "finite": True, "detail": ""}
