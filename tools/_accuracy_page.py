"""The text of ``docs/accuracy.md``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nanlog.model import Cause
from tools._accuracy_text import HEAD, LIMITS, MODEL, RELIABILITY, SCORES
from tools._labelled import Judged
from tools._measures import Paired, calibration_error, reliability
from tools._model import FEWEST_RUNS, Sign, Weights
from tools._outcomes import NOTHING, Comparison, Outcome, Summary, compared, summary

__all__ = ["Findings", "page"]

KINDS = ("healthy", "benign", "unhealthy")
VERDICTS = ("healthy", "unhealthy", "cannot_judge", "unreadable")
_NO_FAILURE = (Cause.NONE, Cause.AMP_SKIP, Cause.UNKNOWN)


@dataclass(frozen=True)
class Findings:
    """What was measured; outcomes are of the cases whose cause is known."""

    cases: Sequence[Judged]
    samples: int  #: how many of them stand in ``sample_logs/``
    shipped: Sequence[Outcome]
    hand: Sequence[Outcome]
    runs: Sequence[Outcome]  #: cross-validated by run
    sources: Sequence[Outcome]  #: cross-validated by who wrote the log
    by_run: Comparison
    by_source: Comparison
    apart_hand: Sequence[Outcome]
    apart_fitted: Sequence[Outcome]
    weights_shipped: Weights
    weights_hand: Weights
    fitted: Weights
    seen: Mapping[Sign, int]  #: in how many runs


def page(found: Findings) -> str:
    """The whole page, as Markdown."""
    parts = [
        HEAD,
        "## What was measured\n",
        *_kinds(found.cases, found.samples),
        "## Verdict\n",
        *_verdicts(found.cases),
        "## Pattern, onset and cause\n",
        SCORES,
        *_by_source(found),
        "## Is a confidence of 0.8 right four times out of five?\n",
        *_reliability(found.shipped),
        "## Which causes are taken for which\n",
        *_confusion(found.shipped),
        "## The model and its weights\n",
        MODEL,
        *_comparison(found),
        "### What the fit would change\n",
        *_fitted_signs(found),
        "### What was not fitted\n",
        *_unfitted(found),
        "## Limits\n",
        *_rare(found.shipped),
        LIMITS,
    ]
    return "\n".join(parts)


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def _kinds(cases: Sequence[Judged], samples: int) -> Iterator[str]:
    runs = len({case.label.run for case in cases})
    yield f"{len(cases)} logs of {runs} trainings; {samples} of the logs stand in `sample_logs/`."
    yield "*Benign* is a NaN that does no harm: the right verdict is healthy.\n"
    count = Counter((case.label.source, case.label.kind) for case in cases)
    sources = sorted({source for source, _ in count})
    rows: list[list[object]] = [[s, *(count[s, k] for k in KINDS), sum(count[s, k] for k in KINDS)] for s in sources]
    rows.append(["all", *(sum(count[s, k] for s in sources) for k in KINDS), len(cases)])
    yield _table(["written by", *KINDS, "logs"], rows)


def _verdicts(cases: Sequence[Judged]) -> Iterator[str]:
    count = Counter((case.label.kind, case.verdict) for case in cases)
    yield _table(["label", *(f"says {v}" for v in VERDICTS)], [[k, *(count[k, v] for v in VERDICTS)] for k in KINDS])


def _by_source(found: Findings) -> Iterator[str]:
    sick = [case for case in found.cases if case.label.kind == "unhealthy"]
    rows = []
    for source in [*sorted({case.label.source for case in sick}), "all"]:
        mine = [case for case in sick if source in ("all", case.label.source)]
        dated = [case for case in mine if case.label.fields["onset_step"] is not None]
        pattern = sum(case.pattern in case.label.accepted("pattern") for case in mine)
        onset = sum(case.step in case.label.accepted_steps() for case in dated)
        scores = summary([o for o in found.shipped if source in ("all", o.case.label.source)])
        shares = [_percent(pattern, len(mine)), _percent(onset, len(dated))]
        rows.append([source, len(mine), *shares, scores.count, *_scores(scores)])
    head = [
        "written by",
        "failed",
        "pattern",
        "onset",
        "cause known",
        "first right",
        "one of three",
        "Brier",
        "log-loss",
    ]
    yield _table(head, rows)


def _scores(scores: Summary) -> list[str]:
    shares = [f"{100 * scores.top1:.1f} %", f"{100 * scores.top3:.1f} %"] if scores.count else ["", ""]
    return [*shares, f"{scores.brier:.3f}", f"{scores.log_loss:.3f}"] if scores.count else [*shares, "", ""]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _reliability(found: Sequence[Outcome]) -> Iterator[str]:
    stating = [o for o in found if o.first != NOTHING]
    bins = reliability([o.confidence for o in stating], [o.top1 for o in stating])
    yield RELIABILITY
    rows = [
        [
            f"{b.low:g} to {b.high:g}",
            b.count,
            f"{b.stated:.2f}",
            f"{b.right:.2f}",
            f"{b.interval[0]:.2f} to {b.interval[1]:.2f}",
        ]
        for b in bins
    ]
    yield _table(["confidence", "findings", "stated", "right", "interval"], rows)
    yield f"Mean distance of stated and right: {calibration_error(bins):.3f}.\n"


def _confusion(found: Sequence[Outcome]) -> Iterator[str]:
    """Rows are the labels' causes; a first finding that a label accepts counts as the label's own cause."""
    count = Counter((o.case.label.cause, o.case.label.cause if o.top1 else o.first) for o in found)
    causes = sorted({cause for pair in count for cause in pair} - {NOTHING})
    letters = {cause: chr(ord("A") + index) for index, cause in enumerate(causes)}
    columns = [*causes, *([NOTHING] if any(first == NOTHING for _, first in count) else [])]
    yield "Rows: the true cause. Columns: the cause of the first finding; one that the label accepts counts as right.\n"
    rows = [
        [
            f"{letters[true]} {true}",
            *(count[true, first] or "" for first in columns),
            sum(count[true, c] for c in columns),
        ]
        for true in causes
        if any(count[true, first] for first in columns)
    ]
    yield _table(["", *(letters.get(cause, cause) for cause in columns), "all"], rows)


def _comparison(found: Findings) -> Iterator[str]:
    rows = [
        ["set by hand", *_scores(summary(found.hand)), "", ""],
        ["fitted, runs left out", *_scores(summary(found.runs)), *_gain(found.by_run)],
        ["fitted, families left out", *_scores(summary(found.sources)), *_gain(found.by_source)],
    ]
    if found.apart_hand:
        count = f"{len(found.apart_hand)} logs apart"
        apart = compared(found.apart_hand, found.apart_fitted)
        rows.append([f"set by hand, {count}", *_scores(summary(found.apart_hand)), "", ""])
        rows.append([f"fitted on the others, {count}", *_scores(summary(found.apart_fitted)), *_gain(apart)])
    yield _table(
        ["weights", "first right", "one of three", "Brier", "log-loss", "Brier, change", "log-loss, change"], rows
    )
    yield "The last columns: the difference to what was set by hand, with its standard error; below 0 is better.\n"
    shipped = "some are fitted" if found.weights_shipped != found.weights_hand else "all are set by hand"
    gain = "better" if found.by_run.better else "not better by more than chance may explain"
    yield f"With runs left out the fit is {gain}. The weights in use: {shipped}.\n"


def _gain(difference: Comparison) -> list[str]:
    return [_with_error(difference.brier), _with_error(difference.log_loss)]


def _with_error(score: Paired) -> str:
    return f"{score.mean:+.4f} ± {score.error:.4f}"


def _fitted_signs(found: Findings) -> Iterator[str]:
    yield f"Signs seen in {FEWEST_RUNS} runs or more, with all runs in the fit.\n"
    rows = [
        [f"`{rule}`", f"`{key}`", f"{found.weights_hand[rule][key]:g}", f"{weight:g}", found.seen[rule, key]]
        for rule, key, weight in _entries(found.fitted)
        if found.seen.get((rule, key), 0) >= FEWEST_RUNS
    ]
    yield _table(["rule", "sign", "by hand", "fitted", "runs"], rows)


def _unfitted(found: Findings) -> Iterator[str]:
    yield "In how many runs each was seen, all too few; 0 is what none of these logs shows.\n"
    rare: dict[str, list[str]] = defaultdict(list)
    for rule, key, _ in _entries(found.weights_hand):
        if (runs := found.seen.get((rule, key), 0)) < FEWEST_RUNS:
            rare[rule].append(f"`{key}` {runs}")
    yield "\n".join(f"- `{rule}`: {', '.join(signs)}" for rule, signs in rare.items()) + "\n"


def _entries(weights: Weights) -> Iterator[tuple[str, str, float]]:
    for rule, table in weights.items():
        if rule != "prior":
            yield from ((rule, key, weight) for key, weight in table.items())


def _rare(found: Sequence[Outcome]) -> Iterator[str]:
    runs: dict[str, set[str]] = {cause: set() for cause in Cause if cause not in _NO_FAILURE}
    for one in found:
        runs[one.case.label.cause].add(one.case.label.run)
    rare = [f"{cause} ({len(names)})" for cause, names in runs.items() if len(names) < FEWEST_RUNS]
    if rare:
        yield f"- Causes with fewer than {FEWEST_RUNS} trainings, of which these figures say little: {', '.join(rare)}."
