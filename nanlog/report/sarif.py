"""The report for a code scanner: SARIF 2.1.0, in the part of it that GitHub reads.

There is a result for each piece of evidence for a cause of an unhealthy run, at the line that proves it; a healthy run
has none, whatever harmless NaN it holds.  What could not be read or judged is a notification of the tool.  All runs of
a command are one run of the tool: GitHub takes one for each tool and category.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import quote

from nanlog import __version__
from nanlog.engine import rule_text, rules
from nanlog.model import Evidence, Finding, Judgement, Verdict
from nanlog.report import Answer, Failure, Style
from nanlog.report._calm import unjudged
from nanlog.report._clean import printable
from nanlog.report._rule_pages import as_markdown, section
from nanlog.report._words import CAUSES, headline, name, share
from nanlog.report.as_json import dumps

if TYPE_CHECKING:
    from nanlog.model import Report

__all__ = ["REPORTER", "SarifReporter"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: The rule of an unhealthy run that no cause fits.
UNEXPLAINED = "unexplained"
_HALF = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_LONGEST = 2000  #: characters of a message
_LIKELY = 0.1  #: a cause that came second is a warning from this confidence on, else a note
_HASH = "primaryLocationLineHash"
_WHY = "Why it ends in NaN"

Json = dict[str, Any]


class SarifReporter:
    """One document for all answers."""

    def write(self, answers: Iterable[Answer], out: TextIO, style: Style) -> None:
        results: list[Json] = []
        told: list[Json] = []
        for answer in answers:
            told.extend(_notifications(answer))
            results.extend([] if isinstance(answer, Failure) else _results(answer))
        _number(results)
        readable = not any(item["level"] == "error" for item in told)
        invocation = {"executionSuccessful": readable, "toolExecutionNotifications": told}
        run = {"tool": {"driver": _driver(results)}, "invocations": [invocation], "results": results}
        out.write(dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n")


def _driver(results: list[Json]) -> Json:
    """The tool with all its rules; each result is given the place of its own among them."""
    documented = [_rule(rule.name, rule_text(rule.name)) for rule in rules()]
    documented.append(_rule(UNEXPLAINED, "The training went bad, and no known cause fits what was logged."))
    place = {rule["id"]: index for index, rule in enumerate(documented)}
    for result in results:
        if result["ruleId"] not in place:
            place[result["ruleId"]] = len(documented)
            documented.append(_rule(result["ruleId"], result["ruleId"]))
        result["ruleIndex"] = place[result["ruleId"]]
    return {"name": "nanlog", "version": __version__, "semanticVersion": __version__, "rules": documented}


def _rule(name_: str, documentation: str) -> Json:
    text = inspect.cleandoc(documentation)
    summary = text.partition("\n")[0].replace("``", "")
    return {
        "id": name_,
        "name": "".join(word.capitalize() for word in name_.split("_")),
        "shortDescription": {"text": _plain(summary)},
        "fullDescription": {"text": _plain(" ".join(filter(None, [summary, section(text, _WHY)])))},
        "help": {"text": text.replace("``", ""), "markdown": as_markdown(text)},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["training", "nan"], "precision": "medium", "problem.severity": "error"},
    }


def _results(report: Report) -> Iterator[Json]:
    """The evidence for each cause, the most likely first; the onset itself where there is no cause."""
    if report.verdict is not Verdict.UNHEALTHY:
        return
    onset = report.onset
    said = "Something went wrong, but the log does not show when." if onset is None else headline(onset)
    seen = Evidence(said, *_fallback(report), step=None if onset is None else onset.step)
    for rank, finding in enumerate(report.findings):
        likely = finding.confidence >= _LIKELY and finding.replayed is not Judgement.REFUTED
        level = "error" if rank == 0 else "warning" if likely else "note"
        for item in finding.evidence or (seen,):
            yield _result(report, finding, item, level, said)
    if not report.findings:
        text = f"{said} No known cause fits what was logged."
        yield {"level": "error", **_told(report, UNEXPLAINED, text, seen)}


def _result(report: Report, finding: Finding, item: Evidence, level: str, said: str) -> Json:
    cause = f"{CAUSES[finding.cause]} ({share(finding)})"
    remedy = _sentence(f" What now: {finding.remedies[0]}") if finding.remedies else ""
    text = f"{cause}: {_sentence(item.says)} {said}{remedy}"
    confidence = finding.confidence
    rank = round(100 * confidence, 2) if 0 <= confidence <= 1 else -1.0  # -1.0 is how SARIF says that it has none
    return {"level": level, "rank": rank, **_told(report, name(finding.rule), text, item)}


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


def _told(report: Report, rule: str, text: str, item: Evidence) -> Json:
    """Which rule says what, and the place it is about."""
    file, line = (item.file, item.line) if item.file is not None else _fallback(report)
    if report.run.unit != "line" and line is not None:
        text, line = f"{text} ({report.run.unit} {line})", 1
    where = uri(file or report.run.source)
    place = {"artifactLocation": {"uri": where}, "region": {"startLine": max(1, line or 1)}}
    return {
        "ruleId": rule,
        "message": {"text": _message(text)},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {_HASH: _fingerprint(rule, item, where)},
    }


def _fallback(report: Report) -> tuple[str | None, int | None]:
    """Where the onset is, for what names no place; GitHub wants one for each result."""
    if report.onset is not None and report.onset.file is not None:
        return report.onset.file, report.onset.line or report.onset.departure_line
    return next(iter(report.run.files), None), None


def _notifications(answer: Answer) -> Iterator[Json]:
    if isinstance(answer, Failure):
        yield {"level": "error", "message": {"text": _message(answer.error)}}
    elif answer.verdict is Verdict.CANNOT_JUDGE:
        source = "standard input" if answer.run.source == "-" else answer.run.source
        yield {"level": "warning", "message": {"text": _message(f"{source}: {unjudged(answer.run)}")}}


def _fingerprint(rule: str, item: Evidence, where: str) -> str:
    """What GitHub knows a result by: the same for the same evidence in the next log, its numbers aside."""
    words = re.sub(r"\d[\d.,]*(?:e[+-]?\d+)?", "0", item.says)
    told = "\0".join([rule, where, item.series or "", words])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _number(results: list[Json]) -> None:
    """Tell results of the same fingerprint apart by their order."""
    seen: Counter[str] = Counter()
    for result in results:
        known = result["partialFingerprints"][_HASH]
        seen[known] += 1
        result["partialFingerprints"] = {_HASH: f"{known}:{seen[known]}"}


def uri(file: str) -> str:
    """The name of a file as a URI: relative to the working folder, as a scanner wants it, where it lies below."""
    if file == "-":
        return "standard-input"
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(here := Path.cwd()):
        path = path.relative_to(here)
    if path.is_absolute():
        return f"file://{'' if path.drive == '' else '/'}{_quoted(path, '/:')}"
    return _quoted(path, "/")


def _quoted(path: Path, safe: str) -> str:
    """Percent-encoded; a byte that is no UTF-8 is itself, and half a character, which no file name holds, is none."""
    return quote(_HALF.sub("\ufffd", path.as_posix()), safe=safe, errors="surrogateescape")


def _message(text: str) -> str:
    """A message in which no viewer finds a link, or a placeholder to be filled in."""
    return _plain(text).replace("{", "{{").replace("}", "}}")


def _plain(text: str) -> str:
    return printable(text, _LONGEST).replace("](", "] (")


REPORTER = SarifReporter()
