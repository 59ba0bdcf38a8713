"""Replaying the steps in which a training died, with one thing changed at a time.

The host side of this package is free of torch; ``worker`` runs in a process of its own and holds the user's code.
"""

from __future__ import annotations
