"""Work on the next pieces of a file while the last one is looked at."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["ahead"]

Item = TypeVar("Item")
Result = TypeVar("Result")

#: pyarrow and numpy let go of the interpreter while they work; what is in between does not, so more gain nothing.
_WORKERS = 2


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """``map(work, items)``, the results in order; the first two items before any thread is started."""
    items = iter(items)
    yield from map(work, islice(items, 2))
    third = next(items, None)
    if third is None:
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting: deque[Future[Result]] = deque([pool.submit(work, third)])
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
