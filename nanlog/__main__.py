"""``python -m nanlog``."""

from __future__ import annotations

from nanlog.cli import main

if __name__ == "__main__":
    main()
