from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_reports import MADE, blow_up, healthy, hostile, jump, nothing, scaler
from nanlog.model import CannotTell, Cause, Onset, Pattern
from nanlog.report import Answer, Failure, Style, reporter
from nanlog.report._summary import shared
from nanlog.report._words import CAUSES, headline, number, percent, place, series_words

GOLDENS = Path(__file__).parent / "goldens"
UPDATE = os.environ.get("NANLOG_UPDATE_GOLDENS") == "1"

GOLDEN = {
    **{name: (name, Style()) for name in MADE},
    **{f"{name}_80": (name, Style(width=80)) for name in ("blow_up", "jump", "scaler")},
    "blow_up_verbose": ("blow_up", Style(verbose=True)),
    "blow_up_colour": ("blow_up", Style(colour=True, width=120)),
}


def written(*answers: Answer, style: Style | None = None) -> str:
    out = io.StringIO()
    reporter("text").write(answers, out, style or Style())
    return out.getvalue()


@pytest.mark.parametrize("golden", GOLDEN)
def test_golden(golden: str) -> None:
    name, style = GOLDEN[golden]
    text = written(MADE[name](), style=style)
    file = GOLDENS / f"report_{golden}.txt"
    if UPDATE:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_golden_of_several_runs() -> None:
    gone = Failure("runs/gone.log", "cannot read runs/gone.log: there is no such file")
    text = written(blow_up("runs/a.log"), healthy("runs/b.log"), gone, nothing(), style=Style(width=80))
    file = GOLDENS / "report_several.txt"
    if UPDATE:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("width", [1, 40, 80, 100, 400])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_asked_or_ends_in_blanks(name: str, width: int, verbose: bool) -> None:
    lines = written(MADE[name](), style=Style(verbose=verbose, width=width)).split("\n")
    assert max(map(len, lines)) <= min(max(width, 40), 120)
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize("style", [Style(), Style(verbose=True), Style(width=30)])
def test_nothing_from_a_log_reaches_the_terminal(style: Style) -> None:
    text = written(hostile(), hostile(), style=style)
    assert all(line.isprintable() for line in text.split("\n"))
    assert "[bold red]x[/]" in written(hostile(), style=Style(verbose=True)).replace("\n", " ").replace("  ", "")


def test_colour_comes_from_the_report_never_from_the_log() -> None:
    plain = written(hostile(), style=Style(width=80))
    coloured = written(hostile(), style=Style(colour=True, width=80))
    assert "\x1b[" in coloured
    assert without_colour(coloured) == plain


def without_colour(text: str) -> str:
    from rich.text import Text

    return "\n".join(Text.from_ansi(line).plain for line in text.split("\n"))


def test_a_normal_case_fits_on_a_screen() -> None:
    assert written(jump(), style=Style(width=80)).count("\n") <= 40


def test_the_short_report_says_what_it_leaves_out() -> None:
    short, full = written(blow_up()), written(blow_up(), style=Style(verbose=True))
    assert "-v shows 2 more signs and 1 less likely cause" in short
    assert "No gradient clipping is configured" not in short
    assert "No gradient clipping is configured" in full
    assert "-v shows" not in full


def test_a_harmless_nan_is_named() -> None:
    text = written(scaler())
    assert text.index("HEALTHY") < text.index("Harmless") < text.index("amp_skip") < text.index("Notes")


def test_answers_are_written_as_they_come() -> None:
    out = io.StringIO()

    def answers() -> object:
        yield jump()
        assert "UNHEALTHY" in out.getvalue()
        yield healthy()

    reporter("text").write(answers(), out, Style())  # type: ignore[arg-type]
    assert "2 runs" in out.getvalue()


def test_every_cause_and_pattern_has_words() -> None:
    assert set(CAUSES) == set(Cause)
    assert all(headline(Onset(pattern)).endswith(".") for pattern in Pattern)


@pytest.mark.parametrize(
    ("series", "layer", "words"),
    [
        ("loss", None, "training loss"),
        ("loss/head2", None, "training loss head2"),
        ("data/inception/3x3/out", "inception/3x3", "activations of inception/3x3"),
        ("param/conv1/0", "conv1", "parameters of conv1"),
        ("val1/loss", None, "validation loss"),
        ("value/x", None, "value/x"),
        ("diff/*", None, "backward gradients"),
        ("fact:solver.base_lr", None, "solver.base_lr"),
        ("something else", None, "something else"),
    ],
)
def test_series_in_words(series: str, layer: str | None, words: str) -> None:
    assert series_words(series, layer) == words


def test_numbers() -> None:
    assert [number(value) for value in (0.1 + 0.2, 1e-9, 5, float("-inf"), float("nan"), True, "poly")] == [
        "0.3",
        "1e-09",
        "5",
        "-Inf",
        "NaN",
        "True",
        "poly",
    ]
    assert [percent(share) for share in (0.0, 0.001, 0.912, 0.99, 1.0)] == ["<1%", "<1%", "91%", "99%", ">99%"]


def test_a_long_path_keeps_its_end() -> None:
    assert place("a/" * 100 + "train.log", 7, 20) == "…a/a/a/a/a/train.log:7"


def test_what_one_setting_would_print_is_named_once() -> None:
    lacks = (
        CannotTell("faulty_input", ("diff/*", "grad_norm"), "debug_info: true prints gradients"),
        CannotTell("faulty_input", ("grad_norm", "data/*"), "debug_info: true prints every layer"),
        CannotTell("faulty_input", ("fact:precision",)),
    )
    text = written(dataclasses.replace(jump(), cannot_tell=lacks), style=Style(width=120))
    assert "backward gradients, gradient norm, inputs and activations (debug_info: true prints them)\n" in text
    assert "The log does not say: precision\n" in text


@given(st.lists(st.lists(st.sampled_from(["", "a", "b", "run.1", "train.log"]), min_size=1, max_size=5), min_size=2))
def test_what_paths_share_is_taken_from_both_ends(parts: list[list[str]]) -> None:
    paths = ["/".join(names) for names in parts]
    start, end = shared(paths)
    own = [path[len(start) : len(path) - len(end)] for path in paths]
    assert [start + middle + end for middle in own] == paths
    assert (start == "" or start.endswith("/")) and (end == "" or end.startswith("/"))
    assert all(len(start) + len(end) <= len(path) for path in paths)


def test_a_table_too_wide_leaves_the_pattern_out() -> None:
    reports = [blow_up("runs/a/train.log"), blow_up(f"runs/{'b' * 40}/train.log")]
    wide, narrow = (written(*reports, style=Style(width=width)).rpartition("2 runs")[2] for width in (120, 80))
    assert "gradual growth" in wide
    assert "gradual growth" not in narrow
    assert "of runs/*/train.log" in wide
