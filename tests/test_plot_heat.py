"""The picture of layers and steps says where it began: what is drawn where, for made runs and for real logs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import nanlog.plot as plot
from labelled_logs import ROOT
from nanlog.model import Report, Run
from nanlog.pipeline import diagnose
from nanlog.plot._cells import Cell, Grid, Row
from nanlog.plot._heat_style import LOOKS, ZERO, sizes_map
from nanlog.plot._heat_text import _lines
from nanlog.plot._ratio import ratios
from pictures import artists, names, panel
from runs import make_run

NAN, INF = float("nan"), float("inf")
LOGS = ROOT / "sample_logs"


def made(**layers: list[float]) -> Run:
    return make_run({f"grad_norm/{name}": values for name, values in layers.items()})


def heat(figure: Figure) -> Axes:
    return panel(figure, "gradient norm of each parameter")


def rows(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def colours(axes: Axes) -> np.ndarray[tuple[int, int, int], np.dtype[np.float64]]:
    (mesh,) = artists(axes, "cells")
    assert isinstance(mesh, QuadMesh)
    image = np.asarray(mesh.get_array(), float)
    return image.reshape(-1, image.shape[-2], 4) if image.ndim == 3 else image


def frames(axes: Axes) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of the frames around where it began."""
    boxes = [box for box in artists(axes, "began") if isinstance(box, Rectangle)]
    return [(b.get_x(), b.get_y(), b.get_x() + b.get_width(), b.get_y() + b.get_height()) for b in boxes]


def test_each_kind_of_cell_has_a_colour_a_hatching_and_an_entry_in_the_key() -> None:
    axes = heat(plot.grad_norms(made(a=[1, NAN, INF, -INF, 0.0], b=[1, 2])))
    image = colours(axes)
    for column, look in enumerate((LOOKS[Cell.NAN], LOOKS[Cell.PLUS], LOOKS[Cell.MINUS], ZERO), start=1):
        assert image[0, column] == pytest.approx(matplotlib.colors.to_rgba(look.colour))
    assert image[1, 4] == pytest.approx(matplotlib.colors.to_rgba(LOOKS[Cell.NOT_LOGGED].colour))
    hatches = {}
    for look in LOOKS.values():
        (boxes,) = artists(axes, f"cells {look.word}")
        assert isinstance(boxes, PolyCollection)
        hatches[look.word] = boxes.get_hatch()
    assert len(set(hatches.values())) == len(LOOKS)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["NaN", "+Inf", "-Inf", "not logged", "0"]


def test_only_what_there_is_stands_in_the_key() -> None:
    assert heat(plot.grad_norms(made(a=[1, 2], b=[1, 2]))).get_legend() is None


def test_hatching_lies_where_the_cells_are() -> None:
    axes = heat(plot.grad_norms(made(a=[1, NAN, NAN, 1], b=[1, NAN, NAN, 1], c=[1, 1, NAN, 1])))
    (boxes,) = artists(axes, "cells NaN")
    assert isinstance(boxes, PolyCollection)
    corners = [np.asarray(path.vertices) for path in boxes.get_paths()]
    found = {(*c.min(axis=0).tolist(), *c.max(axis=0).tolist()) for c in corners}
    assert found == {(0.5, 0, 2.5, 2), (1.5, 2, 2.5, 3)}


def test_larger_is_darker_also_in_grey() -> None:
    image = colours(heat(plot.grad_norms(made(a=[1e-6, 1e-3, 1, 1e3, 1e6], b=[1e-6, 1e6, 1, 1, 1]))))
    light = image[0, :, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) < -0.05).all()


def test_a_constant_size_and_the_ends_of_the_floats_are_drawn() -> None:
    for values in ([0.0] * 3, [2.0] * 3, [5e-324, 1.7e308, 1.0], [NAN] * 3, [0.0, NAN, -INF]):
        figure = plot.grad_norms(made(a=values, b=values))
        figure.canvas.draw()


def test_a_single_layer_stays_a_curve() -> None:
    axes = heat(plot.grad_norms(made(a=[1, 2, 3])))
    assert not artists(axes, "cells")
    assert artists(axes, "curve")


def test_the_first_cell_is_framed_and_named_and_arrows_go_both_ways() -> None:
    values = {f"layers.{k}": [1.0, 1, 1, NAN, NAN] for k in range(5)}
    values["layers.2"] = [1.0, 1, INF, NAN, NAN]
    axes = heat(plot.grad_norms(made(**values)))
    ((left, top, right, bottom),) = frames(axes)
    assert [left, right] == pytest.approx([1.5, 2.5], abs=0.1)
    assert (top, bottom) == (2, 3)
    assert names(axes, "name of the beginning") == ["it began here:\nlayers.2 = +Inf at step 2"]
    assert len(artists(axes, "spread")) == 2
    assert names(axes, "name of the spread") == ["by step 3", "by step 3"]
    assert axes.get_ylabel() == "input → output, by name"
    bold = [label.get_text() for label in axes.get_yticklabels() if label.get_fontweight() == "bold"]
    assert bold == ["layers.2"]


def test_what_the_log_does_not_order_began_together() -> None:
    axes = heat(plot.grad_norms(made(a=[1, 1, NAN], b=[1, 1, NAN], c=[1, 1, NAN])))
    assert [frame[1::2] for frame in frames(axes)] == [(0, 3)]
    assert names(axes, "name of the beginning")[0].startswith("it began here:\nall 3 rows = NaN at step 2")
    assert not artists(axes, "spread")


def test_rows_that_began_together_may_be_of_several_kinds() -> None:
    axes = heat(plot.grad_norms(made(a=[1, NAN], b=[1, -INF], c=[1, NAN])))
    assert names(axes, "name of the beginning") == ["it began here:\nall 3 rows = NaN or -Inf at step 1"]


def test_where_it_began_elsewhere_the_picture_does_not_claim_it() -> None:
    run = make_run({"loss": [1, NAN, NAN, NAN], "grad_norm/a": [1, 1, NAN, NAN], "grad_norm/b": [1, 1, 1, NAN]})
    axes = heat(plot.grad_norms(run))
    assert names(axes, "name of the beginning") == ["first of these:\na = NaN at step 2"]


def test_a_healthy_run_has_no_frame_and_no_arrow() -> None:
    axes = heat(plot.grad_norms(made(a=[1, 2], b=[2, 1])))
    assert not [*artists(axes, "began"), *artists(axes, "spread"), *artists(axes, "name of the beginning")]


def test_whole_columns_are_to_be_seen() -> None:
    axes = heat(plot.grad_norms(made(a=[1, 2, 3], b=[2, 1, 2])))
    left, right = axes.get_xlim()
    assert left <= -0.5
    assert right >= 2.5


def test_three_hundred_layers_have_names_that_do_not_meet() -> None:
    values = {f"model.layers.{k}.{part}": [1.0, 1.0, NAN] for k in range(300) for part in ("weight", "bias")}
    values["model.layers.123.weight"] = [1.0, NAN, NAN]
    figure = plot.grad_norms(made(**values))
    figure.canvas.draw()
    axes = heat(figure)
    labels = axes.get_yticklabels()
    assert any("layers.123" in label.get_text() for label in labels)
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: -box.y0)
    assert len(boxes) > 20
    assert all(upper.y0 >= lower.y1 - 2 for upper, lower in pairwise(boxes))


def test_long_names_lose_their_middle() -> None:
    axes = heat(plot.grad_norms(made(**{"x" * 50 + ".first": [1.0, 2], "x" * 50 + ".second": [1.0, 2]})))
    assert all(len(name) <= 30 for name in rows(axes))
    assert [name.endswith(end) for name, end in zip(rows(axes), (".first", ".second"), strict=True)] == [True, True]


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_hostile_names_are_drawn_as_text(form: str, tmp_path: Path) -> None:
    values = {
        name: [1.0, NAN] for name in ("$\\frac{", "<script>alert(1)</script>", "\x1b[31m", "a" * 10_000, "层", "")
    }
    values["b"] = [1.0, 1.0]
    plot.save(plot.grad_norms(made(**values)), tmp_path / f"picture.{form}")
    assert b"<script>" not in (tmp_path / f"picture.{form}").read_bytes()


def test_in_a_terminal_no_cell_that_is_not_finite_is_hidden() -> None:
    values = {f"layers.{k}": [1.0] * 2000 for k in range(60)}
    values["layers.33"][1234] = INF
    text = plot.in_terminal(made(**values), ("grad-norms",), width=80)
    cells = [line.partition("│")[2] for line in text.split("\n") if "│" in line]
    assert len(cells) <= 24
    assert sum(line.count("^") for line in cells) == 1
    assert "it began here: layers.33 = +Inf at step 1234" in text
    assert "\x1b" not in text


def test_in_a_terminal_columns_that_share_a_letter_show_what_is_not_finite() -> None:
    code = np.array([[Cell.NAN, Cell.FINITE, Cell.FINITE]], np.int8)
    grid = Grid((Row("a", "a", ("a",)),), np.array([0.0, 1, 2, 100]), np.array([[NAN, 1.0, 1.0]]), code, "logged")
    (line,) = _lines(grid, 10, colour=False)
    assert (line[0], len(line)) == ("x", 10)


def test_in_a_terminal_names_steer_nothing() -> None:
    text = plot.in_terminal(made(**{"a\x1b[2J": [1.0, NAN], "b": [1.0, 1]}), ("grad-norms",), width=60)
    assert "\x1b" not in text
    assert r"a\x1b[2J" in text


def test_the_ratio_is_of_updates_or_else_of_rate_times_gradient() -> None:
    sizes = {"param/a/0": [2.0, 0.0, 4.0], "param_diff/a/0": [1.0, 1.0, 2.0], "lr": [0.1, 0.1, 0.2]}
    what, (found,) = ratios(make_run(sizes))
    assert "rate * gradient" in what
    assert found.value.tolist() == pytest.approx([0.05, 0.1])
    assert found.step.tolist() == [0, 2]
    what, (found,) = ratios(make_run({**sizes, "update/a/0": [1.0, 1.0, 1.0]}))
    assert what == "update / parameter"
    assert found.value.tolist() == pytest.approx([0.5, 0.25])


def test_ratios_of_many_parameters_are_cells_with_the_rule_of_thumb_on_the_scale() -> None:
    run = make_run(
        {f"param/{k}/0": [1.0, 1.0, 0.0] for k in range(8)} | {f"update/{k}/0": [0.1, 1e-5, 1.0] for k in range(8)}
    )
    axes = panel(plot.ratio(run), "update / parameter")
    assert artists(axes, "cells")
    (bar,) = [child for child in axes.child_axes if isinstance(child, Axes) and child.get_gid() == "scale"]
    assert artists(bar, "rule")


#: Sample -> picture, panel, the row in which it began, its value, its step; that of the label where it says one.
BEGAN = [
    ("caffe/sqrt_of_zero_debug", "grad-norms", "gradients of the activations", "root/fc1 = NaN at step 0"),
    ("caffe/infogain_matrix_nan_debug", "activations", "activations", "loss/loss = NaN at step 0"),
    ("caffe/l2_norm_of_zero_sample_debug", "activations", "activations", "invnorm/invnorm = +Inf at step 18"),
    ("caffe/lr_too_high_linear_debug", "activations", "activations", "loss/loss = +Inf at step 35"),
    ("caffe/nan_label_debug", "activations", "activations", "data/label = NaN at step 13"),
    ("caffe/nan_sample_masked_by_softmax_debug", "activations", "activations", "data/data = NaN at step 20"),
    (
        "caffe/average_pooling_stride_gt_kernel_debug",
        *("activations", "activations", "pool1/pool1 = NaN at step 0"),
    ),
    (
        "lightning/sqrt_of_zero_gradient_norms_csv",
        *("grad-norms", "gradient norm of each", "0.weight and 0.bias = NaN at step 125"),
    ),
    (
        "jsonlines/sqrt_of_zero_nested_gradients",
        *("grad-norms", "gradient norm of each", "0.weight and 0.bias = NaN at step 125"),
    ),
]


@pytest.mark.parametrize(("sample", "picture", "title", "said"), BEGAN, ids=[case[0] for case in BEGAN])
def test_real_logs_began_where_their_label_says(sample: str, picture: str, title: str, said: str) -> None:
    report = diagnose(str(LOGS / sample))
    axes = panel(plot.figure(report, (picture,)), title)
    assert names(axes, "name of the beginning") == [f"it began here:\n{said}"]
    assert report.onset is not None
    assert said.endswith(f"at step {report.onset.step}")
    assert len(frames(axes)) == 1


def test_backward_a_nan_goes_from_the_loss_to_the_input_within_a_step() -> None:
    axes = panel(plot.grad_norms(diagnose(str(LOGS / "caffe/infogain_matrix_nan_debug"))), "gradients of the activ")
    assert axes.get_ylim() == (7, 0)
    assert rows(axes)[0].startswith("pool1")
    assert rows(axes)[-1] == "loss/ip2"
    assert axes.get_ylabel() == "input → output"
    assert names(axes, "name of the spread") == ["to input, same step"]


def test_a_log_without_layers_has_the_global_norm_alone() -> None:
    figure = plot.grad_norms(diagnose(str(LOGS / "huggingface/nan_batch_state")))
    assert not [axes for axes in figure.axes if artists(axes, "cells")]


def test_the_attempt_that_failed_is_named_where_there_are_several() -> None:
    report: Report = diagnose(str(LOGS / "lightning/sqrt_of_zero_gradient_norms_csv"))
    run = report.run
    (attempt,) = run.attempts
    two = replace(run, attempts=(attempt, replace(attempt, index=1)))
    assert any("training 0" in axes.get_title(loc="left") for axes in plot.grad_norms(replace(report, run=two)).axes)


def test_the_colours_of_sizes_are_never_warm_and_darken_steadily() -> None:
    red, green, blue = sizes_map()(np.linspace(0, 1, 50))[:, :3].T
    assert (red <= blue + 0.02).all()
    assert (np.diff(0.2126 * red + 0.7152 * green + 0.0722 * blue) < 0).all()
