"""What can go wrong for a user: one error type per exit code, caught in one place (``nanlog.cli``)."""

from __future__ import annotations


class NanlogError(Exception):
    """A clear sentence for people, with the exit code the command ends with.

    The message says what was tried, what was found, and what to type next.
    """

    exit_code = 3


class UsageError(NanlogError):
    """The command line, or what it names, does not make sense (exit code 2)."""

    exit_code = 2


class UnreadableError(NanlogError):
    """A source could not be opened, decompressed, recognised or judged (exit code 3)."""

    exit_code = 3


class StoreError(NanlogError):
    """The store on disk could not be written or read (exit code 3)."""

    exit_code = 3


class NotLoggedError(NanlogError):
    """What was asked for is nowhere in the log (exit code 3)."""

    exit_code = 3
