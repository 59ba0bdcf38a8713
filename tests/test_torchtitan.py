"""torchtitan: lines as its metrics processor formats them."""

from __future__ import annotations

import math

import pytest

from nanlog.model import MarkKind
from nanlog_parsers.torchtitan import PARSER
from text_logs import first_bad, marks, points, run_of

#: Colours of ``torchtitan.tools.utils.Color``, and of ``NoColor``.
COLOURS = {
    "colours": {name: f"\x1b[3{n}m" for n, name in enumerate(("red", "green", "orange", "blue", "cyan", "reset"), 1)},
    "none": dict.fromkeys(("red", "green", "orange", "blue", "cyan", "reset"), ""),
}


def line(step: int, loss: float, norm: float | None, colour: dict[str, str], prefix: str = "[rank0]:") -> str:
    gradient = "" if norm is None else f"{colour['orange']}grad_norm: {norm:7.4f}  "
    return (
        f"{prefix}[titan] 2025-06-01 12:00:00,123 - root - INFO - {colour['red']}step: {step:2}  "
        f"{colour['green']}loss: {loss:8.5f}  {gradient}{colour['blue']}memory: 30.07GiB(37.97%)  "
        f"tps: 7,123  {colour['cyan']}tflops: 412.20  mfu: 41.70%{colour['reset']}\n"
    )


def validation(step: int, loss: float) -> str:
    return (
        f"[rank0]:[titan] 2025-06-01 12:00:00,123 - root - INFO - validate step: {step:2}  loss: {loss:7.4f}  "
        "memory: 30.07GiB(37.97%)  tps: 7,123\n"
    )


@pytest.mark.parametrize("colour", COLOURS.values(), ids=list(COLOURS))
@pytest.mark.parametrize("norm", [1.7325, None])
def test_a_step_is_read_in_colour_and_without(colour: dict[str, str], norm: float | None) -> None:
    text = line(1, 8.2, norm, colour) + line(10, math.nan, norm, colour)
    assert PARSER.score("train.log", text.encode()) > 0.9
    run = run_of(PARSER, text)
    assert first_bad(run, "loss") == (10, 2)
    assert set(run.table) == ({"loss"} if norm is None else {"loss", "grad_norm"})
    assert run.unread_count == 0


def test_the_older_lines_without_a_name_are_read() -> None:
    text = "2024-09-01 12:00:00,123 - root - INFO - step: 10  loss:  7.0012  memory: 30.07GiB(37.97%)  wps: 7,123\n"
    assert PARSER.score("train.log", text.encode()) > 0.9
    assert points(run_of(PARSER, text), "loss") == {10: 7.0012}


def test_a_validation_is_one() -> None:
    run = run_of(PARSER, line(10, 7.0, 1.0, COLOURS["none"]) + validation(10, math.inf))
    assert points(run, "loss") == {10: 7.0}
    assert points(run, "val/loss") == {10: math.inf}


def test_ranks_are_kept_apart() -> None:
    text = "".join(
        line(k, 7.0 if rank else math.nan, 1.0, COLOURS["none"], f"[rank{rank}]:") for k in (1, 2) for rank in (0, 1)
    )
    run = run_of(PARSER, text)
    assert set(run.table) == {"loss", "grad_norm", "rank1/loss", "rank1/grad_norm"}
    assert first_bad(run, "loss") == (1, 1)
    assert first_bad(run, "rank1/loss") is None


def test_events() -> None:
    head = "[rank0]:[titan] 2025-06-01 12:00:00,123 - root - INFO - "
    run = run_of(
        PARSER,
        f"{head}Starting job: Llama 3 8B training\n{head}Loading the checkpoint from ./outputs/checkpoint/step-500.\n"
        f"{head}Training starts at step 501\n{line(510, 4.0, 1.0, COLOURS['none'])}"
        f"{head}Saving the checkpoint to ./outputs/checkpoint/step-510.\n{head}Training completed\n",
    )
    assert marks(run, MarkKind.START) == [(None, 1, "Llama 3 8B training")]
    assert marks(run, MarkKind.RESUME) == [(None, 2, "./outputs/checkpoint/step-500")]
    assert marks(run, MarkKind.CHECKPOINT) == [(510, 5, "./outputs/checkpoint/step-510")]
    assert marks(run, MarkKind.END) == [(510, 6, "")]


def test_a_line_that_is_cut_off_is_told() -> None:
    whole = line(1, 8.2, 1.0, COLOURS["none"])
    assert run_of(PARSER, whole + whole[: whole.index("loss: ") + 6]).unread_count == 1


@pytest.mark.parametrize("text", ["step: 3 loss: 2", "INFO step: 3  loss: 2.0", "", "[titan]"])
def test_other_logs_are_left_alone(text: str) -> None:
    assert PARSER.score("train.log", text.encode()) == 0.0
