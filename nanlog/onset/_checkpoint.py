"""The last checkpoint that was surely written before anything went wrong."""

from __future__ import annotations

from collections.abc import Iterator

from nanlog.model import Mark, MarkKind, Onset, Run

__all__ = ["last_good_checkpoint", "overwritten_checkpoint"]


def last_good_checkpoint(run: Run, until_step: int | None, until_line: int | None) -> str | None:
    """Name of the newest checkpoint holding a state from step ``until_step`` or earlier, written before ``until_line``.

    A checkpoint numbered N holds the parameters before step N.  The one the attempt was resumed from counts when it is
    early enough or undated.  A file that was written again later no longer holds that state.
    """
    lost = _written_later(run, until_step, until_line)
    best: tuple[int, str] | None = None
    for step, mark in _early_enough(run, until_step, until_line):
        if mark.text not in lost and (best is None or step >= best[0]):
            best = (step, mark.text)
    return best[1] if best else None


def overwritten_checkpoint(run: Run, onset: Onset) -> str | None:
    """Name of the newest checkpoint from before the onset whose file was written again after it."""
    known = [step for step in (onset.last_finite_step, onset.departure_step) if step is not None]
    until = min(known, default=None)
    lost = _written_later(run, until, None)
    written = [mark.text for _, mark in _early_enough(run, until, None) if mark.text in lost]
    return written[-1] if written else None


def _early_enough(run: Run, until_step: int | None, until_line: int | None) -> Iterator[tuple[int, Mark]]:
    """Checkpoints written or resumed from until then, with their steps (-1 where nothing dates a resumed one)."""
    for mark in run.marks:
        if mark.kind not in (MarkKind.CHECKPOINT, MarkKind.RESUME) or not mark.text:
            continue
        if until_line is not None and mark.line > until_line:
            continue
        step = mark.step if mark.step is not None else (-1 if mark.kind is MarkKind.RESUME else None)
        if step is not None and until_step is not None and step <= until_step:
            yield step, mark


def _written_later(run: Run, until_step: int | None, until_line: int | None) -> set[str]:
    """Names under which a later state was saved."""
    return {
        mark.text
        for mark in run.marks
        if mark.kind is MarkKind.CHECKPOINT
        and (
            (until_step is not None and mark.step is not None and mark.step > until_step)
            or (until_line is not None and mark.line > until_line)
        )
    }
