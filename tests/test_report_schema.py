"""The published schema of ``--format json`` and what nanlog prints agree."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from labelled_logs import ROOT, SAMPLES, Sample, report_of
from made_reports import MADE, blow_up, hostile, jump
from nanlog.model import Cause, Pattern, Phase, Verdict
from nanlog.report import Answer, Failure, Style, reporter
from nanlog.report.as_json import SCHEMA_VERSION

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def closed(schema: Any) -> Any:
    """The schema without room for fields that it does not name: nothing may be printed that is not published."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if "required" in schema and "properties" in schema else inner


CLOSED = Draft202012Validator(closed(SCHEMA))


def document(*answers: Answer) -> dict[str, Any]:
    out = io.StringIO()
    reporter("json").write(answers, out, Style())
    parsed: dict[str, Any] = json.loads(out.getvalue(), parse_constant=pytest.fail)
    return parsed


def faults(document: Any, validator: Draft202012Validator = CLOSED) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert SCHEMA["properties"]["schema_version"]["const"] == SCHEMA_VERSION


def test_every_sample(sample: Sample) -> None:
    assert faults(document(report_of(sample))) == []


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_every_made_report(made: Any) -> None:
    assert faults(document(made(), Failure("gone.log", "there is no such file"))) == []


def test_no_answers_and_all_samples_at_once() -> None:
    assert faults(document()) == []
    assert faults(document(*map(report_of, SAMPLES))) == []


def test_what_a_log_says_changes_no_shape() -> None:
    (wrong,) = {message.partition(": ")[2] for message in faults(document(hostile()))}
    assert wrong == "'NaN' is not of type 'number'"  # the confidence of that report, which no engine gives


@pytest.mark.parametrize(
    ("key", "words"), [("verdict", Verdict), ("pattern", Pattern), ("cause", Cause), ("phase", Phase)]
)
def test_the_closed_vocabularies_are_those_of_the_model(key: str, words: type[StrEnum]) -> None:
    assert SCHEMA["$defs"][key]["enum"] == [word.value for word in words]


def objects(schema: Any, at: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield at, schema
        for key, value in schema.items():
            yield from objects(value, f"{at}.{key}")


def test_every_field_is_promised_and_on_the_page() -> None:
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    for at, schema in objects(SCHEMA):
        assert schema["required"] == list(schema["properties"]), at
        assert [field for field in schema["properties"] if f"`{field}`" not in page and f'"{field}"' not in page] == []


def test_a_field_that_is_added_later_breaks_nobody() -> None:
    later = document(jump())
    later["reports"][0]["onset"]["something_new"] = 1
    assert faults(later, VALIDATOR) == []
    assert faults(later) != []


def edit(path: str, value: Any) -> Callable[[Any], None]:
    *parents, last = path.split(".")

    def change(document: Any) -> None:
        for key in parents:
            document = document[int(key)] if key.isdigit() else document[key]
        if value is ...:
            del document[last]
        else:
            document[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema_version", 2),
        ("reports", {}),
        ("reports.0.verdict", "sick"),
        ("reports.0.onset.pattern", "sudden"),
        ("reports.0.onset.step", 1.5),
        ("reports.0.onset.value", "nan"),
        ("reports.0.onset.order.0.phase", "sideways"),
        ("reports.0.findings.0.confidence", 1.2),
        ("reports.0.findings.0.cause", "bad_luck"),
        ("reports.0.findings.0.evidence.0.line", "7"),
        ("reports.0.findings.0.remedies", "stop"),
        ("reports.0.unread", -1),
        ("reports.0.error", "not read, and yet judged"),
        ("reports.0.parser", None),
        ("reports.0.onset", ...),
        ("reports.0.attempts.0.first_line", ...),
        ("reports", ...),
    ],
)
def test_what_is_no_report_is_refused(path: str, value: Any) -> None:
    changed = copy.deepcopy(document(blow_up()))
    assert faults(changed, VALIDATOR) == []
    edit(path, value)(changed)
    assert faults(changed, VALIDATOR) != []
