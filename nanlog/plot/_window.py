"""A figure in a window of its own, where there is a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanlog.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["show"]


def show(figure: Figure) -> None:
    """Open a window with the figure and return when it is closed.

    Raises :class:`~nanlog.errors.UsageError` where matplotlib finds no screen, or no toolkit to draw on it.
    """
    import matplotlib.pyplot as plt

    try:
        blank = plt.figure()
        canvas = type(blank.canvas)
        plt.close(blank)
    except ImportError as error:
        raise UsageError(f"no window can be opened ({error}): {_INSTEAD}") from error
    if canvas.required_interactive_framework is None:
        raise UsageError(f"no window can be opened: there is no screen, or no toolkit such as Tk or Qt; {_INSTEAD}")
    manager = canvas.new_manager(figure, 1)
    manager.show()
    manager.start_main_loop()


_INSTEAD = "write a file with --out FILE, or draw with characters with --terminal"
