"""Facts: solver, nets, shapes, device."""

from __future__ import annotations

import math

from caffe_logs import glog, read

SOLVER = """^test_iter: 11
^test_interval: 50
^base_lr: nan
^lr_policy: "multistep"
^stepvalue: 100
^stepvalue: 200
^weight_decay: inf
^solver_mode: CPU
^train_state {
^  level: 0
^  stage: ""
^}
^debug_info: true""".splitlines()

NET = """^name: "LeNet"
^state {
^  phase: TRAIN
^}
^layer {
^  name: "pool1"
^  type: "Pooling"
^  bottom: "conv1"
^  top: "pool1"
^  pooling_param {
^    pool: AVE
^    kernel_size: 3
^    stride: 5
^  }
^}
^layer {
^  name: "conv2"
^  convolution_param {
^    kernel_size: 3
^    kernel_size: 5
^  }
^}""".splitlines()

OLD_NET = """^name: "LeNet"
^layers {
^  bottom: "data"
^  top: "loss"
^  name: "loss"
^  type: SOFTMAX_LOSS
^  blobs_lr: 1
^  blobs_lr: 2
^}
^layers {
^  name: "lrn"
^  type: LRN
^}
^state {
^  phase: TEST
^}""".splitlines()


def test_solver() -> None:
    values = read(glog("Initializing solver from parameters: ", *SOLVER, "Creating training net")).values()
    assert values.pop("solver.base_lr") != values.get("solver.base_lr")
    assert values == {
        "framework": "caffe",
        "solver.test_iter[0]": 11,
        "solver.test_interval": 50,
        "solver.lr_policy": "multistep",
        "solver.stepvalue[0]": 100,
        "solver.stepvalue[1]": 200,
        "solver.weight_decay": math.inf,
        "solver.solver_mode": "CPU",
        "solver.train_state.level": 0,
        "solver.train_state.stage": "",
        "solver.debug_info": True,
    }


def test_facts_have_their_lines() -> None:
    facts = read(glog("Use CPU.", "Initializing solver from parameters: ", *SOLVER)).facts
    assert (facts["device"].line, facts["solver.test_iter[0]"].line, facts["solver.debug_info"].line) == (1, 3, 15)


def test_net() -> None:
    values = read(glog("Initializing net from parameters: ", *NET)).values()
    assert values["net.name"] == values["net.train.name"] == "LeNet"
    assert values["net.train.layer[0].type"] == "Pooling"
    assert values["net.train.layer[0].bottom[0]"] == "conv1"
    assert values["net.train.layer[0].pooling_param.stride"] == 5
    assert values["net.train.layer[1].convolution_param.kernel_size[1]"] == 5


def test_net_of_2014() -> None:
    values = read(glog("Initializing net from parameters: ", *OLD_NET)).values()
    assert values["net.test0.layer[0].type"] == "SoftmaxWithLoss"
    assert values["net.test0.layer[0].type_original"] == "SOFTMAX_LOSS"
    assert values["net.test0.layer[0].blobs_lr[1]"] == 2
    assert values["net.test0.layer[1].type"] == "LRN"
    assert "net.test0.layer[1].type_original" not in values


def test_nets_are_told_apart_by_what_is_announced() -> None:
    dump = ["Initializing net from parameters: ", *NET]
    values = read(
        glog(
            "Creating training net from net file: net.prototxt",
            *dump,
            "Creating test net (#0) specified by net file: net.prototxt",
            *dump,
            "Creating test net (#1) specified by net file: net.prototxt",
            *dump,
        )
    ).values()
    assert {key.partition(".layer")[0] for key in values if ".layer[0].name" in key} == {
        "net.train",
        "net.test0",
        "net.test1",
    }


def test_shapes_and_weights() -> None:
    values = read(
        glog(
            "Setting up data",
            "Top shape: 32 1 16 16 (8192)",
            "Top shape: 32 (32)",
            "Setting up loss",
            "Top shape: (1)",
            "    with loss weight 0.5",
            place="net.cpp:131",
        )
    ).values()
    assert values == {
        "framework": "caffe",
        "shape.train.data[0]": "32 1 16 16",
        "shape.train.data[1]": "32",
        "shape.train.loss[0]": "",
        "loss_weight.train.loss[0]": 0.5,
    }


def test_device() -> None:
    assert read(glog("Use GPU with device ID 0")).values()["device"] == "GPU 0"
    assert read(glog("Use GPU with device ID 0", "GPU device name: TITAN X")).values()["device"] == "TITAN X"
    assert read(glog("Using GPUs 0, 1", "GPU 0: Tesla K40m")).values()["device"] == "GPU 0: Tesla K40m"


def test_a_definition_that_is_cut_or_mixed_with_other_output() -> None:
    broken = [*NET[:6], "^Loading python layer", "^x = {1: 2}", *NET[6:12]]
    values = read(glog("Initializing net from parameters: ", *broken, "Iteration 0, loss = 1", "^stride: 7")).values()
    assert values["net.train.layer[0].pooling_param.kernel_size"] == 3
    assert "stride" not in "".join(values)


def test_a_new_training_has_facts_of_its_own() -> None:
    first = ["Initializing solver from parameters: ", "^base_lr: 1", "^gamma: 2", "Iteration 0, loss = 1"]
    second = ["Initializing solver from parameters: ", "^base_lr: 3", "Iteration 0, loss = 1"]
    facts = [fact for block in read(glog(*first, *second)).blocks for fact in block.facts]
    assert [(f.key, f.value, f.line) for f in facts if f.key == "solver.base_lr"] == [
        ("solver.base_lr", 1, 2),
        ("solver.base_lr", 3, 6),
    ]
