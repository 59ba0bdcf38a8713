"""What the worker saw besides the trials, for the verdicts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Signs"]


@dataclass(frozen=True, slots=True)
class Signs:
    """Facts about the unchanged steps.

    ``loss_growth``, ``gradient_growth`` and ``parameter_growth`` say by what factor the largest absolute value grew
    from the first suspect step to the last finite one (None where there are not two).  ``update_size`` is how far each
    update moved the parameters, in units of their own size (root mean squares; None without an update).  ``rates``
    are the learning rates of the step that went bad, ``rates_before`` those of the first suspect step.  ``corrupt``
    names tensors of the checkpoint that are absurd or not finite, and why; ``corrupt_share`` is their share of all
    parameters.  ``strange`` says of the offending samples what is out of the ordinary in them; empty when nothing is.
    ``runs`` and ``bad_runs`` count unchanged repeats and those that went bad.
    """

    loss_growth: float | None = None
    gradient_growth: float | None = None
    parameter_growth: float | None = None
    update_size: float | None = None
    steps_before: int = 0
    rates: tuple[float, ...] = ()
    rates_before: tuple[float, ...] = ()
    precision: str = "32"
    corrupt: tuple[tuple[str, str], ...] = ()
    corrupt_share: float = 0.0
    strange: tuple[str, ...] = ()
    batch_size: int | None = None
    runs: int = 0
    bad_runs: int = 0
    module_type: str | None = None

    @property
    def growth(self) -> float:
        """The strongest of the three."""
        return max(self.loss_growth or 1.0, self.gradient_growth or 1.0, self.parameter_growth or 1.0)
