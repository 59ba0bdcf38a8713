"""Bisection of batches: every bad sample is found, and what cannot be judged is said."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanlog.replay.worker.samples import bisect, only, places, repeated, size_of, without


def with_bad(size: int, *bad: int) -> torch.Tensor:
    x = torch.randn(size, 3)
    x[list(bad), 1] = math.nan
    return x


def sums(batch: Any) -> bool:
    return not math.isfinite(float(batch.sum()))


@given(st.integers(2, 200), st.data())
@settings(max_examples=80, deadline=None)
def test_all_bad_samples_are_found_while_they_are_few(size: int, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=max(1, min(4, size // 2))))
    found = bisect(with_bad(size, *bad), sums)
    assert found.samples == tuple(sorted(bad))
    assert not found.together
    assert found.runs <= 8 + 4 * len(bad) * math.ceil(math.log2(size) + 1)


def test_two_bad_samples_of_one_batch() -> None:
    found = bisect((with_bad(8, 2, 5), torch.arange(8)), lambda batch: sums(batch[0]))
    assert found.samples == (2, 5)
    assert found.says == "samples 2, 5 each by itself"


def test_two_samples_that_are_bad_only_together() -> None:
    x = torch.arange(16.0)
    found = bisect(x, lambda batch: 3.0 in batch.tolist() and 12.0 in batch.tolist())
    assert (found.samples, found.together) == ((3, 12), True)


def test_what_every_sample_brings_is_no_sample_s_fault() -> None:
    found = bisect(torch.randn(8, 3), lambda batch: True)
    assert found.samples is None
    assert "not due to single samples" in found.says


def test_a_batch_of_one_is_its_sample() -> None:
    assert bisect(torch.randn(1, 3), sums).samples == (0,)


def test_code_that_cannot_take_one_sample_is_given_it_several_times() -> None:
    """Batch normalisation refuses a batch of one; other code wants the size it was written for."""

    def refuses_one(batch: torch.Tensor) -> bool | None:
        return None if len(batch) < 2 else sums(batch)

    def wants_eight(batch: torch.Tensor) -> bool | None:
        return None if len(batch) != 8 else sums(batch)

    assert bisect(with_bad(8, 3), refuses_one).samples == (3,)
    found = bisect(with_bad(8, 3, 4), wants_eight)
    assert found.samples == (3, 4)


def test_what_could_not_be_judged_is_said() -> None:
    found = bisect(with_bad(8, 3), lambda batch: None if len(set(map(tuple, batch.tolist()))) < 8 else True)
    assert found.samples is None
    assert found.unjudged
    assert "could not be judged" in found.says


def test_the_number_of_runs_is_bounded() -> None:
    runs = []

    def judge(batch: torch.Tensor) -> bool:
        runs.append(len(batch))
        return len(batch) > 700  # any large part of the batch is bad

    found = bisect(torch.randn(1024, 2), judge, most_runs=50)
    assert found.samples is None
    assert found.says.startswith("the search was ended after 5")
    assert len(runs) <= 51


@dataclass
class Pair:
    image: torch.Tensor
    name: str


@pytest.mark.parametrize(
    ("batch", "size"),
    [
        (torch.zeros(4, 2), 4),
        ((torch.zeros(4, 2), torch.zeros(4)), 4),
        ({"image": torch.zeros(4, 2), "mask": torch.zeros(7, 7), "label": torch.zeros(4)}, 4),
        (((torch.zeros(5, 2), torch.zeros(5, 3)), torch.zeros(5)), 5),
        ([[torch.zeros(3, 8), torch.zeros(3, 9)], [{"boxes": torch.zeros(2, 4)}, {"boxes": torch.zeros(0, 4)}]], 2),
        (Pair(torch.zeros(3, 2), "x"), 3),
        ((torch.zeros(4, 2), ["a", "b", "c", "d"]), 4),
        (torch.nn.utils.rnn.pack_sequence([torch.zeros(3), torch.zeros(2)]), None),
        ("text", None),
        (torch.tensor(1.0), None),
    ],
)
def test_size_of_a_batch(batch: Any, size: int | None) -> None:
    assert size_of(batch) == size


def test_samples_are_taken_out_of_every_part() -> None:
    batch = {
        "image": torch.arange(8.0).view(4, 2),
        "names": ["a", "b", "c", "d"],
        "scale": torch.tensor(2.0),
        "mask": torch.eye(3),
    }
    left = without(batch, [1, 3])
    assert left["image"].tolist() == [[0, 1], [4, 5]]
    assert left["names"] == ["a", "c"]
    assert (left["scale"], left["mask"].shape) == (2.0, (3, 3))
    assert batch["image"].shape == (4, 2)
    assert repeated(batch, [3])["names"] == ["d"] * 4
    assert isinstance(only((torch.zeros(2, 2), torch.zeros(2)), [1]), tuple)


def test_a_pair_in_a_batch_of_two_stays_a_pair() -> None:
    x, y = without([torch.zeros(2, 3), torch.arange(2)], [0])
    assert (x.shape, y.tolist()) == ((1, 3), [1])


def test_batches_of_a_tokenizer_keep_their_kind() -> None:
    transformers = pytest.importorskip("transformers")
    batch = transformers.BatchEncoding({"input_ids": torch.arange(6).view(3, 2), "labels": torch.arange(3)})
    left = without(batch, [0])
    assert isinstance(left, transformers.BatchEncoding)
    assert left["input_ids"].tolist() == [[2, 3], [4, 5]]
    assert len(batch["labels"]) == 3


def test_places_are_the_first_element_that_is_not_finite_or_absurd() -> None:
    x = torch.randn(6, 2, 3)
    x[1, 0, 2] = math.inf
    x[4, 1, 1] = -1e6
    found = places((x, torch.arange(6)), (1, 4))
    assert [(p.sample, p.tensor, p.index, p.value) for p in found] == [
        (1, "[0]", (0, 2), math.inf),
        (4, "[0]", (1, 1), -1e6),
    ]


CLEAN: list[Callable[[], Any]] = [
    lambda: torch.eye(16)[3],  # a rare class
    lambda: torch.eye(16, 16),  # sparse features
    lambda: torch.randn(16, 20),
    lambda: torch.rand(16, 3, 8, 8) * 255,
    lambda: torch.randint(0, 50_000, (16, 12)),
    lambda: torch.randn(16, 20).exp(),
    lambda: torch.zeros(16, 4),
]


@pytest.mark.parametrize("make", CLEAN)
def test_no_place_is_named_in_ordinary_samples(make: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    assert places(make(), range(0, 16, 3)) == ()
