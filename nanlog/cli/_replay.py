"""From the options of ``nanlog replay`` to an outcome, where it goes, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanlog.cli._group import INTERRUPTED, complain
from nanlog.cli._output import report_stream, style_for
from nanlog.cli._replay_bar import ReplayBar
from nanlog.cli._runs import Chosen, resolve_run, root_of
from nanlog.errors import StoreError
from nanlog.replay.as_json import as_dict
from nanlog.replay.host import replay
from nanlog.replay.outcome import Outcome, Status
from nanlog.replay.plan import Plan, plan_for, seconds_of, steps_of

__all__ = ["answered", "exit_code"]

#: Dialects of trainings that no target can repeat: the run saved last may be of another project.
_NEVER_REPLAYED = frozenset({"caffe", "prototxt", "settings"})


def answered(options: Mapping[str, Any]) -> int:
    """Carry out what was asked for, print it, keep it beside the run; the exit code."""
    chosen = None if options["no_run"] else _chosen(options["run_word"], options["store"])
    report = None if chosen is None else _report(chosen)
    plan = _plan(options, report, None if chosen is None else chosen.run_id)
    with ReplayBar(verbose=options["verbose"]) as bar:
        outcome = replay(plan, bar.tell, bar.relay)
    with report_stream(options["output"], [plan.checkpoint]) as out:
        if options["form"] == "json":
            from nanlog.report.as_json import dumps

            out.write(dumps(as_dict(outcome)) + "\n")
        else:
            from nanlog.replay.text import write_outcome

            write_outcome(outcome, out, style_for(out, options["colour"], verbose=options["verbose"]))
    _keep(chosen, outcome)
    if options["skip_list"] is not None:
        from nanlog.replay.skip_list import write_skip_list

        write_skip_list(outcome, Path(options["skip_list"]))
    return exit_code(outcome, suspected=report is not None and report["verdict"] == "unhealthy")


def exit_code(outcome: Outcome, *, suspected: bool) -> int:
    """As the help says; ``suspected`` means that a log shows a failure."""
    if outcome.status is Status.INTERRUPTED:
        return INTERRUPTED
    if outcome.inputs is not None:
        return 1 if outcome.inputs.suspects else 0
    if outcome.reproduced is None:
        return 3
    if outcome.confirmed or not (outcome.reproduced or suspected):
        return 0
    return 1


def _chosen(word: str | None, store: str | None) -> Chosen | None:
    """The run that is meant; without a word the latest that this training can have logged, None where there is none."""
    from nanlog.store import list_runs

    if word is not None:
        return resolve_run(word, store)
    root = root_of(store)
    newest = next((run for run in list_runs(root) if run.parser not in _NEVER_REPLAYED), None)
    return None if newest is None else Chosen(root, newest.run_id)


def _report(chosen: Chosen) -> dict[str, Any]:
    from nanlog.report.as_json import as_dict as report_as_dict

    return report_as_dict(chosen.report)


def _plan(options: Mapping[str, Any], report: Mapping[str, Any] | None, run_id: str | None) -> Plan:
    vary = options["vary"]
    return plan_for(
        options["checkpoint"],
        options["target"],
        report,
        steps=None if options["steps"] is None else steps_of(options["steps"]),
        run=run_id,
        device=options["device"],
        batches=options["batches"],
        trust=options["trust"],
        vary=None if vary == "all" else tuple(name.strip() for name in vary.split(",") if name.strip()),
        budget=seconds_of(options["budget"]),
        scan_inputs=options["scan_inputs"],
        bundle=options["bundle"],
        skip_list=options["skip_list"],
    )


def _keep(chosen: Chosen | None, outcome: Outcome) -> None:
    """Beside the run it is about; that this fails is no reason to lose the answer."""
    if chosen is None or chosen.run_id is None or outcome.reproduced is None:
        return
    from nanlog.store import save_replay

    try:
        save_replay(chosen.root, chosen.run_id, as_dict(outcome))
    except StoreError as error:
        complain(f"warning: {error}")
