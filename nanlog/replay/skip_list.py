"""The batches to leave out when the training is resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nanlog.errors import UsageError

from .outcome import Outcome

__all__ = ["skip_list", "write_skip_list"]


def skip_list(outcome: Outcome) -> dict[str, Any]:
    """``steps`` whose batch is at fault, and in it the ``samples``, by step; empty when no batch is.

    A batch is at fault when the step is finite without some of its samples, or with another batch.
    """
    first = outcome.first_nonfinite
    finite = {trial.intervention for trial in outcome.trials if trial.finite}
    if first is None or not finite & {"drop_samples", "earlier_batch"}:
        return {"steps": [], "samples": {}}
    samples = {str(first.step): list(first.samples)} if first.samples and "drop_samples" in finite else {}
    return {"steps": [first.step], "samples": samples}


def write_skip_list(outcome: Outcome, path: Path) -> None:
    """Raises ``UsageError`` when the file cannot be written."""
    try:
        path.write_text(json.dumps(skip_list(outcome)) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the list of batches could not be written to {path}: {error.strerror or error}") from error
