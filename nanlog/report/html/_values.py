"""What a page is made of besides the report: whoever asks for one puts these together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Command", "Excerpt", "Extras", "Picture", "QuotedLine"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that needs nothing but its own bytes; ``alt`` says in words what it shows."""

    title: str
    alt: str
    media_type: str  #: ``image/svg+xml`` or ``image/png``
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """One line as it stands in the log, cut if it is long.

    ``cited`` is the one that evidence names; those that are ``far`` from it can be done without on a small screen.
    """

    number: int
    text: str
    cited: bool = False
    far: bool = False


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The lines around a place."""

    lines: tuple[QuotedLine, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A line for a shell and what it is good for."""

    says: str
    line: str


@dataclass(frozen=True, slots=True)
class Extras:
    """All that a page shows and a report does not hold; every part may be missing.

    ``excerpts`` are found by file and line; ``unquoted`` says of a file why it has none.  ``overview`` stands with the
    time of the onset, ``pictures`` further down.  ``command`` made the page.
    """

    run_id: str | None = None
    command: str = ""
    overview: Picture | None = None
    pictures: tuple[Picture, ...] = ()
    excerpts: Mapping[tuple[str, int], Excerpt] = field(default_factory=dict)
    unquoted: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    remarks: tuple[str, ...] = ()
