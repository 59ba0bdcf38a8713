"""Measure on labelled logs how often nanlog is right and how far its confidences can be trusted.

    python -m tools.accuracy [--fit] [--apart FOLDER] [FOLDER ...]

The folders hold cases as ``sample_logs/`` does (its README explains ``label.json``); without any, ``sample_logs/`` is
measured.  Writes ``docs/accuracy.md``.  ``--fit`` writes fitted weights into ``nanlog/rules/weights.toml``, but only
where they are better on trainings that the fit did not see.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from tools._accuracy_page import Findings, page
from tools._labelled import Judged, judged, labels_in
from tools._model import fitted, runs_of
from tools._outcomes import compared, cross_validated, folds, outcomes
from tools._weights_file import by_hand, with_weights

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_logs"
WEIGHTS = ROOT / "nanlog" / "rules" / "weights.toml"


def main(arguments: list[str]) -> int:
    """Measure, write the page, and fit where that was asked for; 1 where no folder holds a label."""
    asked = _parser().parse_args(arguments)
    cases = list(judged(labels_in(asked.folders)))
    if not any(case.explained for case in cases):
        print("no label.json of a failed training in " + ", ".join(map(str, asked.folders)), file=sys.stderr)
        return 1
    text = asked.weights.read_text(encoding="utf-8")
    found = measured(cases, list(judged(labels_in(asked.apart))), text)
    asked.page.write_text(page(found), encoding="utf-8")
    print(f"wrote {asked.page}")
    if asked.fit and found.by_run.better:
        asked.weights.write_text(with_weights(text, found.fitted), encoding="utf-8")
        print(f"wrote {asked.weights}")
    elif asked.fit:
        print("the fitted weights are no better on trainings they were not fitted on; nothing was changed")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.accuracy", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", default=[SAMPLES])
    parser.add_argument("--fit", action="store_true", help="write fitted weights where they are better")
    parser.add_argument(
        "--apart", action="append", type=Path, default=[], metavar="FOLDER", help="logs that no fit may see"
    )
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "accuracy.md", help="where to write the page")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="the weights to judge with, and to fit")
    return parser


def measured(cases: list[Judged], apart: list[Judged], weights_text: str) -> Findings:
    """Everything that the page tells."""
    shipped, hand = tomllib.loads(weights_text), by_hand(weights_text)
    explained = [case for case in cases if case.explained]
    elsewhere = [case for case in apart if case.explained]
    new = fitted(explained, hand)
    with_hand = outcomes(explained, hand)
    sources = sorted({case.label.source for case in explained})
    by_run = cross_validated(explained, hand, folds([case.label.run for case in explained]))
    by_source = cross_validated(explained, hand, [sources.index(case.label.source) for case in explained])
    samples = {label.fingerprint for label in labels_in([SAMPLES])}
    return Findings(
        cases=cases,
        samples=sum(case.label.fingerprint in samples for case in cases),
        shipped=outcomes(explained, shipped),
        hand=with_hand,
        runs=by_run,
        sources=by_source,
        by_run=compared(with_hand, by_run),
        by_source=compared(with_hand, by_source),
        apart_hand=outcomes(elsewhere, hand),
        apart_fitted=outcomes(elsewhere, new),
        weights_shipped=shipped,
        weights_hand=hand,
        fitted=new,
        seen=runs_of(explained),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
