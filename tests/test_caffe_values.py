"""The lines of the solver that hold a value, in the shapes of all versions."""

from __future__ import annotations

import math

import pytest

from caffe_logs import glog, read
from nanlog.model import NO_STEP, MarkKind, Phase, Stage

LOSS = "    Train net output #0: loss = 2.5 (* 1 = 2.5 loss)"


@pytest.mark.parametrize(
    "line",
    [
        "Iteration 20, loss = 0.25",
        "Iteration 20 (61.1 iter/s, 0.163s/10 iters), loss = 0.25",
        "Iteration 20 (-1.75162e-43 iter/s, 0.008s/10 iters), loss = 0.25",
        "Iteration 20 (9.5 iter/s, 2.1s/20 iter), loss = 0.25",
        "Iteration 20 (9.5 iter/s, 2.1s/20 iter), 0.1/1.6ep, loss = 0.25",
        "Iteration 20, loss = 0.25 ",
    ],
)
def test_loss(line: str) -> None:
    assert read(glog(line)).of("loss") == [(20, 0.25)]


@pytest.mark.parametrize(
    "line",
    ["Iteration 20, lr = 0.01", "Iteration 20, lr = 0.01, m = 0.9, wd = 0.0005, gs = 1", "Iteration 20, lr = 1e-2"],
)
def test_learning_rate(line: str) -> None:
    reading = read(glog(line, place="sgd_solver.cpp:112"))
    assert reading.of("lr") == [(20, 0.01)]
    assert reading.series["lr"].stage is Stage.LR


@pytest.mark.parametrize("value", ["nan", "-nan", "1.#QNAN", "-1.#IND"])
def test_a_loss_that_is_nan(value: str) -> None:
    reading = read(
        glog(f"Iteration 3, loss = {value}", f"    Train net output #0: loss = {value} (* 1 = {value} loss)")
    )
    assert [(p.series, p.step, p.shown) for p in reading.points] == [("loss", 3, "nan"), ("loss_smoothed", 3, "nan")]


@pytest.mark.parametrize(("value", "meant"), [("inf", math.inf), ("-inf", -math.inf), ("1.#INF", math.inf)])
def test_a_rate_that_is_infinite(value: str, meant: float) -> None:
    assert read(glog(f"Iteration 3, lr = {value}")).of("lr") == [(3, meant)]


def test_the_running_mean_is_not_the_loss_where_outputs_are_printed() -> None:
    reading = read(glog("Iteration 10, loss = 3.5", LOSS, "Iteration 10, lr = 0.1", "Iteration 20, loss = 3"))
    assert reading.of("loss") == [(10, 2.5)]
    assert reading.of("loss_smoothed") == [(10, 3.5), (20, 3.0)]
    assert reading.series["loss_smoothed"].smoothed
    assert not reading.series["loss"].smoothed
    assert reading.series["loss"].original == "loss"
    assert [p.line for p in reading.points if p.series == "loss"] == [2]


def test_without_outputs_it_is() -> None:
    reading = read(glog("Iteration 10, loss = 3.5", "Iteration 10, lr = 0.1", "Iteration 20, loss = nan"))
    assert [p.shown for p in reading.points if p.series == "loss"] == ["3.5", "nan"]
    assert "loss_smoothed" not in {p.series for p in reading.points}


def test_outputs_without_weight_are_metrics() -> None:
    reading = read(glog("Iteration 10, loss = 1", "    Train net output #0: accuracy = 0.5", LOSS.replace("#0", "#1")))
    assert reading.of("metric/accuracy") == [(10, 0.5)]
    assert reading.of("loss") == [(10, 2.5)]
    assert reading.series["metric/accuracy"].stage is Stage.SUMMARY


def test_several_losses_are_summed_with_their_weights() -> None:
    reading = read(
        glog(
            "Iteration 10, loss = 4",
            "    Train net output #0: aux = 2 (* 0.5 = 1 loss)",
            "    Train net output #1: main = 3 (* 1 = 3 loss)",
        )
    )
    assert reading.of("loss") == [(10, 4.0)]
    assert reading.of("loss/aux") == [(10, 2.0)]
    assert reading.of("loss/main") == [(10, 3.0)]
    assert reading.series["loss"].original == "aux + main"


def test_the_sum_stands_in_the_line_of_the_first_head_that_is_not_finite() -> None:
    reading = read(
        glog(
            "Iteration 10, loss = nan",
            "    Train net output #0: a = 2 (* 1 = 2 loss)",
            "    Train net output #1: b = inf (* 1 = inf loss)",
            "    Train net output #2: c = nan (* 1 = nan loss)",
        )
    )
    assert [(p.line, p.shown) for p in reading.points if p.series == "loss"] == [(3, "nan")]


def test_a_blob_with_several_values_repeats_its_name() -> None:
    outputs = [f"    Train net output #{i}: iou = 0.{i + 1}" for i in range(3)]
    reading = read(glog("Iteration 10, loss = 1", *outputs, "Iteration 20, loss = 1", outputs[0]))
    assert reading.of("metric/iou[2]") == [(10, 0.3)]
    assert reading.of("metric/iou[0]") == [(10, 0.1), (20, 0.1)]
    assert reading.of("metric/iou") == []


def test_test_nets() -> None:
    reading = read(
        glog(
            "Iteration 50, Testing net (#0)",
            "Test loss: 9",
            "    Test net output #0: accuracy = 0.9",
            "    Test net output #1: loss = 0.6 (* 1 = 0.6 loss)",
            "Iteration 50, Testing net (#1)",
            "    Test net output #0: a = 1 (* 2 = 2 loss)",
            "    Test net output #1: b = 1 (* 1 = 1 loss)",
            "Iteration 50, loss = 1",
        )
    )
    values = {(p.series, p.step): p.value for p in reading.points if p.series.startswith("val")}
    assert values == {
        ("val/accuracy".replace("/", "/metric/"), 50): 0.9,
        ("val/loss", 50): 0.6,
        ("val/total_loss", 50): 9.0,
        ("val1/loss", 50): 3.0,
        ("val1/loss/a", 50): 1.0,
        ("val1/loss/b", 50): 1.0,
    }
    assert all(info.stage is Stage.EVALUATION for name, info in reading.series.items() if name.startswith("val"))


def test_scores_of_2014() -> None:
    reading = read(glog("Iteration 50, Testing net", "Test score #0: 0.86", "Test score #1: nan", "Test loss: 2"))
    assert [(p.series, p.step, p.shown) for p in reading.points] == [
        ("val/loss", 50, "2.0"),
        ("val/metric/score[0]", 50, "0.86"),
        ("val/metric/score[1]", 50, "nan"),
    ]


CLIP = "Gradient clipping: scaling down gradients (L2 norm {} > 1) by scale factor 0.1"


def test_clipping_in_every_iteration_is_dated_exactly() -> None:
    clips = [CLIP.format(norm) for norm in (10, 11, "inf")]
    reading = read(glog("Iteration 30, lr = 1", *clips, "Iteration 33, loss = 1"))
    assert reading.of("clip_norm") == [(30, 10.0), (31, 11.0), (32, math.inf)]
    assert [mark.kind for mark in reading.marks] == [MarkKind.CLIP]


def test_clipping_now_and_then_gets_the_iteration_before() -> None:
    reading = read(
        glog("Iteration 30, lr = 1", CLIP.format(5), CLIP.format(6), "Iteration 40, loss = 1", CLIP.format(7))
    )
    assert reading.of("clip_norm") == [(30, 5.0), (30, 6.0), (40, 7.0)]


def test_values_without_an_iteration() -> None:
    reading = read(glog(LOSS, "Iteration 10, lr = 0.1"))
    assert reading.of("loss") == [(NO_STEP, 2.5)]


@pytest.mark.parametrize(
    "line",
    [
        "Iteration 10, loss = ",
        "Iteration 10, loss = 1e-",
        "Iteration 10, loss = na",
        "Iteration 10, lr =",
        "Iteration 99999999999999999999999, loss = 1",
        "    Train net output #0: loss = x (* 1 = x loss)",
        "    Train net output #0: loss = 1 (* 1 =",
        "    Test net output #0",
        "Test loss: ",
        "    [Forward] Layer conv1, top blob conv1 data: ",
        "    [Backward] Layer conv1",
        "    [Update] Layer conv1, param 0 data: 0.3",
        "    [Backward] All net params (data, diff): L1 norm = (1, 2); L2 norm = (3, ",
        "Gradient clipping: scaling down gradients (L2 norm x",
    ],
)
def test_what_cannot_be_read_is_kept(line: str) -> None:
    reading = read(glog("Iteration 0, loss = 1") + glog(line))
    assert [(unread.line, unread.text) for unread in reading.unread] == [(2, line.strip())]
    assert len(reading.points) == 1


@pytest.mark.parametrize("line", ["Iteration 10, Testing ne", "Iteration 1", "Iteration ", "Iteration 10, los"])
def test_a_line_that_is_cut_is_no_point(line: str) -> None:
    assert read(glog(line).rstrip("\n")).points == []


@pytest.mark.parametrize(
    "wrapped",
    [
        "{glog}",
        "   {glog}",
        "> {glog}",
        "2017-03-01T10:00:00.123456789Z {glog}",
        "2017-03-01 10:00:00,123 {glog}",
        "[1,0]<stderr>:{glog}",
        "rank 3: {glog}",
        "slurm-3: {glog}",
        "trainer-0  | {glog}",
        "some output of a script without a line end{glog}",
        "{glog}\r",
    ],
)
@pytest.mark.parametrize(
    ("message", "series"),
    [
        ("Iteration 10, loss = nan", "loss"),
        ("    [Forward] Layer conv1, top blob conv1 data: nan", "data/conv1/conv1"),
        ("    [Backward] Layer conv1, param blob 0 diff: nan", "param_diff/conv1/0"),
    ],
)
def test_what_copying_puts_around_a_line(wrapped: str, message: str, series: str) -> None:
    line = wrapped.format(glog=glog(message).rstrip("\n"))
    for year in ("", "2026"):
        text = glog("Iteration 0, lr = 1") + line.replace("I1123", f"I{year}1123") + "\n"
        assert (series, "nan") in {(p.series, p.shown) for p in read(text).points}


@pytest.mark.parametrize(
    "line",
    [
        "Iteration 10, loss = nan",
        "> Iteration 10, loss = nan",
        "solver.cpp:218] Iteration 10, loss = nan",
        "10:00:00 solver.cpp:218] Iteration 10, loss = nan",
        "[0] Iteration 10, loss = nan",
        "W20260101 10:00:00.123456 1234567 solver.cpp:218] Iteration 10 (1 iter/s, 1s/1 iters), loss = nan",
    ],
)
def test_a_line_that_lost_its_prefix(line: str) -> None:
    assert [(p.series, p.step, p.shown) for p in read(line + "\n").points] == [("loss", 10, "nan")]


@pytest.mark.parametrize(
    "line",
    [
        "I was told that Iteration 10, loss = nan is normal",
        "loss = nan",
        "my_script: Iteration ten, loss = nan",
        "E1123 02:31:20.1 10453 net.cpp:593] Forward",
    ],
)
def test_what_is_no_line_of_caffe(line: str) -> None:
    reading = read(glog("Solving LeNet") + line + "\n")
    assert (reading.points, reading.unread) == ([], [])


def test_two_messages_in_one_line() -> None:
    """A process died within a line, and the next one wrote on."""
    cut = glog("    [Forward] Layer conv1, top blob co").rstrip("\n") + glog("Iteration 10, loss = 1")
    reading = read(glog("Iteration 5, loss = 1") + cut)
    assert reading.of("loss") == [(5, 1.0), (10, 1.0)]
    assert [unread.line for unread in reading.unread] == [2]


@pytest.mark.parametrize(
    ("line", "layer", "phase", "blob", "share"),
    [
        (
            "checkFiniteLayer: conv3 forward pass bottom 0 has 0.12% non-finite elements",
            "conv3",
            "forward",
            "bottom 0",
            0.0012,
        ),
        ("fc6 backward pass top 1 has 100% non-finite elements", "fc6", "backward", "top 1", 1.0),
        ("WARNING: fc6 backward pass: param 0 contains 50 % nonfinite values", "fc6", "backward", "param 0", 0.5),
    ],
)
@pytest.mark.parametrize("prefix", ["", "I1123 02:31:20.788003 10453 pyloss.cpp:3] "])
def test_a_layer_that_reports_non_finite_elements(
    line: str, layer: str, phase: str, blob: str, share: float, prefix: str
) -> None:
    reading = read(glog("Iteration 10, lr = 1") + prefix + line + "\n" + glog("Iteration 20, loss = nan"))
    name = f"nonfinite/{layer}/{blob}"
    [(step, value)] = reading.of(name)
    assert step == 20
    assert value == pytest.approx(share)
    assert (reading.series[name].layer, reading.series[name].phase) == (layer, phase)
    [mark] = reading.marks
    assert (mark.kind, mark.layer, mark.phase, mark.blob) == (MarkKind.NONFINITE, layer, Phase(phase), blob)
    assert mark.value == pytest.approx(share)
