"""The report as one HTML file that needs nothing else: no network, no script, no second file.

What comes from a log reaches the page in one way only: through a template of Jinja, which escapes every value that is
not already ``Markup``, and ``Markup`` is made by :class:`~nanlog.report.html._sheet.Sheet` alone, out of escaped and
printable text.  A policy in the page itself forbids scripts and everything from elsewhere besides.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from nanlog.report.html._excerpts import excerpts
from nanlog.report.html._values import Command, Excerpt, Extras, Picture, QuotedLine

if TYPE_CHECKING:
    from jinja2 import Environment

    from nanlog.model import Report

__all__ = ["Command", "Excerpt", "Extras", "Picture", "QuotedLine", "excerpts", "page"]


def page(report: Report, extras: Extras | None = None) -> str:
    """The whole document; the same text for the same report and extras."""
    from markupsafe import Markup

    from nanlog.report.html._content import content

    style = (files(__name__) / "templates" / "style.css").read_text(encoding="utf-8")
    template = _environment().get_template("page.html")
    return template.render(content(report, extras or Extras()), style=Markup(style))  # noqa: S704  our own file


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["uri"] = _data_uri
    return made


def _printable(value: Any) -> Any:
    """Whatever a template writes; what is no ``Markup`` yet was not cleaned either."""
    from markupsafe import Markup

    from nanlog.report.html._sheet import clean

    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _data_uri(picture: Picture) -> Any:
    from markupsafe import Markup

    if picture.media_type not in ("image/svg+xml", "image/png"):
        raise ValueError(f"a page holds pictures in SVG and PNG, not {picture.media_type}")
    encoded = base64.b64encode(picture.data).decode("ascii")
    return Markup(f"data:{picture.media_type};base64,{encoded}")  # noqa: S704  base64 needs no escape
