"""``nanlog formats``: every dialect with what it gives, for people and for programs."""

from __future__ import annotations

import json

import pytest
from click import unstyle
from click.testing import CliRunner, Result

from nanlog.cli import cli
from nanlog.cli._formats import as_json, as_text
from nanlog.registry import parsers
from tiny_dialect import TinyParser

NAMES = [parser.name for parser in parsers()]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["formats", *arguments], prog_name="nanlog", catch_exceptions=False)


def test_every_dialect_is_listed_plainly() -> None:
    result = run()
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line and not line.startswith(" ")] == NAMES
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert result.stdout.isascii() or "\x1b" not in result.stdout


def test_programs_get_the_same() -> None:
    document = json.loads(run("--format", "json").stdout)
    assert document["schema_version"] == 1
    assert [form["name"] for form in document["formats"]] == NAMES
    (caffe,) = [form for form in document["formats"] if form["name"] == "caffe"]
    assert caffe["title"].startswith("Caffe")
    assert caffe["gives"][:2] == ["loss per step", "learning rate"]


@pytest.mark.parametrize("name", NAMES)
def test_every_parser_of_nanlog_says_what_it_gives(name: str) -> None:
    (form,) = [form for form in json.loads(run("--format", "json").stdout)["formats"] if form["name"] == name]
    assert form["gives"]


def test_what_a_plugin_does_not_say_is_left_out() -> None:
    silent = TinyParser(title="a title")
    assert unstyle(as_text([silent])) == "tiny\n    a title"
    assert json.loads(as_json([silent]))["formats"] == [{"name": "tiny", "title": "a title", "gives": []}]


def test_a_plugin_cannot_steer_the_terminal() -> None:
    assert "\x1b[2J" not in as_text([TinyParser(title="\x1b[2Jgone")])


def test_a_name_that_is_listed_is_taken_by_diagnose() -> None:
    for name in NAMES:
        result = CliRunner().invoke(cli, ["diagnose", "--no-store", "--format-in", name, "-"], input=b"nothing\n")
        assert result.exit_code in (1, 3)
        assert "no parser called" not in result.stderr
