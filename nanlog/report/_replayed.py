"""What a replay saw, in a few lines; ``nanlog replay`` itself says it in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nanlog.model import Judgement
from nanlog.report._words import name

if TYPE_CHECKING:
    from nanlog.model import Report
    from nanlog.report._page import Page

__all__ = ["replay_rows", "replayed"]

_LABEL = 19
_SAMPLES = 8
_PHASES = {
    "parameter": "before it began: a parameter",
    "optimizer_state": "before it began: the state of the optimizer",
    "input": "in the batch",
}


def replayed(page: Page, report: Report) -> None:
    """Where it arose, and what changed that; nothing where the run was not replayed."""
    rows = list(replay_rows(report))
    if rows:
        page.heading("Replay")
    for label, words in rows:
        page.item(page.text(words), lead=page.text(f"  {label}", "cyan"), indent=_LABEL)


def replay_rows(report: Report) -> Iterator[tuple[str, str]]:
    """Label and words; a file may hold anything: what is not as expected is left out."""
    replay = report.replay
    if replay is None:
        return
    confirmed = any(finding.replayed is Judgement.CONFIRMED for finding in report.findings)
    if not confirmed:
        yield "not confirmed", _why_not(replay)
    first = replay.get("first_nonfinite")
    if isinstance(first, Mapping):
        yield "arises", _place(first)
        samples = first.get("samples")
        if isinstance(samples, list) and samples and all(isinstance(each, int) for each in samples):
            more = f" and {len(samples) - _SAMPLES} more" if len(samples) > _SAMPLES else ""
            of = "sample" if len(samples) == 1 else "samples"
            yield "brought by", f"{of} {', '.join(map(str, samples[:_SAMPLES]))}{more} of the batch, counted from 0"
    if not confirmed and isinstance(change := replay.get("smallest_change"), str):
        yield "smallest change", f"{name(change)} made the same steps finite"
    if isinstance(checkpoint := replay.get("checkpoint"), str):
        device = replay.get("device")
        yield "replayed from", name(checkpoint) + (f" on {name(device)}" if isinstance(device, str) else "")


def _why_not(replay: Mapping[str, Any]) -> str:
    if replay.get("reproduced") is False:
        return "the steps stayed finite when they were run again"
    return "the steps went bad again, and no single cause was proved"


def _place(first: Mapping[str, Any]) -> str:
    """``step 41, backward: sqrt in encoder.layers.1 at model.py:41``."""
    step, phase, value = first.get("step"), first.get("phase"), first.get("value")
    where = _PHASES.get(str(phase), f"in the {phase}" if phase == "update" else name(str(phase)))
    what = next((each for key in ("op", "tensor") if isinstance(each := first.get(key), str)), "")
    said = f"step {step}, {where}" if isinstance(step, int) else where
    said += f": {name(what)}" if what else ""
    if isinstance(module := first.get("module"), str) and module:
        said += f" in {name(module)}"
    if what and isinstance(value, str):
        said += f" = {name(value)}"
    if isinstance(file := first.get("file"), str):
        said += f"  {name(file)}:{first.get('line')}"
    return said
