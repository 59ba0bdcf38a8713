"""The report to paste: what it says, and that what a log says stays text when GitHub shows it."""

from __future__ import annotations

import dataclasses
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from labelled_logs import FAILED, Sample, report_of
from made_reports import MADE, blow_up, healthy, hostile, jump, nothing, scaler
from nanlog.model import Evidence, Report
from nanlog.report import Answer, Failure, Style, reporter
from nanlog.report._literal import code, literal

GOLDENS = Path(__file__).parent / "goldens"
UPDATE = os.environ.get("NANLOG_UPDATE_GOLDENS") == "1"
RENDERER = MarkdownIt("gfm-like")

#: What the report itself is made of; anything else in it came from a log.
KNOWN = {"heading", "paragraph", "bullet_list", "ordered_list", "list_item", "inline", "table", "thead", "tbody", "tr"}
KNOWN |= {"th", "td", "text", "code_inline", "strong", "text_special"}

#: What GitHub makes more of than text, outside code.
TURNED = re.compile(r"[@#]\w|\w@|://|www\.|\bGH-\d|:\w+:|\$|\b[0-9a-f]{7,}\b|\[\w*\]|<!--|~~|\*\*|__", re.IGNORECASE)

EVIL = [
    "[click](http://evil.example)",
    "![](http://evil.example/x.png)",
    "<img src=x onerror=alert(1)>",
    "<!-- x",
    "@someone please look, cc @org/team",
    "see #12, GH-12, org/repo#3 and 1234567890abcdef",
    "www.evil.example http://evil.example ftp://evil.example a@evil.example",
    "``` `x` `` ~~~",
    "a | b | c",
    "# heading",
    "1. one",
    "- two",
    "> three",
    "---",
    "===",
    "&lt;b&gt; &#x40;someone",
    "*bold* __bold__ ~~gone~~",
    ":tada: :octocat:",
    "$x$ $`x`$ $$x$$",
    "[x]: http://evil.example",
    "[^1] [ ] [x]",
    "back\\slash \\` \\[x](y)",
    "(((([a](b))))",
    "\x1b[31m\u202e\u2066\u200b",
    "line\n\n# heading\n\r\n\u2028- item",
    "https://evil.example/`)[x](y)`",
]


def written(*answers: Answer, style: Style | None = None) -> str:
    out = io.StringIO()
    reporter("markdown").write(answers, out, style or Style())
    return out.getvalue()


def tokens(markdown: str) -> Iterator[Token]:
    for token in RENDERER.parse(markdown):
        yield token
        yield from token.children or ()


def shown(markdown: str) -> str:
    """What a reader sees."""
    return " ".join(
        token.content for token in tokens(markdown) if token.type in {"text", "text_special", "code_inline"}
    )


def stays_text(markdown: str) -> None:
    for token in tokens(markdown):
        assert token.type.removesuffix("_open").removesuffix("_close") in KNOWN, token
        if token.type == "text":
            assert not TURNED.search(token.content), token.content
    assert all(line.isprintable() for line in markdown.split("\n"))


def with_names(report: Report, evil: str) -> Report:
    """The report with ``evil`` wherever a log or a file name can put words of its own."""
    finding = report.findings[0]
    item = Evidence(f"the layer {evil} went bad at {evil}", evil, 3)
    finding = dataclasses.replace(
        finding, layer=evil, evidence=(item,), against=(item,), remedies=(evil, f"freeze {evil}"), next_test=evil
    )
    assert report.onset is not None
    order = tuple(dataclasses.replace(bad, series=evil, layer=evil) for bad in report.onset.order)
    onset = dataclasses.replace(report.onset, series=evil, file=evil, order=order, last_good_checkpoint=evil)
    run = dataclasses.replace(report.run, source=evil, parser=evil, left_out=(evil,))
    lacks = tuple(dataclasses.replace(lack, missing=(evil,), how=evil) for lack in report.cannot_tell)
    return dataclasses.replace(
        report, run=run, onset=onset, findings=(finding,), cannot_tell=lacks, notes=(item, Evidence(evil))
    )


@pytest.mark.parametrize("name", [*MADE, "blow_up_verbose"])
def test_golden(name: str) -> None:
    text = written(MADE[name.removesuffix("_verbose")](), style=Style(verbose=name.endswith("_verbose")))
    compare(text, f"markdown_{name}.md")


def test_golden_of_several_runs() -> None:
    gone = Failure("runs/gone.log", "cannot read runs/gone.log: there is no such file")
    compare(written(blow_up("runs/a.log"), healthy("runs/b.log"), gone, nothing()), "markdown_several.md")


def compare(text: str, golden: str) -> None:
    file = GOLDENS / golden
    if UPDATE:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("sample", FAILED, ids=lambda sample: f"{sample.dialect}-{sample.id}")
def test_every_failed_sample_gets_its_answers(sample: Sample) -> None:
    report = report_of(sample)
    text = written(report)
    stays_text(text)
    assert text.startswith("## nanlog: unhealthy, ")
    headings = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert headings[:3] == ["Does it matter?", "When did it start?", "Why?"]
    if report.findings:
        assert headings[3 : headings.index("Next test")] == ["What now?"] * bool(report.findings[0].remedies)
        assert f"`{report.findings[0].rule}`" in text
        for item in report.findings[0].evidence:
            assert item.line is None or f":{item.line}`)" in text


@pytest.mark.parametrize("evil", EVIL)
@pytest.mark.parametrize("verbose", [False, True])
def test_a_hostile_name_stays_text(evil: str, verbose: bool) -> None:
    for made in (blow_up, jump):
        stays_text(written(with_names(made(), evil), Failure(evil, evil), style=Style(verbose=verbose)))


@pytest.mark.parametrize("style", [Style(), Style(verbose=True)])
def test_a_hostile_report_stays_text(style: Style) -> None:
    stays_text(written(hostile(), hostile(), style=style))


@example(" ".join(EVIL))
@example("(" * 500)
@example("a_b ( c_d" * 60)
@given(
    st.lists(
        st.sampled_from([*EVIL, *"`|[](){}<>*_~#@:!&$\\.,;'\"=+-/ ", "www.a.b", "http://", "deadbeef1", "1.", "word"])
        | st.text(max_size=5)
    ).map("".join)
)
def test_any_sentence_stays_text(sentence: str) -> None:
    for markdown in (literal(sentence), f"- {literal(sentence)}", f"- x {literal(sentence)} ({code(sentence)})"):
        stays_text(markdown)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=60))
def test_nothing_is_lost(sentence: str) -> None:
    said = sentence.replace("`", "\\x60")
    assert "".join(shown(literal(sentence)).split()) == "".join(said.split())


@pytest.mark.parametrize(
    ("sentence", "markdown"),
    [
        ("the loss is calm (0.31 to 0.42), then NaN", "the loss is calm (0.31 to 0.42), then NaN"),
        ("'root' first: 0/0 at 99.5%, +Inf in 3,913-fold", "'root' first: `0/0` at 99.5%, +Inf in 3,913-fold"),
        ("call log_dict(grad_norm(self, 2)), then look", "call `log_dict(grad_norm(self, 2))`, then look"),
        ("of the last layers (ip2, ip1)", "of the last layers (`ip2`, `ip1`)"),
        ("set base_lr: 0.05", "set `base_lr`: 0.05"),
        ("1. one", "1\\. one"),
        ("- one", "`-` one"),
        ("", ""),
    ],
)
def test_a_sentence_reads_well(sentence: str, markdown: str) -> None:
    assert literal(sentence) == markdown


def test_a_table_keeps_its_cells() -> None:
    text = written(healthy("runs/a|b\\|.log"), jump())
    table = [line for line in text.split("\n") if line.startswith("|")]
    assert [line.count("|") for line in table] == [6, 6, 6, 6]
    assert "`runs/a\\x7cb\\\\x7c.log`" in table[2]


def test_a_harmless_nan_is_named() -> None:
    text = written(scaler())
    assert text.index("healthy") < text.index("### Harmless") < text.index("`amp_skip`") < text.index("### Notes")


def test_all_causes_when_verbose() -> None:
    report = blow_up()
    first, second, *others = report.findings
    second = dataclasses.replace(second, evidence=(*second.evidence, *first.evidence))
    report = dataclasses.replace(report, findings=(first, second, *others))
    short, full = written(report), written(report, style=Style(verbose=True))
    assert full.count("\n   - for: ") == short.count("\n   - for: ") + len(first.evidence)
    assert "runs/lenet/train.log:740" in full
    assert "(`train.log:740`)" in short


def test_answers_are_written_as_they_come() -> None:
    out = io.StringIO()

    def answers() -> Iterator[Answer]:
        yield jump()
        assert "unhealthy" in out.getvalue()
        yield healthy()

    reporter("markdown").write(answers(), out, Style())
    assert "## 2 runs" in out.getvalue()
