"""The walk over inputs: what no training can learn from is listed, what is merely large is not."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from nanlog.replay.worker.inputs import Bounds, bounds_of, scan, scanned


def batches(count: int = 20, size: int = 8) -> list[tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    return [(torch.randn(size, 3, 4), torch.randint(0, 10, (size,))) for _ in range(count)]


def test_clean_inputs_have_no_suspects() -> None:
    found = scanned(batches(), Bounds(classes=10))
    assert (found.batches, found.samples, found.suspects, found.why_ended) == (20, 160, (), None)
    image, label = found.ranges
    assert (image.tensor, label.tensor) == ("input", "label")
    assert image.median == pytest.approx(2, rel=0.5)
    assert (label.minimum, label.maximum) == (0, 9)


def test_what_is_not_finite_is_named_with_its_place() -> None:
    given = batches()
    given[3][0][5, 2, 1] = math.nan
    given[7][0][1, 0, 0] = -math.inf
    given[7][0][1, 0, 3] = math.inf
    found = scanned(given)
    assert [(s.batch, s.sample, s.tensor, s.problem, s.index) for s in found.suspects] == [
        (3, 5, "input", "nonfinite", (2, 1)),
        (7, 1, "input", "nonfinite", (0, 0)),
    ]
    assert found.suspects[1].says == "input[0, 0] is -inf and 1 more"
    assert found.counts == (("nonfinite", 2),)


def test_absurd_values_stand_out_of_the_whole_walk() -> None:
    given = batches()
    given[4][0][2, 1, 1] = 1e6
    given[9][0][0] *= 400
    found = scanned(given)
    assert [(s.batch, s.sample, s.problem) for s in found.suspects] == [(4, 2, "absurd"), (9, 0, "absurd")]
    assert found.suspects[0].value == 1e6


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.randn(8, 30),
        lambda: torch.rand(8, 30) * 255,
        lambda: torch.randn(8, 30).exp(),
        lambda: (torch.rand(8, 30) > 0.9).float() * torch.rand(8, 1) * 1e3,
        lambda: 10 ** (torch.rand(8, 1) * 8) * torch.ones(8, 4),  # prices: eight decades are usual here
        lambda: torch.zeros(8, 4),
    ],
)
def test_wide_but_ordinary_data_are_not_absurd(make: Any) -> None:
    torch.manual_seed(1)
    assert scanned([make() for _ in range(50)]).suspects == ()


def test_labels_out_of_range() -> None:
    given = batches()
    given[2][1][3] = 10
    given[5][1][1] = -1
    given[6][1][0] = -100  # the label that losses ignore
    found = scanned(given, Bounds(classes=10))
    assert [(s.batch, s.sample, s.value) for s in found.suspects] == [(2, 3, 10), (5, 1, -1)]
    assert "there are 10 classes (0 to 9)" in found.suspects[0].says


def test_few_labels_beyond_the_last_layer_are_out_of_range_and_many_are_identities() -> None:
    given = batches()
    given[2][1][3] = 12
    assert [s.value for s in scanned(given, Bounds(width=10)).suspects] == [12]
    identities = [(x, y * 100) for x, y in given]
    assert scanned(identities, Bounds(width=10)).suspects == ()


def test_tokens_beyond_the_embedding() -> None:
    tokens = torch.randint(0, 100, (4, 6))
    tokens[2, 5] = 100
    (found,) = scanned([{"input_ids": tokens, "labels": tokens}], Bounds(vocabulary=100)).suspects
    assert (found.tensor, found.index, found.value) == ("input", (5,), 100)


def test_bounds_are_read_from_the_model() -> None:
    model = nn.Sequential(nn.Embedding(100, 8), nn.Linear(8, 10))
    assert bounds_of(model) == Bounds(None, 10, 100)
    model.num_classes = 7
    assert bounds_of(model).classes == 7
    assert bounds_of(nn.Linear(3, 1)) == Bounds()


def test_a_default_of_a_configuration_is_no_number_of_classes() -> None:
    class Config:
        num_labels = 2

    model = nn.Linear(8, 40)
    model.config = Config()
    assert bounds_of(model) == Bounds(None, 40)
    head = nn.Sequential(nn.Linear(8, 40), nn.Linear(40, 2))
    head.config = Config()
    assert bounds_of(head) == Bounds(2, 2)


def test_a_data_set_that_raises_ends_the_walk_with_a_sentence() -> None:
    def broken() -> Iterator[Any]:
        yield from batches(2)
        raise OSError("truncated file: image_17.jpg")

    found = scanned(broken())
    assert found.batches == 2
    assert found.why_ended is not None
    assert found.why_ended.startswith("batch 2 could not be read: OSError: truncated file: image_17.jpg")


def test_progress_is_told_and_the_walk_is_bounded() -> None:
    told: list[int] = []
    found = scanned((b for b in batches(30)), tell=told.append, most=10)
    assert told == list(range(1, 11))
    assert found.why_ended == "10 batches were read, the most that are"


def test_odd_batches_do_no_harm() -> None:
    odd = [
        None,
        "text",
        torch.tensor(3.0),
        torch.zeros(0, 4),
        torch.zeros(4, 0),
        {"a": torch.randn(3).to_sparse(), "b": [torch.zeros(2), "x"]},
        torch.randn(3, 2, dtype=torch.complex64),
        torch.zeros(2, 2, dtype=torch.bool),
        torch.randn(2, 2).to(torch.float8_e4m3fn),
        (torch.randn(2, 2, dtype=torch.float64) * 1e300,),
    ]
    found = scanned(odd)
    assert found.batches == len(odd)
    assert found.why_ended is None


def test_memory_does_not_grow_with_the_walk() -> None:
    def endless(count: int) -> Iterator[torch.Tensor]:
        for _ in range(count):
            yield torch.full((16, 4), math.nan)

    scanned(endless(10))
    tracemalloc.start()
    try:
        found = scanned(endless(400))
        first = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert dict(found.counts) == {"nonfinite": 6400}
    assert len(found.suspects) == 1000
    assert found.notes == ("5400 more are counted but not listed",)
    assert first < 4 << 20


class Given:
    """What ``scan`` needs of a training."""

    def __init__(self, given: Any) -> None:
        self.model = nn.Linear(3, 10)
        self.batches = type("Batches", (), {"given": given})()
        self.given = given

    def batch(self, step: int) -> Any:
        if step >= 5:
            raise LookupError
        return self.given(step)


@pytest.mark.parametrize(
    "given",
    [
        torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(10, 3), torch.arange(10)), batch_size=2),
        [(torch.zeros(2, 3), torch.arange(2))] * 5,
        dict.fromkeys(range(5), (torch.zeros(2, 3), torch.arange(2))),
        lambda step: (torch.zeros(2, 3), torch.arange(2)),
    ],
    ids=["loader", "list", "mapping", "function"],
)
def test_every_batch_of_a_training_is_read_once(given: Any) -> None:
    sent: list[Any] = []
    scan(Given(given), None, lambda event, **content: sent.append((event, content)))  # type: ignore[arg-type]
    ((event, content),) = sent
    assert event == "scan"
    assert (content["scan"].batches, content["scan"].samples) == (5, 10)
