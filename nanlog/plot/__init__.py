"""Pictures of a run, with what is not finite in plain sight.

Every function takes a :class:`~nanlog.model.Report`, or a :class:`~nanlog.model.Run` alone (its onset is then located),
and returns a ``matplotlib.figure.Figure`` that belongs to no window::

    import nanlog, nanlog.plot

    report = nanlog.diagnose("train.log")
    nanlog.plot.overview(report)                      # shown by a notebook
    nanlog.plot.save(nanlog.plot.loss(report, steps=(900, 1100)), "loss.svg")

matplotlib is imported when a picture is made, not before.
"""

from __future__ import annotations
