"""Rows stand in the order in which data runs through the net, whatever order the log has them in."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from nanlog.model import SeriesInfo, Stage
from nanlog.plot._network_order import in_network_order
from nanlog.plot._row_names import named_rows

GPT = [
    "transformer.wte.weight",
    "transformer.wpe.weight",
    *(f"transformer.h.{k}.{part}.weight" for k in range(12) for part in ("ln_1", "attn.c_attn", "ln_2", "mlp.c_fc")),
    "transformer.ln_f.weight",
    "lm_head.weight",
]
RESNET = [
    "conv1.weight",
    "bn1.weight",
    *(f"layer{k}.{j}.conv{i}.weight" for k in range(1, 5) for j in range(2) for i in (1, 2)),
    "fc.weight",
    "fc.bias",
]


def ordered(names: list[str]) -> list[str]:
    order = in_network_order(names, [SeriesInfo(f"grad_norm/{name}", name, Stage.BACKWARD) for name in names])
    return [names[k] for k in order.indices]


def source(names: list[str]) -> str:
    return in_network_order(names, [SeriesInfo(name, name) for name in names]).source


@pytest.mark.parametrize("names", [GPT, RESNET], ids=["gpt", "resnet"])
def test_the_order_in_which_a_model_defines_its_layers_stays(names: list[str]) -> None:
    assert ordered(names) == names


def test_hooks_that_log_the_last_layer_first_are_turned_round() -> None:
    assert ordered(GPT[::-1]) == GPT


def test_sorted_names_go_from_embedding_to_head_and_by_number() -> None:
    found = [name.split(".") for name in ordered(sorted(GPT))]
    assert {found[0][1], found[1][1]} == {"wte", "wpe"}
    assert [path[1] for path in found[-2:]] == ["ln_f", "weight"]
    assert [int(path[2]) for path in found[2:-2]] == [k for k in range(12) for _ in range(4)]


def test_an_encoder_comes_before_its_decoder() -> None:
    names = sorted(f"{side}.layers.{k}.w" for side in ("encoder", "decoder") for k in (0, 2, 10))
    assert ordered([*names, "head.w"]) == [
        *(f"encoder.layers.{k}.w" for k in (0, 2, 10)),
        *(f"decoder.layers.{k}.w" for k in (0, 2, 10)),
        "head.w",
    ]


def test_a_weight_comes_before_its_bias_where_a_table_sorted_its_columns() -> None:
    assert ordered(["0.bias", "0.weight", "10.bias", "10.weight", "2.bias", "2.weight"]) == [
        *("0.weight", "0.bias", "2.weight", "2.bias", "10.weight", "10.bias")
    ]


def test_parameters_that_an_event_file_scattered_come_together() -> None:
    assert ordered(["0.bias", "2.bias", "0.weight", "2.weight"]) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert ordered(["out/bias", "dense/bias", "out/kernel", "dense/kernel"]) == [
        *("dense/kernel", "dense/bias", "out/kernel", "out/bias")
    ]


def test_any_order_of_numbered_layers_is_brought_into_order() -> None:
    names = [f"layers.{k}.weight" for k in range(300)]
    shuffled = random.Random(0).sample(names, len(names))  # noqa: S311
    assert ordered(shuffled) == names


def test_names_that_tell_nothing_stay_as_they_were_logged() -> None:
    assert ordered(["q", "a", "z"]) == ["q", "a", "z"]
    assert ordered(["a", "b", "c"]) == ["a", "b", "c"]
    assert [source(names) for names in (["q", "a", "z"], ["a.0", "a.1"], [], ["a"])] == [
        *("logged", "named", "logged", "logged")
    ]


def test_the_rank_of_a_parser_outdoes_all_names() -> None:
    """Backward passes run from the output to the input, and a weight is named before its bias."""
    layers = [("z", "0"), ("z", "1"), ("y", "0"), ("x", "0"), ("x", "1")]
    infos = [
        SeriesInfo(f"param_diff/{layer}/{blob}", "", Stage.BACKWARD, rank=rank, layer=layer)
        for rank, (layer, blob) in enumerate(layers)
    ]
    order = in_network_order(["z/0", "z/1", "y/0", "x/0", "x/1"], infos)
    assert order.source == "computed"
    assert [infos[k].name.partition("/")[2] for k in order.indices] == ["x/0", "x/1", "y/0", "z/0", "z/1"]


@pytest.mark.parametrize("name", ["", ".", "///", "1" * 5000, "layers." + "9" * 400, "٣.weight", "\x1b[31m"])
def test_no_name_is_too_strange(name: str) -> None:
    names = ["a.0", "a.1", name]
    assert sorted(ordered(names)) == sorted(names)
    assert named_rows(names * 40, [1], 5)


def test_ten_thousand_names_are_ordered_at_once() -> None:
    names = sorted(f"model.layers.{k}.experts.{e}.w{i}" for k in range(40) for e in range(84) for i in (1, 2, 3))
    found = ordered(names)
    assert found[:2] == ["model.layers.0.experts.0.w1", "model.layers.0.experts.0.w2"]
    assert found[-1] == "model.layers.39.experts.83.w3"


def test_where_names_have_no_room_blocks_are_named_and_the_rows_to_look_at() -> None:
    names = [f"h.{k}.{part}" for k in range(60) for part in ("ln_1.weight", "attn.weight", "mlp.weight")]
    found = named_rows(names, [100], 40)
    assert found[0] == "h.0"
    assert found[100] == "h.33.attn.weight"
    assert len(found) <= 41
    rows = list(found)
    assert rows == sorted(rows)
    assert all(later - row >= len(names) / 41 for row, later in pairwise(rows))


def test_all_rows_are_named_where_there_is_room() -> None:
    assert named_rows(["a", "b", "c"], [1], 3) == {0: "a", 1: "b", 2: "c"}
