"""What stands in a log must not break a picture, steer anything, or get into a file as more than text."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nanlog.plot as plot
from nanlog.model import Run
from nanlog.plot._scale import Reach, drawable
from nanlog.plot._style import shown
from runs import make_run

NAN, INF = float("nan"), float("inf")
NAMES = [
    "<script>alert(1)</script>",
    "a & b < c > \"d\" 'e'",
    "$\\frac{1}{0}$ $x^2$ $",
    "_hidden",
    "\x1b[31mred\x1b[0m\x07",
    "line\nbreak\ttab\rreturn",
    "\u202eright to left\u2066",
    "中文 日本語 한국어 🔥 \ue000 \U000e0041",
    "x" * 10_000,
    "\udc80\ud800",
    "]]> <!-- -->",
]


def hostile_run() -> Run:
    values: dict[str, list[float]] = {"loss": [1.0, 2, NAN]}
    for name in NAMES:
        values |= {f"metric/{name}": [1.0, 2, 3], f"loss/{name}": [1.0, NAN, 3], f"data/{name}/0": [NAN, 2, 3]}
    return replace(make_run(values), source=f"runs/{NAMES[0]}\x1b[2J$x$/{NAMES[2]}.log")


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_any_name_can_be_drawn(form: str) -> None:
    made = io.BytesIO()
    plot.save(plot.everything(hostile_run()), made, form)
    assert made.tell() > 1000


def test_an_svg_holds_names_as_text_and_nothing_of_a_log_as_markup() -> None:
    made = io.BytesIO()
    plot.save(plot.series(hostile_run(), ["metric/*"]), made, "svg")
    text = made.getvalue().decode()
    tree = ET.fromstring(text)  # noqa: S314  it is our own
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert "script" not in tags
    assert "<script" not in text
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    words = "".join(tree.itertext())
    assert "<script>alert(1)</script>" in words
    assert "$x^2$" in words
    assert max(map(len, tree.itertext())) < 10_000


def test_the_terminal_gets_nothing_that_steers_it() -> None:
    text = plot.in_terminal(hostile_run(), ("all",), width=100)
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "<script>alert(1)</script>" in text
    coloured = plot.in_terminal(hostile_run(), ("all",), width=100, colour=True)
    assert set(re.findall(r"\x1b[^m]*m", coloured)) <= set(re.findall(r"\x1b\[[0-9;]*m", coloured))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text


@pytest.mark.parametrize("name", NAMES)
def test_the_terminal_gets_no_name_as_it_is(name: str) -> None:
    run = make_run({"loss": [1.0, 2], f"loss/{name}": [1.0, NAN], f"metric/{name}": [1.0, 2]})
    text = plot.in_terminal(replace(run, source=name), ("loss",), ("metric/*",))
    assert all(char.isprintable() or char == "\n" for char in text)
    assert max(map(len, text.splitlines())) < 200


@given(st.text(max_size=60))
def test_any_text_becomes_short_text_without_mathematics(text: str) -> None:
    made = shown(text)
    assert len(made.replace(r"\$", "$")) <= 36
    assert made.isprintable()
    assert "$" not in made.replace(r"\$", "")


def test_what_no_font_has_is_spelled_out() -> None:
    assert shown("a\U0010fffdb") == r"a\U0010fffdb"
    assert shown("Größe µ∇") == "Größe µ∇"


HUGE = st.lists(
    st.one_of(
        st.floats(),
        st.sampled_from([1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -5e-324, 0.0, NAN, INF, -INF, 1e15]),
    ),
    min_size=1,
    max_size=8,
)


@given(values=HUGE, other=HUGE)
def test_any_numbers_have_a_scale_limits_and_ticks(values: list[float], other: list[float]) -> None:
    figure = plot.figure(make_run({"loss": values, "val/loss": other}), ("loss",))
    for axes in figure.axes:
        low, high = axes.get_ylim()
        assert np.isfinite([low, high]).all()
        assert low < high
        ticks = np.asarray(axes.get_yticks())
        assert np.isfinite(ticks).all()


#: One of everything that is drawn.
QUANTITIES = [
    *("loss", "val/loss", "loss_smoothed", "lr", "grad_norm", "param_norm", "metric/a", "loss_scale"),
    *("grad_norm/a", "grad_norm/b", "param/a/0", "param/b/0", "update/a/0", "update/b/0", "data/a/a", "data/b/b"),
    *("param_norm/a", "param_norm/b", "update_ratio/a", "activation_max/a", "activation_max/b", "grad_max/a"),
]


@pytest.mark.parametrize("form", ["png", "svg"])
@settings(max_examples=12)
@given(values=st.dictionaries(st.sampled_from(QUANTITIES), HUGE, min_size=1, max_size=8))
def test_any_numbers_are_drawn_and_written_without_a_warning(form: str, values: dict[str, list[float]]) -> None:
    """Warnings are errors here, also where a figure is written by a notebook and not by ``save``."""
    run = make_run(values)
    plot.everything(run).savefig(io.BytesIO(), format=form)
    plot.save(plot.overview(run), io.BytesIO(), form)
    assert plot.in_terminal(run, ("all",))


@pytest.mark.parametrize("values", [[1e280, -1e-100, 1e-100, 1e-100], [1e308, 5e-324, -5e-324, 1.0], [9e279, 2e279]])
def test_an_axis_to_the_ends_of_floats_is_written_without_a_warning(values: list[float]) -> None:
    figure = plot.loss(make_run({"loss": values}))
    figure.savefig(io.BytesIO(), format="svg")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) > 1


@given(values=HUGE)
def test_heights_and_values_are_inverse(values: list[float]) -> None:
    y = drawable(np.array(values))
    reach = Reach([y])
    finite = y[np.isfinite(y)]
    back = reach.values(reach.heights(finite))
    assert back == pytest.approx(finite, rel=1e-6, abs=reach.linear_to * 1e-6 if reach.scale == "symlog" else None)


def test_a_curve_of_extremes_is_written() -> None:
    values = [1.7e308, -1.7e308, 5e-324, 0.0, NAN, INF, -INF, 1.0]
    for form in plot.FORMATS:
        plot.save(plot.loss(make_run({"loss": values})), io.BytesIO(), form)
    assert plot.in_terminal(make_run({"loss": values}))
