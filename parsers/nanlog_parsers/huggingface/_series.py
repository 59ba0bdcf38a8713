"""Which keys of a log entry are series, and what they are."""

from __future__ import annotations

from nanlog.model import SeriesInfo
from nanlog_parsers._names import Names

__all__ = ["info_of", "is_logged"]

#: The step of a row, and how fast it went.
_NOT_LOGGED = {"epoch", "step", "total_flos", "num_input_tokens_seen", "num_tokens"}
_SPEED = ("_runtime", "_per_second", "_time")


def is_logged(key: str) -> bool:
    """Whether the value under a key says something about the training."""
    if not key.strip() or key in _NOT_LOGGED:
        return False
    return not key.endswith(_SPEED) and not key.startswith(("train_mem_", "eval_mem_"))


def info_of(names: Names, key: str) -> SeriesInfo:
    """``train_loss`` is the mean over the whole training, printed at its end."""
    return names.info(key, smoothed=key == "train_loss")
