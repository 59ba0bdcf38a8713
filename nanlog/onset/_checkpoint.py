"""The last checkpoint that was surely written before anything went wrong."""

from __future__ import annotations

from nanlog.model import MarkKind, Run


def last_good_checkpoint(run: Run, until_step: int | None, until_line: int | None) -> str | None:
    """Name of the newest checkpoint holding a state from step ``until_step`` or earlier, written before ``until_line``.

    A checkpoint numbered N holds the parameters before step N.  The one the attempt was resumed from counts when it is
    early enough or undated.
    """
    best: tuple[int, str] | None = None
    for mark in run.marks:
        if until_line is not None and mark.line > until_line:
            continue
        if mark.kind not in (MarkKind.CHECKPOINT, MarkKind.RESUME) or not mark.text:
            continue
        step = mark.step if mark.step is not None else (-1 if mark.kind is MarkKind.RESUME else None)
        if step is None or until_step is None or step > until_step:
            continue
        if best is None or step >= best[0]:
            best = (step, mark.text)
    return best[1] if best else None
