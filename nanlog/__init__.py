"""nanlog: post-mortem for trainings that went NaN.

>>> import nanlog
>>> report = nanlog.diagnose("sample_logs/caffe/sqrt_of_zero_debug/train.log")
>>> report.verdict
<Verdict.UNHEALTHY: 'unhealthy'>
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanlog import plot as plot
    from nanlog.pipeline import diagnose, load, runs

__all__ = ["__version__", "diagnose", "load", "plot", "runs"]

__version__ = "0.1.0"

#: Imported when asked for: what they need takes longer to load than a --help.
_PUBLIC = {"diagnose": "nanlog.pipeline", "load": "nanlog.pipeline", "runs": "nanlog.pipeline"}


def __getattr__(name: str) -> Any:
    if name == "plot":
        return import_module("nanlog.plot")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
