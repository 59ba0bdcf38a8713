"""The dicts of the Trainer: what ``str`` makes of numbers is read back, and nothing is ever evaluated."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanlog_parsers.huggingface._dicts import printed_dicts
from text_logs import same

KEYS = st.text(
    st.characters(codec="ascii", exclude_characters="'\"\\\n", exclude_categories=["Cc"]), min_size=1, max_size=30
)
FLOATS = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])


@given(
    st.lists(st.dictionaries(KEYS, FLOATS, min_size=1, max_size=6), min_size=1, max_size=4),
    st.sampled_from(["", " ", "x}"]),
)
def test_dicts_as_transformers_4_prints_them(logged: list[dict[str, float]], between: str) -> None:
    found = list(printed_dicts(between.join(map(str, logged))))
    assert [printed.is_quoted for printed in found] == [False] * len(logged)
    assert all(same(printed.numbers, logs) for printed, logs in zip(found, logged, strict=True))  # type: ignore[arg-type]


@given(st.dictionaries(KEYS, FLOATS, min_size=1, max_size=6))
def test_dicts_as_transformers_5_prints_them(logged: dict[str, float]) -> None:
    (printed,) = printed_dicts(str({key: f"{value:.4g}" for key, value in logged.items()}))
    rounded = {key: float(f"{value:.4g}") for key, value in logged.items()}
    assert same(printed.numbers, rounded)  # type: ignore[arg-type]
    assert printed.is_quoted


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("{'loss': np.float64(0.5), 'epoch': 1}", {"loss": 0.5, "epoch": 1.0}),
        ("{'loss': tensor(nan, device='cuda:0'), 'epoch': 1}", {"loss": math.nan, "epoch": 1.0}),
        ("{'loss': array([1., 2.]), 'epoch': 1}", {"epoch": 1.0}),
        ("{'loss': 1.0, 'matrix': [[1, 2], (3, {'a': 4})], 'epoch': 2}", {"loss": 1.0, "epoch": 2.0}),
        ("{'loss': None, 'flag': True, 'name': 'it', 'epoch': 2}", {"epoch": 2.0}),
        ("{\"it's\": 1.0, 'epoch': 2}", {"it's": 1.0, "epoch": 2.0}),
        ("{'note': 'a {b} \\'c\\' [', 'epoch': 2}", {"epoch": 2.0}),
        ("{'loss': 1.0, 'epoch': 2,}", {"loss": 1.0, "epoch": 2.0}),
        (
            "{'loss': -Infinity, 'grad_norm': 1.#QNAN, 'epoch': 2}",
            {"loss": -math.inf, "grad_norm": math.nan, "epoch": 2.0},
        ),
    ],
)
def test_what_else_stands_in_a_dict(text: str, numbers: dict[str, float]) -> None:
    (printed,) = printed_dicts(text)
    assert same(printed.numbers, numbers)  # type: ignore[arg-type]
    assert not printed.is_cut


@pytest.mark.parametrize("end", range(2, 40))
def test_a_dict_that_is_cut_off_says_so(end: int) -> None:
    text = "{'loss': 1.25, 'grad_norm': nan, 'epoch': 0.5}"
    assert [printed.is_cut for printed in printed_dicts(text[:end])] in ([], [True])
    assert [printed.is_cut for printed in printed_dicts("{'loss': 1}" + text[:end])][:1] == [False]


@pytest.mark.parametrize("text", ["", "{}", "{'", "{'a'}", "{'a' 1}", "{1: 2}", '{"loss": 1}', "{loss: 1}", "it{'s"])
def test_what_is_no_dict_of_numbers(text: str) -> None:
    assert not any(
        printed.numbers and not printed.is_cut and "'" in text and '"' not in text for printed in printed_dicts(text)
    )


@given(st.text(st.sampled_from("{}[]()'\": ,.0123nae-x\\\n"), max_size=300))
def test_any_text_is_read_to_its_end(text: str) -> None:
    for printed in printed_dicts(text):
        assert set(printed.numbers) <= printed.keys
        assert set(printed.texts) == set(printed.numbers)


@pytest.mark.parametrize(
    "piece",
    [
        "{'a': ",
        "{'a':'",
        "{'a': [",
        "{'",
        "{'a': 1, ",
        "{'a': f(",
        "{'a': np.float64(9",
        "'a': ",
        "{'a': 1}",
        "{'{': 1, '",
    ],
)
def test_reading_takes_time_in_proportion_to_the_text(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    begin = time.process_time()
    for _ in printed_dicts(text):
        pass
    assert time.process_time() - begin < 5


def test_numbers_are_the_floats_that_were_printed() -> None:
    values = np.random.default_rng(0).normal(size=100).tolist()
    for value in values:
        (printed,) = printed_dicts(str({"loss": value}))
        assert printed.numbers["loss"] == value
