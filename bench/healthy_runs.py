"""How many healthy trainings does nanlog call unhealthy?

A thousand small models are really trained: classifiers, regressions, autoencoders, adversaries, policies, under every
schedule in use, with labels that are wrong, batches that are bad, and processes that die and are resumed.  Each writes
a log of its own, which nanlog judges.  Trainings that did not bring their model nearer to its aim, measured apart from
the losses they print, are not healthy: they are counted, left out, and drawn anew.

    python bench/healthy_runs.py                       a thousand runs; ends with 1 if more than 1 % are flagged
    python bench/healthy_runs.py --runs 100 --seed 7
    python bench/healthy_runs.py --only kl_annealing --keep /tmp/flagged    keeps the logs of what was flagged
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from simulated.draws import Draw
from simulated.families import FAMILIES
from simulated.logs import write_log
from simulated.training import Trained, train

import nanlog
from nanlog.errors import UnreadableError
from nanlog.model import Report, Verdict

LIMIT = 0.01
#: So often a run that did not learn is drawn anew.
TRIES = 40


@dataclass(frozen=True)
class Judged:
    """What nanlog said of one run; ``unread`` where it did not see the losses that were logged."""

    family: str
    seed: str
    verdict: Verdict
    pattern: str
    unread: bool
    drawn: int
    log: str


def judge(family: str, seed: str, keep: str | None) -> Judged:
    torch.set_num_threads(1)
    drawn, draw, trained = _learnt(family, seed)
    with tempfile.TemporaryDirectory() as folder:
        log = write_log(draw, trained.rows, Path(folder))
        try:
            report: Report | None = nanlog.diagnose(str(log))
        except UnreadableError:
            report = None
        verdict = report.verdict if report is not None else Verdict.CANNOT_JUDGE
        unread = report is None or _unread(report, trained)
        kept = f"{keep}/{seed}{log.suffix}" if keep and (verdict is not Verdict.HEALTHY or unread) else ""
        if kept:
            shutil.copy(log, kept)
    pattern = report.onset.pattern.value if report is not None and report.onset is not None else ""
    return Judged(family, seed, verdict, pattern, unread, drawn, kept)


def _learnt(family: str, seed: str) -> tuple[int, Draw, Trained]:
    """The first training of this seed that learnt something, and how many were drawn until then."""
    for attempt in range(TRIES):
        draw = Draw(f"{seed}-{attempt}")
        torch.manual_seed(draw.getrandbits(32))
        trained = train(*FAMILIES[family](draw))
        if trained.learnt:
            return attempt + 1, draw, trained
    raise RuntimeError(f"{family}: nothing was learnt in {TRIES} trainings of seed {seed}")


def _unread(report: Report, trained: Trained) -> bool:
    """Whether a point of a loss was not read, so that the verdict would rest on something else."""
    losses = sum(name.startswith("loss") for name in trained.rows[0])
    read = sum(len(series) for name, series in report.run.table.items() if name.startswith("loss"))
    return read < losses * len(trained.rows)


def _table(found: Sequence[Judged]) -> None:
    columns = ("runs", "healthy", "unhealthy", "not judged", "unread", "left out")
    print(f"{'family':26}" + "".join(f"{column:>12}" for column in columns) + "  patterns")
    for family in [*dict.fromkeys(run.family for run in found), "all"]:
        runs = [run for run in found if family in (run.family, "all")]
        verdicts = [run.verdict for run in runs]
        patterns = sorted({run.pattern for run in runs if run.verdict is Verdict.UNHEALTHY}) if family != "all" else []
        print(
            f"{family:26} {len(runs):5} {verdicts.count(Verdict.HEALTHY):8} {verdicts.count(Verdict.UNHEALTHY):10}"
            f" {verdicts.count(Verdict.CANNOT_JUDGE):11} {sum(run.unread for run in runs):7}"
            f" {sum(run.drawn - 1 for run in runs):9}  {', '.join(patterns)}"
        )


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--only", choices=FAMILIES, action="append", help="a family; may be repeated")
    options.add_argument("--keep", type=Path, help="a folder for the logs of the runs that were flagged")
    chosen = options.parse_args()
    if chosen.keep is not None:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    names = chosen.only or list(FAMILIES)
    families = [names[place % len(names)] for place in range(chosen.runs)]
    seeds = [f"{name}-{chosen.seed}-{place // len(names)}" for place, name in enumerate(families)]
    keep = str(chosen.keep) if chosen.keep is not None else None
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = sorted(
            pool.map(judge, families, seeds, [keep] * len(seeds), chunksize=8), key=lambda run: names.index(run.family)
        )
    _table(found)
    flagged = [run for run in found if run.verdict is not Verdict.HEALTHY or run.unread]
    for run in flagged:
        print(f"  {run.seed}: {run.verdict.value} {run.pattern}{' (losses unread)' if run.unread else ''} {run.log}")
    share = len(flagged) / len(found)
    print(f"flagged or unread: {100 * share:.1f} %; limit {100 * LIMIT:.0f} %")
    sys.exit(share > LIMIT)


if __name__ == "__main__":
    main()
