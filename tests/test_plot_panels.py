"""What stands where in a picture of a small run whose every point is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import nanlog.plot as plot
from nanlog.errors import NotLoggedError, UsageError
from nanlog.model import (
    NO_STEP,
    Attempt,
    FloatArray,
    IntArray,
    Mark,
    MarkKind,
    Onset,
    Pattern,
    Report,
    Run,
    Series,
    Verdict,
)
from nanlog.plot._marks import events
from nanlog.plot._subject import subject_of
from nanlog.report import printable
from pictures import artists, heights_of, lines, names, panel, places, spans, titles
from runs import info, make_run

NAN, INF = float("nan"), float("inf")


def grown(values: Sequence[float] = (1.0, 1, 1, 1)) -> list[float]:
    return [*values, NAN, INF, NAN, NAN]


def test_each_kind_has_its_span_its_marker_and_its_name() -> None:
    axes = panel(plot.loss(make_run({"loss": [1, 2, NAN, NAN, INF, -INF, 3]})), "loss")
    assert spans(axes, "NaN") == [(2, 3)]
    assert spans(axes, "+Inf") == [(4, 4)]
    assert spans(axes, "-Inf") == [(5, 5)]
    assert {*places(axes, "marker NaN")} == {2, 3}
    assert places(axes, "marker +Inf") == [4]
    assert places(axes, "marker -Inf") == [5]
    shapes = {lines(axes, f"marker {word}")[0].get_marker() for word in ("NaN", "+Inf", "-Inf")}
    assert len(shapes) == 3
    assert [names(axes, f"name {word}") for word in ("NaN", "+Inf", "-Inf")] == [["NaN"], ["+Inf"], ["-Inf"]]


def test_minus_infinity_lies_at_the_lower_edge_and_the_others_at_the_upper_one() -> None:
    axes = panel(plot.loss(make_run({"loss": [1, 2, NAN, INF, -INF, 3]})), "loss")
    heights = {word: heights_of(axes, f"marker {word}")[0] for word in ("NaN", "+Inf", "-Inf")}
    assert heights["-Inf"] < 0.1
    assert min(heights["NaN"], heights["+Inf"]) > 0.9


def test_the_row_of_the_training_loss_is_the_upper_one() -> None:
    axes = panel(plot.loss(make_run({"val/loss": [1, NAN, NAN], "loss": [1, 2, NAN]})), "loss")
    rails = {line.get_color(): float(np.asarray(line.get_ydata())[0]) for line in lines(axes, "rail")}
    main, evaluation = (
        line.get_color() for line in sorted(lines(axes, "curve"), key=lambda line: -line.get_linewidth())
    )
    assert rails[main] > rails[evaluation]


def test_no_value_lies_behind_the_row_of_markers() -> None:
    axes = panel(plot.loss(make_run({"loss": [1, 5, NAN, 3]})), "loss")
    _, top = axes.get_ylim()
    at = axes.transAxes.inverted().transform(axes.transData.transform((1, 5)))[1]
    assert at < heights_of(axes, "marker NaN")[0] - 0.02
    assert top > 5


def test_the_onset_is_a_line_through_every_panel_and_is_named_above_the_first() -> None:
    run = make_run({"loss": [1, 1, 1, NAN], "lr": [0.1] * 4, "grad_norm": [1, 1, NAN, NAN]})
    picture = plot.overview(run)
    assert titles(picture) == ["loss", "learning rate", "gradient norm"]
    for axes in picture.axes:
        assert places(axes, "event") == [2]
    assert names(picture.axes[0], "event name") == ["onset 2"]
    assert not names(picture.axes[1], "event name")
    assert picture.get_suptitle() == "train.log: grad_norm = NaN at step 2"


def test_departure_checkpoint_and_restart_are_marked_and_named() -> None:
    marks = [Mark(MarkKind.CHECKPOINT, "train.log", 3, 2, "snap_2")]
    run = replace(
        make_run({"loss": [1, 1, 1, 1, 9, 99, NAN]}, marks=marks),
        attempts=(Attempt(0, "train.log", 1, 3, 0, 2), Attempt(1, "train.log", 4, 7, 3, 6)),
    )
    onset = Onset(Pattern.GRADUAL_GROWTH, attempt=1, series="loss", step=6, value=NAN, departure_step=4)
    report = Report(run, Verdict.UNHEALTHY, replace(onset, last_good_checkpoint="snap_2"))
    axes = panel(plot.loss(report), "loss")
    assert names(axes, "event name") == ["last good checkpoint 2", "restart 3", "grows from 4", "onset 6"]
    looks = {(line.get_linestyle(), line.get_color(), line.get_linewidth()) for line in lines(axes, "event")}
    assert len(looks) == 4


def test_what_happened_at_one_step_shares_a_line() -> None:
    run = replace(
        make_run({"loss": [1, 1, NAN]}),
        attempts=(Attempt(0, "train.log", 1, 2, 0, 1), Attempt(1, "train.log", 3, 3, 2, 2)),
    )
    report = Report(run, Verdict.UNHEALTHY, Onset(Pattern.SUDDEN_JUMP, attempt=1, series="loss", step=2, value=NAN))
    (event,) = events(subject_of(report))
    assert (event.at, event.name) == (2, "restart, onset 2")


def test_names_of_events_do_not_meet() -> None:
    marks = [Mark(MarkKind.CHECKPOINT, "train.log", 3, 497, "snap")]
    run = make_run({"loss": [1.0] * 500 + [NAN] * 500}, marks=marks)
    onset = Onset(Pattern.GRADUAL_GROWTH, series="loss", step=500, value=NAN, departure_step=498)
    picture = plot.loss(Report(run, Verdict.UNHEALTHY, replace(onset, last_good_checkpoint="snap")))
    picture.draw_without_rendering()
    boxes = [text.get_window_extent() for text in artists(picture.axes[0], "event name")]
    assert len(boxes) == 3
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[k + 1 :])


@pytest.mark.parametrize("heights", [[1.0] * 6, [1, 1, 1, 5, 5, 5], [0, 0, 0, 0, 0, 9]])
def test_names_of_curves_do_not_meet(heights: Sequence[float]) -> None:
    run = make_run({f"loss/part{k}": [height, height, height] for k, height in enumerate(heights)})
    picture = plot.loss(run)
    picture.draw_without_rendering()
    boxes = [text.get_window_extent() for text in artists(picture.axes[0], "curve name")]
    assert len(boxes) == 6
    assert not any(one.overlaps(other) for k, one in enumerate(boxes) for other in boxes[k + 1 :])
    assert all(box.x1 <= picture.bbox.x1 and box.x0 >= picture.axes[0].bbox.x1 for box in boxes)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([2.3, 1.0, 0.1, 0.02], "linear"),
        ([-1.0, -5, -3], "linear"),
        ([1e-4, 5e-5, 1e-5, 0], "linear"),
        ([1.0, 1, 1, 50, 1e6, 1e30], "log"),
        ([0.0, 1, 1, 50, 1e6, 1e30], "symlog"),
        ([-1.0, -2, 3, 1e9], "symlog"),
        ([0.0, 0, 0], "linear"),
        ([NAN, NAN], "linear"),
    ],
)
def test_the_scale_is_chosen_by_the_values_and_said_in_the_title(values: list[float], scale: str) -> None:
    axes = panel(plot.loss(make_run({"loss": values})), "loss")
    assert axes.get_yscale() == scale
    assert axes.get_title(loc="left") == ("loss" if scale == "linear" else f"loss  ({scale} scale)")
    low, high = axes.get_ylim()
    finite = [value for value in values if np.isfinite(value)]
    assert not finite or (low < min(finite) and high > max(finite))


def test_ticks_of_a_symmetric_axis_do_not_meet() -> None:
    picture = plot.loss(make_run({"loss": [0.0, 1, -1, 50, 1e6, 1e38, -1e20]}))
    picture.draw_without_rendering()
    axes = picture.axes[0]
    boxes = sorted((t.get_window_extent() for t in axes.get_yticklabels() if t.get_text()), key=lambda box: box.y0)
    assert len(boxes) > 2
    assert all(one.y1 <= other.y0 for one, other in pairwise(boxes))


def test_a_loss_that_is_never_finite_says_so() -> None:
    axes = panel(plot.loss(make_run({"loss": [NAN] * 5})), "loss")
    assert spans(axes, "NaN") == [(0, 4)]
    assert "no finite point" in [text.get_text() for text in axes.texts]


def test_a_single_point_is_seen() -> None:
    axes = panel(plot.loss(make_run({"loss": [0.5]}, first=7)), "loss")
    (curve,) = lines(axes, "curve")
    assert curve.get_marker() == "o"
    left, right = axes.get_xlim()
    assert left < 7 < right


def test_a_finite_point_between_two_nan_is_seen() -> None:
    axes = panel(plot.loss(make_run({"loss": [1.0] * 40 + [NAN, 2.0, NAN] + [1.0] * 40})), "loss")
    assert places(axes, "alone") == [41]


def test_numbers_that_stand_for_nan_are_ringed() -> None:
    run = make_run({"loss": [2.3, 2.1, 2.0, 1.9, 1.5, 1.2, 1.2, 1.1, 1.0, 0.9, *[0.0] * 8], "grad_norm": [1.0] * 18})
    report = nan_as_zero(run)
    axes = panel(plot.loss(report), "loss")
    assert places(axes, "masked") == [*range(10, 18)]
    assert names(axes, "name masked") == ["stands for NaN"]
    assert not artists(panel(plot.grad_norms(report), "gradient norm"), "masked")


def nan_as_zero(run: Run) -> Report:
    onset = subject_of(run).onset
    assert (onset.pattern, onset.masked_value) == (Pattern.MASKED, 0.0)
    return Report(run, Verdict.UNHEALTHY, onset)


def test_trainings_of_one_log_are_not_joined() -> None:
    run = two_trainings({"loss": [3.0, 2, 1, 0.5, 2.5, 2, NAN]}, restart=4, at=2)
    axes = panel(plot.loss(run), "loss")
    earlier, failed = lines(axes, "curve")
    assert np.array_equal(earlier.get_xdata(), [0, 1, 2, 3])
    assert np.array_equal(failed.get_xdata(), [2, 3])
    assert (earlier.get_alpha(), failed.get_alpha()) == (0.45, 1)
    assert "restart 2" in names(axes, "event name")


def test_one_training_can_be_seen_alone() -> None:
    run = two_trainings({"loss": [3.0, NAN, 1, 0.5, 2.5, 2, 1]}, restart=4, at=2)
    axes = panel(plot.loss(run, attempt=0), "loss")
    assert len(artists(axes, "curve")) == 1
    assert names(axes, "event name") == ["onset 1"]
    with pytest.raises(UsageError, match="holds 2 trainings, counted from 0: there is no training 2"):
        plot.loss(run, attempt=2)


def two_trainings(values: Mapping[str, Sequence[float]], restart: int, at: int) -> Run:
    """From point ``restart`` on the steps begin at ``at`` again."""
    run = make_run(values)
    table = {}
    for name, series in run.table.items():
        again = np.arange(len(series)) >= restart
        step = np.where(again, series.step - restart + at, series.step)
        table[name] = replace(series, step=step, attempt=again.astype(np.int64))
    trainings = (Attempt(0, "train.log", 1, restart, 0, restart - 1), Attempt(1, "train.log", restart + 1, 99, at, 99))
    return replace(run, table=table, attempts=trainings)


def test_only_the_steps_that_are_asked_for_are_seen() -> None:
    run = make_run({"loss": [float(k) for k in range(100)] + [NAN]})
    axes = panel(plot.loss(run, steps=(20, 40)), "loss")
    left, right = axes.get_xlim()
    assert 19 < left < 20 < 40 < right < 41
    assert (min(places(axes, "curve")), max(places(axes, "curve"))) == (20, 40)
    assert axes.get_ylim()[1] < 45
    assert not artists(axes, "event")


def test_steps_that_hold_nothing_and_steps_that_end_before_they_begin_are_said() -> None:
    run = make_run({"loss": [1.0, 2, 3]})
    with pytest.raises(UsageError, match=r"within the steps 10:: these series have steps 0 to 2"):
        plot.loss(run, steps=(10, None))
    with pytest.raises(UsageError, match="end before they begin"):
        plot.loss(run, steps=(3, 1))


def test_steps_around_the_onset() -> None:
    assert plot.around_onset(make_run({"loss": [1.0] * 50 + [NAN]}), 10) == (40, 60)
    with pytest.raises(UsageError, match="there is no onset"):
        plot.around_onset(make_run({"loss": [1.0] * 50}), 10)


def test_points_without_a_step_lie_at_the_last_step_named_before_them() -> None:
    run = make_run({"loss": [1.0, 2, 3], "clip_norm": [7.0, 8, 9]})
    clip = run.table["clip_norm"]
    run = replace(run, table={**run.table, "clip_norm": replace(clip, step=np.full(3, NO_STEP))})
    assert subject_of(run).x(run.table["clip_norm"]).tolist() == [0, 1, 2]


def test_a_log_that_names_no_steps_counts_points() -> None:
    run = make_run({"loss": [1.0, 2, NAN]})
    loss = run.table["loss"]
    picture = plot.loss(replace(run, table={"loss": replace(loss, step=np.full(3, NO_STEP))}))
    assert picture.axes[0].get_xlabel() == "point (the log names no steps)"
    assert spans(picture.axes[0], "NaN") == [(2, 2)]


def test_epochs_beside_batches_are_put_where_their_time_is() -> None:
    run = make_run({"loss": [1.0] * 101, "val/loss": [1.0, 2.0]})
    loss, val = (run.table[name] for name in ("loss", "val/loss"))
    table = {
        "loss": replace(loss, time=np.arange(101.0)),
        "val/loss": replace(val, step=np.array([1, 2]), time=np.array([50.0, 100.0])),
    }
    assert subject_of(replace(run, table=table)).x(table["val/loss"]).tolist() == [50, 100]


def test_three_hundred_layers_have_few_names() -> None:
    values = {f"grad_norm/layer{k}": [1.0 + k] * 20 for k in range(300)}
    values["grad_norm/layer150"] = [1.0] * 10 + [NAN] * 10
    picture = plot.series(make_run(values), ["grad_norm/*"])
    (axes,) = picture.axes
    named = names(axes, "curve name")
    assert len(named) <= 6
    assert {"layer150", "layer0", "layer299"} <= set(named)
    assert len(artists(axes, "curve")) == 300
    assert axes.get_legend() is None


def test_curves_are_told_apart_without_colour() -> None:
    picture = plot.loss(
        make_run({f"loss/{k}": [1.0, float(k)] for k in "123456"} | {"loss": [1.0, 2], "val/loss": [1.0, 2]})
    )
    named = plot.loss(make_run({"loss": [1.0, 2], "loss_smoothed": [1.0, 2], "val/loss": [1.0, 2], "loss/a": [1.0, 2]}))
    for drawn in (picture, named):
        looks = [
            (line.get_linestyle(), line.get_linewidth(), line.get_color())
            for line in lines(drawn.axes[0], "curve")
            if line.get_linewidth() > 0.6
        ]
        assert len(set(looks)) == len(looks)


def test_the_rate_of_an_update_is_read_against_its_parameter() -> None:
    run = make_run({"param/fc/0": [2.0, 4, 0, NAN], "update/fc/0": [0.02, 0.02, 1, 1]})
    axes = panel(plot.ratio(run), "update / parameter")
    (curve,) = lines(axes, "curve")
    assert np.array_equal(curve.get_xdata(), [0, 1])
    assert heights_of(axes, "curve") == pytest.approx([0.01, 0.005])
    assert spans(axes, "NaN") == [(3, 3)]
    assert not spans(axes, "+Inf")  # a parameter of 0 has no ratio
    assert artists(axes, "rule")


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (plot.lr, "the log does not say the learning rate: it has loss. To see it next time, log the rate"),
        (plot.grad_norms, "the log does not say the gradient norms"),
        (plot.params, "the log does not say the sizes of parameters"),
        (plot.activations, "the log does not say the sizes of activations"),
        (plot.ratio, "the log does not say the sizes of updates"),
    ],
)
def test_what_the_log_does_not_say_is_said_with_what_to_log(draw: object, says: str) -> None:
    with pytest.raises(NotLoggedError, match=says):
        draw(make_run({"loss": [1.0, 2]}))  # type: ignore[operator]


def test_a_log_without_numbers_has_no_picture() -> None:
    with pytest.raises(NotLoggedError, match="nothing to draw"):
        plot.overview(make_run({}))


def test_the_overview_says_below_what_is_not_in_the_log() -> None:
    picture = plot.overview(make_run({"loss": [1.0, 2]}))
    assert picture.get_supxlabel() == "not in the log: learning rate, gradient norms"


def test_the_overview_shows_the_series_that_went_bad_first() -> None:
    run = make_run({"loss": [1.0, 1, NAN], "data/conv1/conv1": [1.0, NAN, NAN], "data/conv2/conv2": [1.0, 1, NAN]})
    assert titles(plot.overview(run)) == ["loss", "first to go bad: data/conv1/conv1"]


def test_every_skipped_update_has_a_tick() -> None:
    marks = [Mark(MarkKind.SKIPPED_STEP, "train.log", k, k) for k in (3, 7, 50)]
    picture = plot.overview(make_run({"loss": [1.0] * 60, "lr": [0.1] * 60}, marks=marks), steps=(5, None))
    assert [places(axes, "skipped") for axes in picture.axes] == [[7, 50], [7, 50]]
    assert "ticks at the lower edge: 2 updates that the loss scaler skipped" in picture.get_supxlabel()


def test_a_log_of_metrics_alone_has_an_overview() -> None:
    assert titles(plot.overview(make_run({"metric/acc": [1.0, 2]}))) == ["acc"]


def test_globs_match_names_of_ours_and_of_the_framework() -> None:
    run = make_run({"loss": [1.0, 2], "val/loss": [1.0, 2], "metric/acc": [0.1, 0.2], "metric/f1": [0.1, 0.2]})
    table = {**run.table, "loss": Series(replace(info("loss"), original="train/total"), *columns(run.table["loss"]))}
    run = replace(run, table=table)
    assert titles(plot.series(run, ["metric/*"])) == ["acc", "f1"]
    assert names(plot.series(run, ["train/*", "val/*"]).axes[0], "curve name") == ["loss", "val/loss"]
    with pytest.raises(NotLoggedError, match=r"no series matches nothing\*: it has loss, val/loss, metric/acc"):
        plot.series(run, ["nothing*"])


def columns(series: Series) -> tuple[IntArray, FloatArray, IntArray, IntArray, IntArray]:
    return series.step, series.value, series.line, series.attempt, series.file


def test_panels_beyond_the_last_are_named() -> None:
    picture = plot.series(make_run({f"metric/m{k:02}": [1.0, 2] for k in range(14)}), ["*"])
    assert len(picture.axes) == 12
    assert picture.get_supxlabel() == "not drawn for want of room: metric/m12, metric/m13"


def test_pictures_that_are_available() -> None:
    run = make_run({"loss": [1.0, 2], "param/fc/0": [1.0, 2], "data/fc/fc": [1.0, 2]})
    assert plot.available(run) == ("loss", "params", "activations")
    assert printable(" ".join(plot.PICTURES)) == "loss lr grad-norms params activations ratio"
