"""Pictures of real logs of every dialect, held against what their series say."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nanlog
import nanlog.plot as plot
from labelled_logs import SAMPLES, Sample
from nanlog.model import Report
from nanlog.plot._compose import _panels
from nanlog.plot._dead_tail import without_dead_tail
from nanlog.plot._subject import subject_of
from pictures import artists, names, panel, spans, titles

#: One unhealthy log and one healthy of each dialect, where there are both.
SHOWN = list({(s.dialect, s.label["pattern"] == "healthy"): s for s in SAMPLES}.values())


@pytest.fixture(scope="module", params=SHOWN, ids=lambda sample: f"{sample.dialect}-{sample.id}")
def report(request: pytest.FixtureRequest) -> Report:
    sample: Sample = request.param
    return nanlog.diagnose(str(sample.log))


def test_everything_is_drawn_and_nothing_is_cut(report: Report) -> None:
    picture = plot.overview(report)
    plot.save(picture, io.BytesIO(), dpi=60)
    outline = picture.bbox
    assert titles(picture)
    for axes in picture.axes:
        box = axes.get_window_extent()
        assert box.width > 0.55 * outline.width
        assert box.height > 50
        for text in axes.texts:
            inside = text.get_window_extent()
            assert outline.x0 <= inside.x0 and inside.x1 <= outline.x1 + 1, text.get_text()
            assert outline.y0 <= inside.y0 and inside.y1 <= outline.y1 + 1, text.get_text()


def test_each_point_that_is_not_finite_is_shaded(report: Report) -> None:
    subject = subject_of(report)
    panels, _ = _panels(subject, (), ())
    drawn, _ = without_dead_tail(subject, panels)
    for one, axes in zip(panels, plot.overview(report).axes, strict=True):
        shaded = {word: spans(axes, word) for word in ("NaN", "+Inf", "-Inf")}
        for series in one.series:
            x = subject.x(series)
            for word, bad in (
                ("NaN", np.isnan(series.value)),
                ("+Inf", series.value == np.inf),
                ("-Inf", series.value == -np.inf),
            ):
                seen = x[bad & drawn.within(x)].tolist()
                assert all(any(a <= place <= b for a, b in shaded[word]) for place in seen)
        if all(np.isfinite(series.value[drawn.within(subject.x(series))]).all() for series in one.series):
            assert not any(shaded.values())


def test_the_onset_is_marked_where_the_report_says(report: Report) -> None:
    picture = plot.overview(report)
    onset = report.onset
    if onset is None or onset.step is None:
        assert "onset" not in " ".join(names(picture.axes[0], "event name"))
    else:
        word = "skipped update" if onset.series == "skipped_step" else "harmless" if onset.harmless else "onset"
        assert any(f"{word} {onset.step}" in name for name in names(picture.axes[0], "event name"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.dialect}-{sample.id}")
def test_every_log_has_an_overview_in_the_terminal(sample: Sample) -> None:
    text = plot.in_terminal(nanlog.diagnose(str(sample.log)), width=90)
    assert max(map(len, text.splitlines())) <= 160
    assert text.count("┌") >= 1


@pytest.mark.parametrize(
    ("case", "panels"),
    [
        ("sqrt_of_zero_debug", ["gradient norm", "gradients of the parameters"]),
        ("healthy_lenet_debug", ["gradients of the parameters"]),
        ("sqrt_of_zero_gradient_norms_csv", ["gradient norm of each parameter"]),
        ("infinite_input_truncated", ["gradient norm", "gradient norm of each parameter"]),
        ("sqrt_of_zero_nested_gradients", ["gradient norm", "gradient norm of each parameter"]),
        ("nan_batch_filtered", ["gradient norm"]),
        ("nan_batch_without_a_field", ["gradient norm"]),
        ("healthy_gradient_clipping", ["gradient norm, where it was clipped"]),
    ],
)
def test_gradient_norms_of_every_dialect(sample_log: Callable[[str], Path], case: str, panels: list[str]) -> None:
    picture = plot.grad_norms(nanlog.diagnose(str(sample_log(case))))
    drawn = [title for title in titles(picture) if title]
    assert all(any(title.startswith(wanted) for title in drawn) for wanted in panels)


def test_a_resumed_training_is_parted_from_the_one_before(sample_log: Callable[[str], Path]) -> None:
    picture = plot.loss(nanlog.diagnose(str(sample_log("resumed_with_higher_lr"))))
    axes = panel(picture, "loss")
    assert "restart, last good checkpoint 100" in names(axes, "event name")
    assert len(artists(axes, "curve")) == 4
    assert axes.get_yscale() == "log"


def test_epochs_are_called_epochs(sample_log: Callable[[str], Path]) -> None:
    picture = plot.loss(nanlog.diagnose(str(sample_log("schedule_turns_nan_keras_by_epochs"))))
    assert picture.axes[-1].get_xlabel() == "epoch"
