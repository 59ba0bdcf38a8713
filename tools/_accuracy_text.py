"""What ``docs/accuracy.md`` says between its tables."""

from __future__ import annotations

from tools._model import FEWEST_RUNS, PRECISION
from tools._outcomes import FOLDS

__all__ = ["HEAD", "LIMITS", "MODEL", "RELIABILITY", "SCORES"]

HEAD = """# How often nanlog is right, and what its confidences are worth

Generated from labelled logs by one command:

    make accuracy LOGS="FOLDER ..."

Each `FOLDER` holds cases as [sample_logs](../sample_logs/README.md) does, which is what is measured where none is
named; `python -m tools.accuracy --help` tells of `--fit` and `--apart`. Every case is diagnosed once, under a name that
gives nothing away and without its label. Of logs that are equal to the byte one is counted.
"""

SCORES = """\
The *first* finding is right when its cause is the label's or one that the label accepts as well, and so for *one of
three*. *Brier* is the mean squared error of the first finding's confidence against its being right (0 is perfect, 0.25
a coin). *Log-loss* is minus the mean logarithm of the confidence in the accepted causes; where no rule proposed one, of
that in "something else". A failed log without a finding counts as wrong, with confidence 0.
"""

RELIABILITY = """\
Of first findings whose confidence lies in a range: the mean of what was stated, the share that was right, and
the interval in which such a sample lets the true share lie (Wilson's, 95 %).
"""

MODEL = f"""\
The confidence of a finding is its share of a softmax over all causes that a rule proposes and "something else". The
score of a cause is a prior plus the weights of the signs that were seen, in nats, as `nanlog/rules/weights.toml` has
them: a weight of 2.3 multiplies the odds by ten.

- **Priors** come from the causes confirmed in about sixty solved public threads. They are never fitted: how often a
  cause occurs in these logs is the choice of who made them, not that of the world.
- **Weights** were set by hand from what each sign proves. The fit maximises the log-likelihood of the true causes under
  a Gaussian prior around the hand-set weights, of precision {PRECISION:g} per square nat: {FEWEST_RUNS} runs
  can say that much at most, since each says p (1 - p) <= 1/4. Each run counts once, however many logs it wrote. No
  weight changes its sign.
- **What fewer than {FEWEST_RUNS} runs show is not fitted**; it keeps the weight that was set by hand.
- **Cross-validation** leaves out runs, in {FOLDS} folds: the logs of one training are never on both sides. Where a
  label names no training, cases of the same configuration are one. A harder one leaves out all that one family of
  frameworks wrote. Logs *apart*, where there are any, took no part in the fit at all.
- **Fitted weights are taken** only where both scores, with runs left out, are better by more than the standard error of
  the difference, in which the logs of a run count as one.
"""

LIMITS = """\
- The logs were made by training small models and putting one known fault into each. Logs to test on that come from
  the same makers share their habits; figures for other people's logs may well be worse.
- Whoever set the weights by hand had seen logs of this kind, and the rules were written with them at hand.
  Cross-validation guards the fit, not the rules.
- The frequencies of causes are the makers'. Where a log leaves several causes open (a sudden NaN, neither the rate nor
  gradients logged), its confidences reflect the public threads and the shares above the makers: they need not agree.
- Bins with few findings have wide intervals; read those, not the shares.
"""
