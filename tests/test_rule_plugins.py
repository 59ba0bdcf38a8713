"""Rules that come from other distributions, whole and broken."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from nanlog import rules
from nanlog.cli import cli
from nanlog.engine import diagnose_run, rule_text
from nanlog.model import Cause
from nanlog.rules import all_rules, broken
from runs import make_run

RULE = '''"""A rule from outside."""
from nanlog.model import Cause, Evidence, Finding, Sign

class Outside:
    name = "{name}"
    cause = Cause.SOFTWARE_BUG
    needs = ("loss", "metric/temperature")
    how = "log the temperature of the device"
    weights = {weights}
    def judge(self, case):
        if case.run.series("loss") is not None:
            yield Finding(self.name, self.cause, tuple(Sign(k, Evidence(k + " speaks")) for k in {signs}))

RULE = Outside()
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, where distributions can be installed."""
    monkeypatch.syspath_prepend(tmp_path)
    rules._found.cache_clear()
    yield tmp_path
    rules._found.cache_clear()
    sys.modules.pop("outside", None)


def install(site: Path, code: str) -> None:
    (site / "outside.py").write_text(code)
    info = site / "outside-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[nanlog.rules]\noutside = outside:RULE\n")


def rule(name: str = "overheated", weights: str = "{'hot': 9.0, 'cool': -1.0}", signs: str = "('hot', 'cool')") -> str:
    return RULE.format(name=name, weights=weights, signs=signs)


def names() -> list[str]:
    return [known.name for known in all_rules()]


def test_a_rule_from_outside_brings_its_weights(site: Path) -> None:
    install(site, rule())
    report = diagnose_run(make_run({"loss": [2.0, 1.9, 2.1, 1.8, math.nan]}))
    first = report.findings[0]
    assert (first.rule, first.cause) == ("overheated", Cause.SOFTWARE_BUG)
    assert first.confidence > 0.9
    assert [evidence.says for evidence in first.evidence] == ["hot speaks"]
    assert [evidence.says for evidence in first.against] == ["cool speaks"]
    assert ("overheated", ("metric/temperature",), "log the temperature of the device") in [
        (untold.rule, untold.missing, untold.how) for untold in report.cannot_tell
    ]


def test_a_rule_from_outside_is_explained(site: Path) -> None:
    install(site, rule())
    assert names()[-1] == "overheated"
    assert rule_text("overheated") == "A rule from outside."


def test_a_rule_from_outside_is_marked_in_the_list(site: Path) -> None:
    install(site, rule())
    said = CliRunner().invoke(cli, ["rules"]).stdout.rpartition("\n\n")[2].splitlines()
    assert said == [
        "overheated  cause software_bug  plug-in outside",
        "    A rule from outside.",
        "    needs: training loss, training output temperature",
    ]
    listed = json.loads(CliRunner().invoke(cli, ["rules", "--format", "json"]).stdout)["rules"]
    assert [entry["name"] for entry in listed if entry["plugin"] == "outside"] == ["overheated"]


def test_a_rule_from_outside_can_be_asked_for(site: Path, sample_log: Callable[[str], Path]) -> None:
    install(site, rule())
    log = str(sample_log("sqrt_of_zero_debug"))
    result = CliRunner().invoke(cli, ["diagnose", "--format", "json", "--only", "overheated", log])
    (report,) = json.loads(result.stdout)["reports"]
    assert [finding["rule"] for finding in report["findings"]] == ["overheated"]


def test_a_broken_rule_that_is_asked_for_is_named_first(site: Path, sample_log: Callable[[str], Path]) -> None:
    install(site, "RULE = 1 / 0")
    result = CliRunner().invoke(cli, ["diagnose", "--only", "overheated", str(sample_log("sqrt_of_zero_debug"))])
    assert result.exit_code == 2
    assert [line.split(":")[1] for line in result.stderr.splitlines()] == [
        " the rule outside",
        " there is no rule 'overheated'; nanlog rules lists all of them",
    ]


def test_a_sign_that_was_not_weighed_proves_nothing(site: Path) -> None:
    install(site, rule(signs="('hot', 'forgotten')"))
    report = diagnose_run(make_run({"loss": [2.0, 1.9, 2.1, 1.8, math.nan]}))
    assert [evidence.says for evidence in report.findings[0].evidence] == ["hot speaks"]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("RULE = 1 / 0", "ZeroDivisionError: division by zero"),
        ("", "AttributeError: module 'outside' has no attribute 'RULE'"),
        ("class RULE: name = 'half'; cause = 'software_bug'", "it has no needs and no judge and no weights"),
        (rule(name="lr_too_high"), "there is another rule called 'lr_too_high'"),
        (rule(weights="None"), "its weights are no mapping of signs to numbers"),
        (rule(weights="{'hot': float('nan')}"), "the weight of 'hot' is no finite number"),
        (rule(weights="{'hot': 'very'}"), "the weight of 'hot' is no finite number"),
        (rule().replace("Cause.SOFTWARE_BUG", "'heat'"), "'heat' is no cause; there are lr_too_high, "),
    ],
)
def test_a_broken_rule_is_named_and_left_out(site: Path, code: str, why: str) -> None:
    install(site, code)
    assert names().count("lr_too_high") == 1
    (left_out,) = broken()
    assert left_out.origin == "outside:RULE"
    assert str(left_out).startswith(f"the rule outside:RULE is left out: {why}")
    assert diagnose_run(make_run({"loss": [2.0, 1.9, 2.1, 1.8, math.nan]})).findings


def test_every_command_says_which_plugin_is_left_out(site: Path) -> None:
    install(site, "RULE = 1 / 0")
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from nanlog.cli import main; main()"
    for command in (["explain"], ["formats"], ["diagnose", "--no-store", "missing.log"]):
        done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
        assert "nanlog: the rule outside:RULE is left out: ZeroDivisionError: division by zero\n" in done.stderr
