"""What every parser and every rule promises, tried on all samples; whatever is installed takes part by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelled_logs import SAMPLES, Sample, samples_of
from nanlog.model import Parser, Rule
from nanlog.registry import SURE, broken, parsers
from nanlog.rules import all_rules
from nanlog.rules import broken as broken_rules
from nanlog.testing import check_reading, check_recognition, check_rule
from no_logs import NO_LOGS

PARSERS = {parser.name: parser for parser in parsers()}


def owned_files(parser: Parser) -> list[Path]:
    """The files of the samples of a dialect that are in this dialect."""
    return [
        file
        for sample in samples_of(parser.name)
        for file in sample.files
        if parser.score(str(file), file.read_bytes()[:65536]) >= SURE
    ]


def test_nothing_that_is_installed_is_broken() -> None:
    assert (broken(), broken_rules()) == ((), ())


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_a_parser_knows_its_own_samples_and_leaves_the_others_alone(parser: Parser) -> None:
    others = [file for other in PARSERS.values() if other is not parser for file in owned_files(other)]
    check_recognition(parser, [sample.log for sample in samples_of(parser.name)], others)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_no_parser_claims_what_is_no_log(parser: Parser) -> None:
    labels = {str(sample.folder / "label.json"): (sample.folder / "label.json").read_bytes() for sample in SAMPLES}
    texts = labels | {name: text.encode() for name, text in NO_LOGS.items()}
    assert [name for name, text in texts.items() if parser.score(name, text) >= SURE] == []


def test_a_sample_is_read_as_promised(sample: Sample) -> None:
    check_reading(PARSERS[sample.dialect], sample.log, copies=6)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
def test_a_rule_judges_as_promised(rule: Rule) -> None:
    check_rule(rule)
