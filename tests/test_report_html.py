"""The page of a run: what stands on it, and that nothing else can."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import made_reports
from html_pages import Page
from labelled_logs import Sample
from made_reports import MADE
from nanlog.model import Evidence, Fact, Report, Verdict
from nanlog.pipeline import diagnose
from nanlog.replay.settled import settled
from nanlog.report.html import Command, Extras, Picture, page

#: All that a page may hold: nothing that runs, loads, submits or embeds.
INERT = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "p", "h1", "h2", "h3"),
    *("a", "span", "strong", "code", "pre", "br", "wbr", "dl", "dt", "dd", "div", "ul", "ol", "li", "details"),
    *("summary", "figure", "figcaption", "img", "table", "thead", "tbody", "tr", "th", "td"),
}
PIXEL = b"\x89PNG\r\n\x1a\n and what else a picture holds"
HIT = "</span></code><script>window.__hit=1</script><img src=x onerror=window.__hit=1>\"'`&lt;\x1b[2J\u202e"


def inert(text: str) -> Page:
    """The page, after a look at every element and attribute of it."""
    read = Page(text)
    assert not read.misplaced
    for tag, attributes in read.elements:
        assert tag in INERT, tag
        assert not [name for name in attributes if name.startswith("on")]
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("src", "data:image/").startswith("data:image/")
        if "style" in attributes:
            assert re.fullmatch(r"width:\d{1,3}\.\d%|--digits:\d+", attributes["style"])
    anchors = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    assert {link["href"].removeprefix("#") for link in read.of("a")} <= set(anchors)
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    return read


@pytest.mark.parametrize("name", MADE)
def test_every_kind_of_report_makes_a_page(name: str) -> None:
    report = MADE[name]()
    read = inert(page(report))
    assert read.text.count("Does it matter?") == 1
    assert {Verdict.UNHEALTHY: "Unhealthy", Verdict.HEALTHY: "Healthy"}.get(report.verdict, "Cannot judge") in read.text
    for finding in report.findings:
        for item in (*finding.evidence, *finding.against):
            assert item.says in read.text


def test_every_real_log_makes_a_page(sample: Sample) -> None:
    report = diagnose(str(sample.log))
    text = page(report)
    inert(text)
    assert text == page(report)


def test_the_four_questions_are_answered_in_their_order() -> None:
    read = inert(page(MADE["blow_up"]()))
    asked = ["Does it matter?", "When did it start?", "Why?", "What now?", "What is not known"]
    assert sorted(asked, key=read.text.index) == asked
    assert "91%" in read.text
    assert "train.log:740" in read.text
    assert "Train 10 iterations from iteration 4" in read.text
    assert "pool2: the stride of 3" in read.text


def test_shares_are_bars_as_wide_as_they_say() -> None:
    report = MADE["blow_up"]()
    wide = [each["style"] for each in inert(page(report)).of("span") if each.get("style", "").startswith("width")]
    assert wide == ["width:91.2%", "width:6.0%", "width:0.4%"]


def test_a_policy_forbids_everything_else() -> None:
    metas = inert(page(MADE["jump"]())).of("meta")
    (policy,) = (each["content"] for each in metas if each.get("http-equiv") == "Content-Security-Policy")
    assert {"default-src 'none'", "img-src data:", "style-src 'unsafe-inline'"} <= set(policy.split("; "))
    assert "script-src" not in policy


def test_the_policy_stands_before_anything_it_is_about() -> None:
    tags = [tag for tag, _ in inert(page(MADE["jump"]())).elements]
    assert tags[:5] == ["html", "head", "meta", "meta", "meta"]
    assert "http-equiv" in inert(page(MADE["jump"]())).elements[3][1]


def test_hostile_names_are_inert_and_can_be_read() -> None:
    read = inert(page(made_reports.hostile(), Extras(run_id=HIT, command=HIT, commands=(Command(HIT, HIT),))))
    assert "\\x1b]0;owned" in read.text
    assert "\\u202egnp.exe" in read.text
    assert "window.__hit=1" in read.text
    assert "m" * 10_000 in read.text, "the name in full"
    longest = max(re.split(r"\s", page(made_reports.hostile())), key=len)
    assert len(longest) < 20_100


@given(st.text(max_size=60))
def test_no_text_gets_out_of_its_place(text: str) -> None:
    report = made_reports.blow_up()
    evil = Evidence(text, text, 3, text)
    first = replace(report.findings[0], layer=text, evidence=(evil,), against=(evil,), remedies=(text,), next_test=text)
    facts = (Fact(f"hparams.{text}", text, text, 1), Fact("optimizer", text, text, 1))
    made = Report(replace(report.run, source=text or "x", facts=facts), report.verdict, report.onset, (first,))
    picture = Picture(text, text, "image/png", PIXEL)
    inert(page(made, Extras(text, text, picture, (picture,), {}, {text: text}, (Command(text, text),), (text,))))


def test_a_long_sentence_is_short_in_its_place_and_whole_at_the_end() -> None:
    report = MADE["jump"]()
    said = "The layer " + "x" * 3000 + " was last"
    finding = replace(report.findings[0], evidence=(Evidence(said, "train.log", 3),))
    read = inert(page(replace(report, findings=(finding,))))
    assert read.text.count(said) == 1
    assert "Texts in full" in read.text
    assert [each for each in read.of("a") if each["href"] == "#full-1"]


def test_a_text_beyond_all_measure_is_cut() -> None:
    report = MADE["jump"]()
    finding = replace(report.findings[0], remedies=("y" * 5_000_000,))
    assert len(page(replace(report, findings=(finding,)))) < 100_000


def test_a_run_with_very_many_of_everything_makes_a_page_of_some_size() -> None:
    report = MADE["blow_up"]()
    assert report.onset is not None
    order = tuple(replace(report.onset.order[0], series=f"data/l{k}/l{k}") for k in range(20_000))
    facts = tuple(Fact(f"net.train.layer[{k}].name", "n" * 50, "train.log", k) for k in range(20_000))
    run = replace(report.run, facts=facts, files=tuple(f"f{k}" for k in range(5000)))
    many = replace(report, run=run, onset=replace(report.onset, order=order), findings=report.findings * 500)
    text = page(many)
    assert len(text) < 2_000_000
    assert "19,900 more series went bad later" in Page(text).text
    assert "19,600 more facts left out" in Page(text).text


def test_pictures_are_in_the_page_with_words_for_them() -> None:
    pictures = Picture("Overview", "Loss, NaN from step 50", "image/png", PIXEL)
    shown = inert(page(MADE["jump"](), Extras(overview=pictures, pictures=(pictures,)))).of("img")
    assert [each["alt"] for each in shown] == ["Loss, NaN from step 50"] * 2
    assert shown[0]["src"].startswith("data:image/png;base64,iVBORw0KGgo")


def test_a_picture_of_a_kind_that_could_hold_more_is_refused() -> None:
    with pytest.raises(ValueError, match="text/html"):
        page(MADE["jump"](), Extras(overview=Picture("x", "x", "text/html", b"<script>")))


def test_settings_name_their_lines_and_what_the_log_does_not_say() -> None:
    facts = (
        Fact("solver.base_lr", 0.5, made_reports.FILE, 6),
        Fact("net.train.layer[0].data_param.batch_size", 64, made_reports.FILE, 30),
        Fact("net.test0.layer[0].data_param.batch_size", 100, made_reports.FILE, 60),
    )
    report = MADE["jump"]()
    text = inert(page(replace(report, run=replace(report.run, facts=facts)))).text
    assert "Learning rate 0.5 solver.base_lr train.log:6" in text
    assert "Batch size 64" in text
    assert "Optimizer SGD, which Caffe takes" in text
    assert "Precision the log does not say" in text


def test_what_may_be_a_secret_is_left_out() -> None:
    report = MADE["jump"]()
    facts = tuple(
        Fact(key, "hunter2", made_reports.FILE, 1) for key in ("hparams.hub_token", "wandb.api_key", "db.password")
    )
    text = page(replace(report, run=replace(report.run, facts=facts)))
    assert "hunter2" not in text
    assert text.count("it may be a secret") == 3


@pytest.mark.parametrize("name", MADE)
def test_a_page_can_be_heard(name: str) -> None:
    """Landmarks, headings without a gap, tables with headers, words for every part that is reached by the keyboard."""
    read = inert(page(settled(MADE[name](), REPLAY)))
    for landmark in ("header", "main", "footer"):
        assert len(read.of(landmark)) == 1
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    assert all(each.get("scope") in ("row", "col") for each in read.of("th"))
    assert all(each.get("aria-label") for _, each in read.elements if "tabindex" in each)
    assert inert(page(MADE[name]())).of("html") == [{"lang": "en"}]


def test_a_healthy_run_has_no_onset_and_no_advice() -> None:
    text = inert(page(MADE["healthy"]())).text
    assert "When did it start?" not in text
    assert "What now?" not in text


REPLAY = {
    "schema_version": 1,
    "run": "lenet",
    "checkpoint": "ckpt/4.pt",
    "device": "cpu",
    "reproduced": True,
    "deterministic": True,
    "first_nonfinite": {
        "step": 8,
        "phase": "backward",
        "module": "encoder.layers.1",
        "op": "sqrt",
        "tensor": "input",
        "file": "model.py",
        "line": 41,
        "samples": [3, 17],
    },
    "trials": [
        {"intervention": "repeat", "finite": False, "detail": "NaN at step 8 again"},
        {"intervention": "lr/10", "finite": True, "detail": "finite for 20 steps"},
        {"intervention": "float64", "finite": None, "detail": "out of memory"},
    ],
    "causes": [
        {"cause": "lr_too_high", "verdict": "confirmed", "because": ["a tenth of the rate removes the NaN"]},
        {"cause": "faulty_input", "verdict": "refuted", "because": ["the batch is finite"]},
    ],
    "smallest_change": "lr/10",
}


def test_what_a_replay_confirmed_is_said_first_and_with_its_cause() -> None:
    text = inert(page(settled(MADE["blow_up"](), REPLAY))).text
    assert text.index("Confirmed by replay: the learning rate is too high") < text.index("When did it start?")
    assert "confirmed by replay" in text
    assert "refuted by replay" in text
    assert "a tenth of the rate removes the NaN" in text
    for said in ("encoder.layers.1", "model.py:41", "3, 17", "NaN at step 8 again", "smallest change", "not run"):
        assert said in text


@pytest.mark.parametrize("part", ["first_nonfinite", "trials", "causes", "smallest_change", "reproduced", "device"])
@pytest.mark.parametrize("junk", [None, 3, HIT, [HIT], {"x": HIT}, [{"cause": HIT, "verdict": [HIT], "because": 7}]])
def test_a_replay_of_any_shape_makes_a_page(part: str, junk: object) -> None:
    inert(page(settled(MADE["blow_up"](), {**REPLAY, part: junk})))


def test_the_numbers_around_the_onset_are_those_of_the_log(sample_log: Callable[[str], Path]) -> None:
    text = inert(page(diagnose(str(sample_log("nan_label_debug"))))).text
    assert "12 1.07302 0.503356 0.503356 1.09029 0.01 13 onset NaN NaN NaN NaN 0.01" in text


def test_what_the_documentation_says_is_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (root / "docs" / "html-report.md").read_text(encoding="utf-8")
    (policy,) = re.findall(r"```text\n(default-src.*?)\n```", text, re.DOTALL)
    assert policy in page(MADE["jump"]())
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(root)
    names: dict[str, Any] = {}
    exec(compile(code, "docs/html-report.md", "exec"), names)  # noqa: S102  the page's own example
    assert "power: 0.5" in inert(names["html"]).text
