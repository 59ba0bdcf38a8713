"""The last two states of a training on disk, written whole, as often as costs little."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path

from .parts import Parts

__all__ = ["Recent"]

#: Steps between two states at least, and the share of the training's time that writing them may take.
_LEAST, _SHARE = 32, 0.02
#: Where memory holds few batches a state comes as often as they need, but no more often than this.
_LEAST_FOR_BATCHES = 8


class Recent:
    """Folders ``state-STEP`` below ``home``, each renamed into place when it is whole.

    ``every`` fixes the number of steps between two states; by default it is 32 or more, so that writing them takes
    2 % of the time.
    """

    def __init__(self, home: Path, every: int | None = None) -> None:
        self.home, self.every = home, every
        self.steps: list[int] = []
        self.left_out: list[str] = []
        self._cost = 0.0
        self._since = time.monotonic()

    def due(self, step: int, reach: int | None) -> bool:
        """Whether it is time; ``reach`` is how many batches fit into memory, None while that is no bound."""
        if not self.steps:
            return True
        return step - self.steps[-1] >= self._interval(step, reach)

    def _interval(self, step: int, reach: int | None) -> int:
        if self.every is not None:
            return self.every
        done = max(1, step - self.steps[-1])
        pace = max(1e-6, (time.monotonic() - self._since) / done)
        wanted = max(_LEAST, int(self._cost / (_SHARE * pace)) + 1)
        return wanted if reach is None else min(wanted, max(_LEAST_FOR_BATCHES, reach // 2))

    def write(self, parts: Parts, step: int) -> None:
        """Raises ``OSError`` where the disk does not let it; the older states stay as they were."""
        began = time.monotonic()
        self.left_out.clear()
        partial = self.home / f".state-{step}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            parts.save(partial, step, self.left_out)
            shutil.rmtree(self._folder(step), ignore_errors=True)
            partial.rename(self._folder(step))
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        self.steps = [*(each for each in self.steps if each < step), step]
        for old in self.steps[:-2]:
            shutil.rmtree(self._folder(old), ignore_errors=True)
        self.steps = self.steps[-2:]
        self._since = time.monotonic()
        self._cost = self._since - began

    def chosen(self, bad: int, departure: int) -> int | None:
        """The newest state that is well before the fault and before the departure; else the oldest there is."""
        before = [step for step in self.steps if step <= min(bad, departure)]
        early = [step for step in before if bad - step >= _LEAST // 2]
        return max(early or before[:1], default=min(self.steps, default=None))

    def move(self, step: int, to: Path) -> None:
        """Give the files of one state to a bundle."""
        for file in self._folder(step).iterdir():
            file.replace(to / file.name)
        self._folder(step).rmdir()
        self.steps.remove(step)

    def clear(self) -> None:
        for step in self.steps:
            shutil.rmtree(self._folder(step), ignore_errors=True)
        self.steps.clear()
        with contextlib.suppress(OSError):
            self.home.rmdir()

    def _folder(self, step: int) -> Path:
        return self.home / f"state-{step}"
