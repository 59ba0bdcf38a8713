"""Which iteration a line belongs to that names none."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Steps"]


@dataclass(slots=True)
class Steps:
    """What one training has said about its iterations so far.

    ``interval`` is the solver's ``display``, ``start`` the first iteration of this process, ``last`` the last displayed
    one and ``tested`` the last one tested at.
    """

    start: int | None = None
    interval: int | None = None
    last: int | None = None
    before_last: int | None = None
    tested: int | None = None

    def displayed(self, step: int) -> None:
        if step != self.last:
            self.before_last, self.last = self.last, step

    @property
    def spacing(self) -> int | None:
        """Iterations between two displays: as the solver was told, else as observed."""
        if self.interval:
            return self.interval
        if self.last is not None and self.before_last is not None and self.last > self.before_last:
            return self.last - self.before_last
        return None

    def coming(self) -> int | None:
        """The iteration whose display comes next: that of debug lines whose ``Iteration`` line never came."""
        spacing = self.spacing
        if self.tested is not None and (self.last is None or self.tested > self.last):
            return self.tested if spacing is None else -(-self.tested // spacing) * spacing
        if self.last is not None:
            if spacing is None:
                return None
            return self.last + spacing - (self.last % spacing if self.interval else 0)
        if self.start is not None:
            return self.start if spacing is None else -(-self.start // spacing) * spacing
        return None
