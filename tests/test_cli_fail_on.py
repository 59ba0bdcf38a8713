"""``--fail-on``, ``--only`` and ``--skip``: what the exit code and the causes are made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labelled_logs import FAILED as FAILURES
from labelled_logs import report_of
from nanlog.cli import cli
from nanlog.cli._fail_on import LEVELS, exit_code
from nanlog.engine import rules

Log = Callable[[str], Path]

FAILED = "sqrt_of_zero_debug"
CASES = {
    "healthy": "healthy_negative_loss",
    "harmless": "harmless_nan_precision",
    "skipped": "skipped_updates_megatron",
    "unhealthy": FAILED,
}


def run(*arguments: str | Path) -> Result:
    words = ["diagnose", "--no-store", *map(str, arguments)]
    return CliRunner().invoke(cli, words, prog_name="nanlog", catch_exceptions=False)


def confidences(*arguments: str | Path) -> dict[str, float]:
    (report,) = json.loads(run("--format", "json", *arguments).stdout)["reports"]
    return {finding["rule"]: finding["confidence"] for finding in report["findings"]}


@pytest.fixture
def logs(tmp_path: Path, sample_log: Log) -> dict[str, list[str | Path]]:
    """What to give ``diagnose`` for each kind of answer; ``open`` is read and cannot be judged."""
    open_log = tmp_path / "open.log"
    open_log.write_text("hello\nworld\n")
    return {
        **{kind: [sample_log(case)] for kind, case in CASES.items()},
        "open": ["--format-in", "caffe", open_log],
        "missing": [tmp_path / "missing.log"],
    }


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("healthy", {"never": 0, "unhealthy": 0, "cannot-judge": 0, "harmless": 0}),
        ("harmless", {"never": 0, "unhealthy": 0, "cannot-judge": 0, "harmless": 1}),
        ("skipped", {"never": 0, "unhealthy": 0, "cannot-judge": 0, "harmless": 1}),
        ("unhealthy", {"never": 0, "unhealthy": 1, "cannot-judge": 1, "harmless": 1}),
        ("open", {"never": 0, "unhealthy": 3, "cannot-judge": 1, "harmless": 1}),
        ("missing", {"never": 3, "unhealthy": 3, "cannot-judge": 3, "harmless": 3}),
    ],
)
def test_exit_codes(logs: dict[str, list[str | Path]], kind: str, codes: dict[str, int]) -> None:
    assert {level: run("--fail-on", level, *logs[kind]).exit_code for level in LEVELS} == codes
    assert run(*logs[kind]).exit_code == codes["unhealthy"]


def test_the_worst_of_several_counts(logs: dict[str, list[str | Path]]) -> None:
    paths = [*logs["healthy"], *logs["missing"], *logs["harmless"]]
    assert run(*paths).exit_code == 3
    assert run("--fail-on", "harmless", *paths).exit_code == 1
    assert run("--fail-on", "never", *logs["healthy"], *logs["unhealthy"]).exit_code == 0


@pytest.mark.parametrize("outcome", ["healthy", "harmless", "cannot_judge", "unhealthy", "unreadable"])
def test_a_stricter_level_never_forgives(outcome: str) -> None:
    order = {0: 0, 3: 1, 1: 2}
    codes = [order[exit_code({outcome}, level)] for level in LEVELS]
    assert all(before <= after for before, after in pairwise(codes))


def test_an_unknown_level_is_wrong_usage(logs: dict[str, list[str | Path]]) -> None:
    assert run("--fail-on", "always", *logs["healthy"]).exit_code == 2


def test_a_rule_that_is_skipped_leaves_its_share_to_the_others() -> None:
    log = max(FAILURES, key=lambda sample: len(report_of(sample).findings)).log
    everything = confidences(log)
    first, *others = everything
    rest = confidences("--skip", first, log)
    assert first not in rest
    assert [rule for rule in others if rule in rest]
    assert all(rest[rule] > everything[rule] for rule in others if rule in rest)


def test_only_the_rules_that_are_named_judge(sample_log: Log) -> None:
    log = sample_log(FAILED)
    named = ["undefined_gradient", "lr_too_high"]
    assert set(confidences("--only", named[0], "--only", named[1], log)) <= set(named)
    assert set(confidences("--only", named[1], log)) <= {named[1]}
    assert run("--only", named[1], log).exit_code == 1


def test_skipping_all_but_one_is_the_same_as_naming_that_one(sample_log: Log) -> None:
    log, kept = sample_log(FAILED), "undefined_gradient"
    skipped = [word for rule in rules() if rule.name != kept for word in ("--skip", rule.name)]
    assert run(*skipped, log).stdout == run("--only", kept, log).stdout


@pytest.mark.parametrize("option", ["--only", "--skip"])
def test_a_rule_nobody_knows_is_one_sentence_with_the_nearest(option: str, sample_log: Log) -> None:
    result = run(option, "LR-to-high", sample_log(FAILED))
    said = f"nanlog: there is no rule 'LR-to-high'; did you mean: nanlog diagnose {option} lr_too_high\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", said)
    assert run(option, "\x1b[2J", sample_log(FAILED)).stderr.endswith("nanlog rules lists all of them\n")


def test_a_choice_of_no_rule_is_wrong_usage(sample_log: Log) -> None:
    result = run("--only", "lr_too_high", "--skip", "lr_too_high", sample_log(FAILED))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no rule is left" in result.stderr
