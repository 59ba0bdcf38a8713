"""What the recorder says on standard error, once, when something was found."""

from __future__ import annotations

import sys

from .flight import Flight

__all__ = ["tell"]


def tell(flight: Flight) -> None:
    """What was found and the next command."""
    found, bundle = flight.found, flight.bundle
    if found is None:
        return
    sys.stderr.write(f"nanlog: in step {found.step} {found}" + (f"; the bundle is in {bundle}\n" if bundle else "\n"))
    if bundle is not None:
        target = "" if flight.about.target else " --target FILE.py"
        sys.stderr.write(f"nanlog: what brought it: nanlog replay --checkpoint {bundle}{target}\n")
