"""What a parser and a rule promise, as checks that the author of a plug-in can run on their own.

::

    from nanlog.testing import check_parser, check_rule

    def test_my_parser() -> None:
        check_parser(PARSER, samples=["samples/healthy.log", "samples/nan.log"])

    def test_my_rule() -> None:
        check_rule(RULE, fires_on=["samples/nan.log"], quiet_on=["samples/healthy.log"])

A promise that is not kept is an ``AssertionError`` that says which, and on what.  No test framework is needed.
"""

from __future__ import annotations

from ._parser import check_parser, check_reading, check_recognition
from ._rule import check_rule

__all__ = ["check_parser", "check_reading", "check_recognition", "check_rule"]
