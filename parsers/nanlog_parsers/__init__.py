"""The dialects that nanlog reads: one module each, ending in ``PARSER``."""

from __future__ import annotations
