"""A second run of the script, with the probe on from shortly before the step in which the first one broke."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanlog.errors import UnreadableError

from .interpreter import interpreter

__all__ = ["locate"]


def locate(record: Any) -> None:
    """Run the script once more, silently; its results are thrown away, but for what it writes itself."""
    flight = record.watch.cast.flight
    bad = record.unfinished if flight.found is None else flight.found.step
    folder = flight.settings.folder / "located"
    asked = replace(
        record.asked, output=str(folder), probe_from=max(0, bad - 1), locate=False, locating=True, quiet=True
    )
    sys.stderr.write(f"nanlog: running the script again to look into step {bad}\n")
    sys.stderr.flush()
    command = [*interpreter(), asked.as_text(), *asked.command[1:]]
    with (flight.settings.folder / "located.log").open("wb") as output:
        subprocess.run(  # noqa: S603  the command that is running
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, env=dict(os.environ)
        )
    _tell(record, flight, folder, bad)


def _tell(record: Any, flight: Any, folder: Path, bad: int) -> None:
    import json

    from nanlog.replay.as_json import from_dict

    from .ending import where

    try:
        outcome = from_dict(json.loads((folder / "replay.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, UnreadableError):
        sys.stderr.write(f"nanlog: the second run did not break; its output is in {folder.parent / 'located.log'}\n")
        return
    first = outcome.first_nonfinite
    if first is None:
        sys.stderr.write("nanlog: the second run broke where the probe did not look\n")
        return
    same = "" if first.step in (bad, bad - 1) else f" (the first run broke in step {bad}: they are not the same)"
    sys.stderr.write(f"nanlog: first not finite: {where(first)}{same}\n")
    record.watch.probing.first, record.watch.probing.benign = first, outcome.benign
    record._write_outcome()
