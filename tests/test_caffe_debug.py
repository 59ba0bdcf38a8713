"""Debug values: which net, which iteration, which name."""

from __future__ import annotations

import pytest

from caffe_logs import Reading, glog, read
from nanlog.model import NO_STEP, Phase, Stage


def forward(layer: str, value: float = 0.5, top: str | None = None) -> str:
    return f"    [Forward] Layer {layer}, top blob {top or layer} data: {value}"


def backward(layer: str, value: float = 0.1) -> str:
    return f"    [Backward] Layer {layer}, param blob 0 diff: {value}"


def train_pass(value: float = 0.5) -> list[str]:
    return [forward("data", value), forward("ip", value), backward("ip", value)]


def steps(reading: Reading, series: str) -> list[int]:
    return [step for step, _ in reading.of(series)]


START = ["Initializing solver from parameters: ", "^display: 10"]


def test_forward_and_backward_belong_to_the_iteration_behind_them() -> None:
    reading = read(glog(*START, *train_pass(1), "Iteration 0, loss = 1", *train_pass(2), "Iteration 10, loss = 1"))
    for series in ("data/data/data", "data/ip/ip", "param_diff/ip/0"):
        assert reading.of(series) == [(0, 1.0), (10, 2.0)]


def test_the_step_taken_belongs_to_the_iteration_before_it() -> None:
    update = "    [Update] Layer ip, param 0 data: 0.27; diff: 0.0003"
    reading = read(glog(*train_pass(), "Iteration 0, loss = 1", update, *train_pass(), "Iteration 1, loss = 1", update))
    assert reading.of("update/ip/0") == [(0, 0.0003), (1, 0.0003)]
    assert reading.of("param/ip/0") == [(0, 0.27), (1, 0.27)]
    assert reading.series["update/ip/0"].stage is Stage.UPDATE
    assert reading.series["param/ip/0"].stage is Stage.STATE


def test_a_shared_parameter_prints_its_step_only() -> None:
    reading = read(
        glog("Iteration 3, loss = 1", "    [Update] Layer b, param blob 0 (owned by layer a, param W) diff: 0.5")
    )
    assert reading.of("update/b/0") == [(3, 0.5)]


def test_parameters_are_read_once_where_two_lines_say_the_same() -> None:
    named = "    [Forward] Layer ip, param blob W data: 0.27"
    update = "    [Update] Layer ip, param 0 data: 0.27; diff: 0.0003"
    reading = read(glog(forward("ip"), named, "Iteration 0, loss = 1", update))
    assert reading.of("param/ip/0") == [(0, 0.27)]
    assert reading.of("update/ip/0") == [(0, 0.0003)]


def test_named_parameters_get_the_index_that_backward_gives_them() -> None:
    lines = [f"    [Forward] Layer ip, param blob {name} data: {i}" for i, name in enumerate(["W", "1", "bias"])]
    reading = read(glog(*lines, "Iteration 0, loss = 1", *lines, "Iteration 1, loss = 1"))
    assert [reading.of(f"param/ip/{i}") for i in range(3)] == [[(0, float(i)), (1, float(i))] for i in range(3)]


NORMS = "    [Backward] All net params (data, diff): L1 norm = (10, 2); L2 norm = (3, nan)"


def test_norms_over_all_parameters() -> None:
    reading = read(glog(*train_pass(), NORMS, "Iteration 0, loss = 1").replace("I1123 02:31:20.788003 10453 x", "E"))
    shown = {(p.series, p.step): p.shown for p in reading.points if "norm" in p.series or "l1" in p.series}
    assert shown == {("param_l1", 0): "10.0", ("grad_l1", 0): "2.0", ("param_norm", 0): "3.0", ("grad_norm", 0): "nan"}
    assert (reading.series["grad_norm"].stage, reading.series["param_norm"].stage) == (Stage.GRADIENT, Stage.STATE)
    assert all(reading.series[name].statistic for name, _ in shown)


TESTING = ["Iteration 10, Testing net (#0)", forward("data", 7), forward("ip", 7), forward("data", 8), forward("ip", 8)]
OUTPUT = "    Test net output #0: loss = 2 (* 1 = 2 loss)"


def test_the_passes_of_a_test_net_are_not_those_of_training() -> None:
    reading = read(glog(*TESTING, OUTPUT, *train_pass(1), "Iteration 10, loss = 1"))
    assert reading.of("val/data/ip/ip") == [(10, 7.0), (10, 8.0)]
    assert reading.of("data/ip/ip") == [(10, 1.0)]
    assert reading.series["val/data/ip/ip"].stage is Stage.EVALUATION


def test_two_test_nets() -> None:
    second = [line.replace("#0", "#1") for line in TESTING]
    reading = read(glog(*TESTING, OUTPUT, *second, OUTPUT, *train_pass(1), "Iteration 10, loss = 1"))
    assert len(reading.of("val/data/ip/ip")) == len(reading.of("val1/data/ip/ip")) == 2
    assert reading.of("data/ip/ip") == [(10, 1.0)]


def test_a_test_net_without_outputs_ends_before_the_pass_that_goes_backward() -> None:
    reading = read(glog(*TESTING, *train_pass(1), "Iteration 10, loss = 1"))
    assert reading.of("val/data/ip/ip") == [(10, 7.0), (10, 8.0)]
    assert reading.of("data/ip/ip") == [(10, 1.0)]
    assert reading.of("param_diff/ip/0") == [(10, 1.0)]


def test_a_test_net_without_outputs_ends_after_its_number_of_passes() -> None:
    solver = [*START, "^test_iter: 2"]
    crashed = [*TESTING, forward("data", 1)]
    reading = read(glog(*solver, *crashed))
    assert reading.of("val/data/data/data") == [(10, 7.0), (10, 8.0)]
    assert reading.of("data/data/data") == [(10, 1.0)]


def test_messages_of_data_layers_do_not_end_a_test_pass() -> None:
    reading = read(
        glog(*TESTING[:3], "Restarting data prefetching from start.", *TESTING[3:], OUTPUT, "Iteration 10, loss = 1")
    )
    assert len(reading.of("val/data/ip/ip")) == 2


def test_gradients_of_several_passes_stay_under_their_iteration() -> None:
    first, second = [*train_pass(1), *train_pass(2)], [*train_pass(3), *train_pass(4)]
    reading = read(glog(*first, "Iteration 0, loss = 1", *second, "Iteration 1, loss = 1"))
    assert reading.of("data/ip/ip") == [(0, 1.0), (0, 2.0), (1, 3.0), (1, 4.0)]


def test_the_last_forward_pass_has_no_outputs() -> None:
    reading = read(glog("Iteration 90, lr = 1", forward("ip", 9), "Iteration 100, loss = 1", "Optimization Done."))
    assert reading.of("data/ip/ip") == [(100, 9.0)]


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([*START], 0),
        ([*START, "Iteration 0, loss = 1", "Iteration 0, lr = 1"], 10),
        ([*START, "Iteration 30, loss = 1"], 40),
        ([*START, "Iteration 10, loss = 1", "Iteration 20, Testing net (#0)", OUTPUT], 20),
        ([*START, "Iteration 10, loss = 1", "Iteration 15, Testing net (#0)", OUTPUT], 20),
        ([*START, "Resuming from x_iter_25.solverstate", "SGDSolver: restoring history"], 30),
        (["Iteration 20, loss = 1", "Iteration 40, loss = 1"], 60),
        (["Iteration 20, loss = 1"], NO_STEP),
        ([], NO_STEP),
    ],
)
@pytest.mark.parametrize("end", [[], ["^*** Aborted at 1"], ["Optimization stopped early."], START])
def test_what_a_crash_cut_off_belongs_to_the_display_that_would_have_come(
    before: list[str], step: int, end: list[str]
) -> None:
    reading = read(glog(*before, forward("ip", 9), *end))
    assert reading.of("data/ip/ip") == [(step, 9.0)]


def test_a_new_training_starts_over() -> None:
    lines = [
        *START,
        *train_pass(1),
        "Iteration 0, loss = 1",
        *train_pass(2),
        "Iteration 10, loss = 1",
        forward("data", 3),
    ]
    reading = read(glog(*lines, *lines))
    assert reading.of("data/data/data") == [(0, 1.0), (10, 2.0), (20, 3.0)] * 2


def test_ranks_follow_the_pass() -> None:
    passes = [forward("data"), forward("a"), forward("b"), backward("b"), backward("a")]
    reading = read(glog(*START, *passes, "Iteration 0, loss = 1"))
    ranks = [reading.series[f"data/{layer}/{layer}"].rank for layer in ("data", "a", "b")]
    assert ranks == sorted(set(ranks))
    assert reading.series["param_diff/b/0"].rank < reading.series["param_diff/a/0"].rank


def test_ranks_when_the_log_begins_within_a_pass() -> None:
    whole = [forward("data"), forward("a"), forward("b")]
    reading = read(glog(*whole[1:], "Iteration 10, loss = 1", *whole, "Iteration 20, loss = 1"))
    ranks = [reading.series[f"data/{layer}/{layer}"].rank for layer in ("data", "a", "b")]
    assert ranks == sorted(set(ranks))


def test_input_layers_are_those_without_a_bottom() -> None:
    net = [
        '^layer { name: "source" type: "HDF5Data" top: "x" }',
        '^layer { name: "ip" type: "InnerProduct" bottom: "x" }',
    ]
    reading = read(
        glog(
            "Initializing net from parameters: ",
            *net,
            forward("source", top="x"),
            forward("ip"),
            "Iteration 0, loss = 1",
        )
    )
    assert reading.series["data/source/x"].phase is Phase.INPUT
    assert reading.series["data/source/x"].stage is Stage.INPUT
    assert reading.series["data/ip/ip"].phase is Phase.FORWARD


def test_input_layers_without_a_definition() -> None:
    reading = read(
        glog(
            forward("data"),
            forward("data", top="label"),
            forward("label_data_1_split"),
            forward("ip"),
            "Iteration 0, loss = 1",
        )
    )
    phases = {name: info.phase for name, info in reading.series.items() if name.startswith("data/")}
    assert phases == {
        "data/data/data": Phase.INPUT,
        "data/data/label": Phase.INPUT,
        "data/label_data_1_split/label_data_1_split": Phase.FORWARD,
        "data/ip/ip": Phase.FORWARD,
    }


@pytest.mark.parametrize("name", ["inception_4a/5x5", "conv 1, b", "conv1:0", "слой", "a" * 300, "x data y"])
def test_names_of_layers(name: str) -> None:
    reading = read(
        glog(forward(name, 1), f"    [Backward] Layer {name}, bottom blob {name} diff: 2", "Iteration 0, loss = 1")
    )
    assert reading.of(f"data/{name}/{name}") == [(0, 1.0)]
    assert reading.of(f"diff/{name}/{name}") == [(0, 2.0)]
    assert reading.series[f"diff/{name}/{name}"].phase is Phase.BACKWARD


def test_lines_that_processes_cut_off_each_other_are_read_apart() -> None:
    torn = glog(forward("a", 1)).rstrip("\n") + glog(forward("b", 2))
    reading = read(
        glog("Iteration 0, loss = 1", forward("x"), "Iteration 1, loss = 1") + torn + glog("Iteration 2, loss = 1")
    )
    assert reading.of("data/a/a") == [(2, 1.0)]
    assert reading.of("data/b/b") == [(2, 2.0)]
