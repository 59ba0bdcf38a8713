"""``nanlog rules``: every rule in short, and which come from elsewhere."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from nanlog.cli import cli
from nanlog.cli._catalogue import as_json
from nanlog.engine import rule_text, rules


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["rules", *arguments], prog_name="nanlog", catch_exceptions=False)


def test_the_list_names_every_rule_with_its_sentence() -> None:
    result = run()
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line and not line.startswith(" ")] == [rule.name for rule in rules()]
    said = " ".join(result.stdout.split())
    assert all(rule_text(rule.name).split("\n")[0] in said for rule in rules())
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in result.stdout


def test_what_a_rule_needs_is_said_in_words() -> None:
    entry = run().stdout.partition("\nlr_too_high\n")[2].partition("\n\n")[0]
    assert "needs: learning rate, gradient norm" in entry


def test_the_cause_is_named_where_the_name_does_not_say_it() -> None:
    assert "\nharmless_nan  cause none\n" in run().stdout
    assert "lr_too_high  cause" not in run().stdout


def test_json_for_programs() -> None:
    document = json.loads(run("--format", "json").stdout)
    assert document["schema_version"] == 1
    assert [rule["name"] for rule in document["rules"]] == [rule.name for rule in rules()]
    (high,) = [rule for rule in document["rules"] if rule["name"] == "lr_too_high"]
    assert high == {
        "name": "lr_too_high",
        "cause": "lr_too_high",
        "title": "The learning rate is too high for this net, batch size and loss.",
        "needs": ["lr", "grad_norm"],
        "plugin": None,
    }


def test_every_rule_of_nanlog_is_one() -> None:
    assert {rule["plugin"] for rule in json.loads(as_json(rules()))["rules"]} == {None}
