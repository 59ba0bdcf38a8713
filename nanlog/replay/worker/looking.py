"""Looking into the step that went bad: where the fault arises, and which samples bring it."""

from __future__ import annotations

from nanlog.replay.outcome import Benign, FirstNonfinite, ReplayPhase
from nanlog.replay.protocol import Send

from .faults import CouldNotRun, is_nanlogs, said
from .raised import first_of_error
from .scene import Scene
from .symptoms import Symptom, spoilt_state
from .training import Batch

__all__ = ["looked_at", "looked_into"]

#: A fault that comes and goes is waited for this often.
_ATTEMPTS = 8


def looked_into(scene: Scene, send: Send, *, comes_and_goes: bool) -> list[Benign]:
    """Fill in ``first``; what was harmless."""
    send("stage", says=f"looking into step {scene.bad}")
    benign: list[Benign] = []
    try:
        for _ in range(_ATTEMPTS if comes_and_goes else 1):
            scene.first, benign = looked_at(scene, scene.batch(scene.bad))
            if scene.first is not None:
                break
    except CouldNotRun as error:
        send("note", says=str(error))
    send("first", first=scene.first, benign=benign)
    return benign


def looked_at(scene: Scene, batch: Batch) -> tuple[FirstNonfinite | None, list[Benign]]:
    """The bad step under the probe, on ``batch``; raises ``CouldNotRun`` where the probe itself fails."""
    from .probe import Probe

    training = scene.training
    training.restore(scene.at_bad)
    before = spoilt_state(training)
    probe = Probe(training.model, step=scene.bad, optimizers=training.optimizers)
    raised: Exception | None = None
    try:
        with probe:
            if getattr(training, "accumulate", 1) > 1:
                for number, part in enumerate(batch):
                    probe.note_batch(part, f"micro-batch {number}")
            else:
                probe.note_batch(batch)
            training.run_step(batch, scene.bad)
    except Exception as error:
        if is_nanlogs(error):
            says = f"the probe could not follow step {scene.bad}, so that nothing says where the fault arises"
            raise CouldNotRun(f"{says}: {said(error)}") from error
        raised = error
    first = probe.first
    if first is None and raised is not None:
        first = first_of_error(raised, scene.bad)
    if first is None and before is not None:
        first = _of_state(before, scene.bad)
    return first, list(probe.benign)


def _of_state(before: Symptom, step: int) -> FirstNonfinite:
    """The state was not finite before the step began; ``via`` is the optimizer's own name for its tensor."""
    if before.kind != "optimizer state":
        return FirstNonfinite(step, ReplayPhase.PARAMETER, tensor=before.name, value="nan")
    key, _, name = before.name.partition(" of ")
    return FirstNonfinite(step, ReplayPhase.OPTIMIZER_STATE, tensor=name, value="nan", via=(key,))
