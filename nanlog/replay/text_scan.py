"""What a walk over the inputs found, for people."""

from __future__ import annotations

from nanlog.report._page import Page
from nanlog.report._words import counted

from .input_scan import InputScan

__all__ = ["write_scan"]

_SHOWN = 12
_WORDS = {"nonfinite": "not finite", "absurd": "absurd", "out_of_range": "out of range"}


def write_scan(page: Page, scan: InputScan) -> None:
    """The suspects by batch, and the ranges of all tensors."""
    extent = f"{counted(scan.samples, 'sample')} in {counted(scan.batches, 'batch', 'batches')}"
    total = sum(count for _, count in scan.counts)
    if total:
        kinds = ", ".join(f"{count} {_WORDS.get(kind, kind)}" for kind, count in scan.counts)
        page.item(page.text("SUSPECT INPUTS", "bold red") + page.text(f"  {kinds}, of {extent}"))
    else:
        page.item(page.text("CLEAN INPUTS", "bold green") + page.text(f"  {extent}, nothing out of the ordinary"))
    _suspects(page, scan)
    page.heading("Ranges")
    for each in scan.ranges:
        span = "nothing finite" if each.minimum is None else f"{each.minimum:.4g} to {each.maximum:.4g}"
        usual = "" if each.median is None else f", the largest value of the median sample {each.median:.2g}"
        page.item(page.text(f"{span}{usual}"), lead=page.text(f"  {each.tensor} ({each.dtype})  "), indent=24)
    notes = [*scan.notes, *([scan.why_ended] if scan.why_ended else [])]
    if notes:
        page.heading("Notes")
    for note in notes:
        page.item(page.text(note), lead=page.text("  *", "dim"), indent=4)


def _suspects(page: Page, scan: InputScan) -> None:
    if not scan.suspects:
        return
    page.heading("Suspect samples")
    shown = scan.suspects if page.verbose else scan.suspects[:_SHOWN]
    for each in shown:
        lead = page.text(f"  batch {each.batch:<6} sample {each.sample:<5}")
        page.item(page.text(each.says), lead=lead, indent=lead.cell_len + 1)
    if len(shown) < len(scan.suspects):
        page.item(page.text(f"{len(scan.suspects) - len(shown)} more (-v shows them)", "dim"))
