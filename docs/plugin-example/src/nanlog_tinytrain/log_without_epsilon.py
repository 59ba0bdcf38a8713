"""The cross-entropy takes the logarithm of a probability that may be 0.

What it sees
    The setting eps of tinytrain is 0 and the loss went bad.

Why it ends in NaN
    As soon as a prediction is certain, log(p + eps) is log(0) = -inf, and 0 * inf in the other term is NaN.

Fires on
    samples/log_of_zero.log

Quiet on
    samples/healthy.log, samples/lr_too_high.log

What to do
    Set eps to 1e-7, or compute the loss from the logits.

May be wrong when
    The gradient had grown before: then the predictions became certain because the weights exploded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from nanlog.model import Case, Cause, Evidence, Fact, Finding, Pattern, Phase, Rule, Sign


class LogWithoutEpsilon:
    """A rule names signs; what each is worth stands in ``weights``, in nats of log-odds."""

    name = "log_without_epsilon"
    cause = Cause.FAULTY_LOSS
    needs = ("loss", "fact:hparams.eps")
    how = "tinytrain prints eps in its first line: keep the head of the log"
    weights: ClassVar[Mapping[str, float]] = {"eps_is_zero": 4.0, "eps_is_positive": -6.0, "growth_before": -3.0}

    def judge(self, case: Case) -> Iterator[Finding]:
        eps = case.run.fact("hparams.eps")
        if eps is None or case.onset.pattern is Pattern.HEALTHY:
            return
        yield Finding(
            rule=self.name,
            cause=self.cause,
            signs=tuple(self._signs(case, eps)),
            phase=Phase.FORWARD,
            remedies=("set eps to 1e-7", "compute the loss from the logits"),
            next_test="run once more with eps=1e-7: a logarithm of 0 is gone at once",
        )

    def _signs(self, case: Case, eps: Fact) -> Iterator[Sign]:
        if eps.value == 0:
            yield Sign("eps_is_zero", Evidence("eps is 0: log(p + eps) is infinite at p = 0", eps.file, eps.line))
        else:
            yield Sign("eps_is_positive", Evidence(f"eps is {eps.value}: the logarithm is finite", eps.file, eps.line))
        if case.onset.departure_step is not None:
            says = "the loss had grown before"
            yield Sign("growth_before", Evidence(says, case.onset.file, case.onset.departure_line, "loss"))


RULE: Rule = LogWithoutEpsilon()
