"""Logs hardly two lines of which are worded alike: names of files, hashes, users, samples of text on every line."""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable

import numpy as np
import pytest

from nanlog.model import MarkKind
from nanlog_parsers.text import PARSER
from text_logs import marks, run_of

Line = Callable[[random.Random, int], str]

_TEXT = "the model of a cat is not what it was when we began to look, and so (said the dog) none of it holds; why?"
_PROSE = _TEXT.split()


def _word(rng: random.Random, length: int = 12) -> str:
    return "".join(rng.choices(string.ascii_letters, k=length))


def _prose(rng: random.Random) -> str:
    return " ".join(
        rng.choice(_PROSE) if rng.random() < 0.9 else str(rng.randrange(99)) for _ in range(rng.randrange(20))
    )


#: How a line says its loss (k / 1000) and that the rate is 0.1.
LINES: dict[str, Line] = {
    "a word behind": lambda rng, k: f"step {k} lr 0.1 loss {k / 1000} {_word(rng)}",
    "a hash behind": lambda rng, k: f"step {k} lr 0.1 loss {k / 1000} {rng.getrandbits(48):012x}",
    "a word before": lambda rng, k: f"{_word(rng)}: step {k} loss {k / 1000} lr 0.1",
    "a file in brackets": lambda rng, k: (
        f"2026-11-23 12:00:{k % 60:02d} step {k} [{_word(rng)}.jpg] loss={k / 1000} lr=0.1"
    ),
    "a user between": lambda rng, k: f"step {k} user {_word(rng, 5)} loss {k / 1000} lr 0.1",
    "pairs": lambda rng, k: (
        f"step={k} loss={k / 1000} file={_word(rng)} id={rng.getrandbits(32):x} user={_word(rng, 3)} lr=0.1"
    ),
    "objects": lambda rng, k: f"step {k}: {{'loss': {k / 1000}, 'id': '{_word(rng)}', 'lr': 0.1}}",
    "text behind": lambda rng, k: f"step {k} | loss {k / 1000} | lr 0.1 | sample: {_prose(rng)}",
    "a metric behind": lambda rng, k: f"step {k} loss {k / 1000} lr 0.1 metric_{k}=0.5",
    "some of many metrics": lambda rng, k: (
        f"step {k} loss={k / 1000} " + " ".join(f"task{rng.randrange(1000)}=0.5" for _ in range(4)) + " lr=0.1"
    ),
    "a class in brackets": lambda rng, k: f"step {k} loss {k / 1000} precision[class {k}]=0.5 lr=0.1",
    "names beyond Latin-1": lambda rng, k: (
        f"step {k} loss={k / 1000} {_word(rng)}, \u640d\u5931={k / 1000}, {_word(rng)}, \ufffd\u640d={k / 1000} lr=0.1"
    ),
    "the loss at a step": lambda rng, k: f"{_word(rng)} loss at iteration {k}: {k / 1000}, lr: 0.1",
}


def _log(kind: str, count: int) -> str:
    rng = random.Random(7)  # noqa: S311
    return "".join(LINES[kind](rng, k) + "\n" for k in range(count))


@pytest.mark.parametrize("count", [100, 1000, 30_000])
@pytest.mark.parametrize("kind", LINES)
def test_every_line_means_the_same(kind: str, count: int) -> None:
    table = run_of(PARSER, _log(kind, count)).table
    steps = np.arange(count)
    np.testing.assert_array_equal(table["loss"].step, steps)
    np.testing.assert_allclose(table["loss"].value, steps / 1000)
    np.testing.assert_array_equal(table["lr"].step, steps)
    assert (table["lr"].value == 0.1).all()


def test_a_word_on_each_line_costs_no_series() -> None:
    assert set(run_of(PARSER, _log("a word behind", 30_000)).table) == {"loss", "lr"}


def test_names_that_never_come_again_are_counted() -> None:
    run = run_of(PARSER, _log("a metric behind", 30_000))
    kept = [name for name in run.table if name.startswith("metric/")]
    assert len(kept) <= 2000
    [(_, line, text)] = marks(run, MarkKind.NOTE)
    assert text.startswith(f"{30_000 - len(kept):,} numbers are not read")
    assert line == len(kept) + 1


def test_names_that_come_again_late_are_read() -> None:
    lines = [
        f"step {k} loss 1.5 {f'recall={k / 1e5}' if k > 25_000 and k % 10 == 0 else f'm{k}=0.5'}" for k in range(30_000)
    ]
    table = run_of(PARSER, "\n".join(lines)).table
    assert table["metric/recall"].step.tolist() == list(range(25_010, 30_000, 10))


def test_a_nan_among_them_is_found() -> None:
    lines = _log("a word behind", 30_000).splitlines()
    lines[29_000] = "step 29000 lr 0.1 loss nan kJhGfDsA"
    loss = run_of(PARSER, "\n".join(lines)).table["loss"]
    assert loss.step[np.isnan(loss.value)].tolist() == [29_000]
    assert loss.line[np.isnan(loss.value)].tolist() == [29_001]


def test_ranks_are_told_apart() -> None:
    rng = random.Random(7)  # noqa: S311
    log = "".join(f"[rank{k % 2}]: step {k // 2} loss {k % 2} {_word(rng)}\n" for k in range(2000))
    table = run_of(PARSER, log).table
    assert (table["loss"].value == 0).all() and (table["rank1/loss"].value == 1).all()
    assert len(table["loss"].step) == len(table["rank1/loss"].step) == 1000


def test_the_word_of_a_pair_is_no_part_of_the_next_name() -> None:
    assert set(run_of(PARSER, "step=1 user=kim lr=0.1 loss=2.5\nstep=2 user=bob lr=0.1 loss=2.4\n").table) == {
        "lr",
        "loss",
    }


@pytest.mark.parametrize("kind", ["a word behind", "a metric behind", "some of many metrics"])
def test_takes_time_in_proportion(kind: str) -> None:
    start = time.perf_counter()
    run_of(PARSER, _log(kind, 10_000))
    short = time.perf_counter() - start
    start = time.perf_counter()
    run_of(PARSER, _log(kind, 60_000))
    assert time.perf_counter() - start < 12 * short + 2


def test_all_of_many_numbers_on_a_line_are_read() -> None:
    log = "".join(
        f"step {k} loss 1.5 " + " ".join(f"layer{n}.grad_norm={n}" for n in range(700)) + "\n" for k in range(9)
    )
    table = run_of(PARSER, log).table
    assert sum(len(series.step) for series in table.values()) == 9 * 701


def test_a_line_of_too_many_numbers_is_said_to_be_unread() -> None:
    wide = "step 2 loss 1.5 " + " ".join(f"m{n}=1" for n in range(3000))
    run = run_of(PARSER, f"step 1 loss 1.5\n{wide}\nstep 3 loss 1.5\n[{'0.5 ' * 3000}]\n")
    assert [(unread.line, unread.why) for unread in run.unread] == [
        (2, "a line that is too long, or has too many numbers")
    ]
