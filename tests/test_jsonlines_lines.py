"""JSON lines: all lines of a shape at once, and each on its own, give the same points."""

from __future__ import annotations

import json
import math
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_logs import Sample, samples_of
from nanlog.model import Block, Fact, Mark, MarkKind, Unread
from nanlog.testing._texts import Texts
from nanlog_parsers.jsonlines import PARSER, _lines

Points = dict[str, list[tuple[int, float, int]]]

SAMPLES = samples_of("jsonlines")


def blocks(text: bytes | str, size: int = 1 << 21, name: str = "log") -> list[Block]:
    content = text.encode() if isinstance(text, str) else text
    return list(PARSER.read(Texts(name, {name: content}, size)))


def points(found: list[Block], *, exact: bool = False) -> dict[str, list[Any]]:
    """Step, value (or its bits) and line of all points, by name."""
    series: dict[str, list[Any]] = {}
    for block in found:
        columns = (block.code.tolist(), block.step.tolist(), block.value.tolist(), block.line.tolist())
        for code, step, value, line in zip(*columns, strict=True):
            shown = struct.pack("d", value) if exact and not math.isnan(value) else repr(value)
            series.setdefault(block.series[code].name, []).append((step, shown if exact else value, line))
    return series


def read(text: bytes | str) -> Points:
    return points(blocks(text))


def marks(text: str) -> list[Mark]:
    return [mark for block in blocks(text) for mark in block.marks]


def facts(text: str) -> dict[str, Fact]:
    return {fact.key: fact for block in blocks(text) for fact in block.facts}


def unread(text: bytes | str) -> list[Unread]:
    return [unread for block in blocks(text) for unread in block.unread]


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(_lines, "_FEW", 1 << 40)
        yield


def two_ways(text: bytes, size: int = 1 << 21) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """What is read with and without shapes."""
    ways = []
    usual = _lines._FEW
    for few in (1, 1 << 40):
        _lines._FEW = few
        try:
            found = blocks(text, size)
        finally:
            _lines._FEW = usual
        told = points(found, exact=True)
        told["unread"] = [(each.line, each.why) for block in found for each in block.unread]
        ways.append(told)
    return ways[0], ways[1]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_first_bad_step_and_line_of_each_series(sample: Sample) -> None:
    found = blocks(sample.log.read_bytes())
    originals = {info.original: info.name for block in found for info in block.series}
    series = points(found)
    for original, step in sample.label.get("onset_by_series", {}).items():
        bad = next(point for point in series[originals[original]] if not math.isfinite(point[1]))
        assert bad[0] == step
        if original == sample.label["series"]:
            assert bad[2] == sample.label["onset_line"]
    finite = set(originals) - set(sample.label.get("onset_by_series", {}))
    assert all(math.isfinite(value) for name in finite for _, value, _ in series[originals[name]])


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_real_logs_are_read_the_same_both_ways(sample: Sample) -> None:
    at_once, each = two_ways(sample.log.read_bytes())
    assert at_once == each


names = st.sampled_from(["step", "loss", "lr", "grad norm", "a,b", "c:d", "é", "x.y", 'q"u', "val_loss", "{", "epoch"])
values = st.one_of(
    st.floats(),
    st.floats(),
    st.integers(-(10**20), 10**20),
    st.none(),
    st.booleans(),
    st.sampled_from(["nan", "1e-3", "word", "two words", "12:30:01", "", "a, b", "{", "\\", "é", "-inf", "val", "1,5"]),
    st.lists(st.integers(), max_size=2),
)
objects = st.recursive(
    st.dictionaries(names, values, max_size=5), lambda inner: st.dictionaries(names, values | inner, max_size=4)
)
styles: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"separators": (",", ":")}, {"separators": (",", ": ")}, {"ensure_ascii": False}]
)
odd_lines = st.sampled_from(
    ["", "text", "{", '{"loss": }', '{"loss": 1', "[1]", "nan", '{"loss": nan, "step": 1}', "1,2}"]
)


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Lines of a few kinds, each with other numbers."""
    kinds = draw(st.lists(objects, min_size=1, max_size=3))
    lines = []
    for _ in range(draw(st.integers(1, 25))):
        kind = dict(draw(st.sampled_from(kinds)))
        for name in kind:
            if name in ("step", "epoch"):
                kind[name] = draw(st.integers(0, 9))
            elif isinstance(kind[name], float | int) and draw(st.booleans()):
                kind[name] = draw(st.floats() | st.integers(0, 9))
        lines.append(json.dumps(kind, **draw(styles)) if draw(st.integers(0, 9)) else draw(odd_lines))
    return "\n".join(lines).encode() + draw(st.sampled_from([b"", b"\n", b'\n{"loss": 1']))


@given(logs(), st.sampled_from([1 << 21, 200]))
def test_lines_of_any_shape_are_read_the_same_both_ways(text: bytes, size: int) -> None:
    at_once, each = two_ways(text, size)
    assert at_once == each


@given(st.binary(max_size=300))
def test_no_bytes_raise(text: bytes) -> None:
    line = b'{"step": 1, "loss": 2.5}\n'
    two_ways(line + text + b"\n" + line)


@given(st.floats(allow_nan=False))
def test_a_float_is_read_to_its_last_bit(value: float) -> None:
    text = "".join(json.dumps({"step": step, "loss": value}) + "\n" for step in range(3)).encode()
    at_once, each = two_ways(text)
    assert at_once == each
    assert {shown for _, shown, _ in each["loss"]} == {struct.pack("d", value)}


def test_keys_in_another_order_are_not_mixed_up() -> None:
    lines = ['{"step": %d, "loss": 2.0, "lr": 0.1}', '{"step": %d, "lr": 0.1, "loss": 2.0}'] * 200
    found = read("".join(line % step + "\n" for step, line in enumerate(lines)))
    assert {value for _, value, _ in found["loss"]} == {2.0}
    assert [step for step, _, _ in found["loss"]] == list(range(400))


def test_a_number_that_is_broken_is_not_read_as_another() -> None:
    lines = ['{"step": 1, "loss": 2.5}'] * 200
    lines[50] = '{"step": 1, "loss": 2,5}'
    lines[60] = '{"step": 1, "loss": 2:5}'
    lines[70] = '{"step": 1, "loss": 2.5} {"step": 1, "loss": 9}'
    text = "\n".join(lines)
    assert {value for _, value, _ in read(text)["loss"]} == {2.5}
    assert [each.line for each in unread(text)] == [51, 61, 71]


def test_null_is_not_logged() -> None:
    rows = [{"step": k, "loss": 1.0, "val_loss": 0.5 if k % 10 == 0 else None} for k in range(100)]
    assert [step for step, _, _ in read("\n".join(map(json.dumps, rows)))["val/loss"]] == list(range(0, 100, 10))


def test_a_loss_that_turns_to_null_for_good_was_nan() -> None:
    """orjson, JSON.stringify and pandas write NaN so."""
    rows: list[dict[str, Any]] = [{"step": k, "loss": 1.0, "acc": 0.1} for k in range(30)]
    rows += [{"step": k, "loss": None, "acc": 0.1} for k in range(30, 40)]
    text = "\n".join(map(json.dumps, rows)) + "\n"
    bad = [(step, line) for step, value, line in read(text)["loss"] if math.isnan(value)]
    assert bad == [(step, step + 1) for step in range(30, 40)]
    assert [(mark.kind, mark.step, mark.line) for mark in marks(text)] == [(MarkKind.NOTE, 30, 31)]


@pytest.mark.parametrize(
    "last",
    [
        [{"step": 40, "loss": 2.0, "acc": 0.1}],  # it comes back
        [{"step": 40, "loss": math.nan, "acc": 0.1}],  # the writer can write NaN
    ],
)
def test_nulls_are_not_taken_for_nan_without_reason(last: list[dict[str, Any]]) -> None:
    rows: list[dict[str, Any]] = [{"step": k, "loss": 1.0, "acc": 0.1} for k in range(30)]
    rows += [{"step": k, "loss": None, "acc": 0.1} for k in range(30, 40)] + last
    assert [step for step, _, _ in read("\n".join(map(json.dumps, rows)))["loss"]] == [*range(30), 40]


def test_a_summary_without_the_loss_is_not_its_end() -> None:
    rows: list[dict[str, Any]] = [{"step": k, "loss": 1.0, "test_acc": None} for k in range(30)]
    rows.append({"step": 30, "loss": None, "test_acc": 0.9})
    assert len(read("\n".join(map(json.dumps, rows)))["loss"]) == 30


@pytest.mark.parametrize("key", ["split", "phase", "mode", "stage"])
@pytest.mark.parametrize("few", [2, 300])
def test_the_data_that_a_key_names(key: str, few: int) -> None:
    rows = [{key: data, "epoch": k, "loss": 1.0 + (data == "val")} for k in range(few) for data in ("train", "val")]
    found = read("\n".join(map(json.dumps, rows)))
    assert {value for _, value, _ in found["loss"]} == {1.0}
    assert {value for _, value, _ in found["val/loss"]} == {2.0}
    assert [step for step, _, _ in found["val/loss"]] == list(range(few))


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        ({"step": 7, "epoch": 0.3}, 7),
        ({"global_step": 7, "step": 3}, 7),
        ({"trainer/global_step": 7, "_step": 9}, 7),
        ({"iteration": 7}, 7),
        ({"iter": 7, "epoch": 1}, 7),
        ({"it": 7}, 7),
        ({"num_updates": "7", "update": 0.25, "epoch": 1}, 7),
        ({"_step": 7, "_timestamp": 1.7e9}, 7),
        ({"epoch": 7}, 7),
        ({"train": {"step": 7}}, 7),
        ({"Epoch": 7.0}, 7),
    ],
)
def test_where_the_step_stands(counters: dict[str, Any], expected: int) -> None:
    text = json.dumps({**counters, "loss": 1.0}) + "\n"
    assert read(text)["loss"] == [(expected, 1.0, 1)]


@pytest.mark.parametrize(
    ("counters", "expected"),
    [
        (lambda n: {"current_steps": 10 * n, "total_steps": 1000}, 10),
        (lambda n: {"total_steps": 1000, "max_steps": 2000, "epoch": n}, 1),
        (lambda n: {"total_timesteps": 2048 * n}, 2048),
        (lambda n: {"epoch": n, "iter": 390}, 1),
        (lambda n: {"opt_step": 5 * n, "tokens_seen": 4096 * n}, 5),
        (lambda n: {"trained_steps": 5 * n}, 5),
        (lambda n: {"consumed_samples": 512 * n, "loss_weight": 1}, 512),
        (lambda n: {"num_tokens": 512 * n, "epoch": 0.5 * n}, 512),
        (lambda n: {"samples_seen": 512 * n, "epoch": n}, 1),
        (lambda n: {"env_steps": 64 * n, "episode": n}, 64),
        (lambda n: {"n_updates": 4 * n, "steps_per_epoch": 100}, 4),
        (lambda n: {"tokens": 500 - n, "steps_per_sec": n, "step_num": 3 * n}, 3),
    ],
)
@pytest.mark.parametrize("count", [5, 300])
def test_which_of_several_counters_is_the_step(
    counters: Callable[[int], dict[str, float]], expected: int, count: int
) -> None:
    text = "".join(json.dumps({**counters(n), "loss": 1 / n}) + "\n" for n in range(1, count))
    assert [step for step, _, _ in read(text)["loss"]] == [expected * n for n in range(1, count)]


def test_a_log_without_a_loss_has_what_is_minimised() -> None:
    text = "".join(json.dumps({"step": n, "acc": 0.5, "rmse": 1 / n}) + "\n" for n in range(1, 9))
    assert set(read(text)) == {"metric/acc", "loss"}
    with_evaluation = text + '{"step": 8, "phase": "val", "rmse": 0.25}\n'
    assert read(with_evaluation)["val/metric/rmse"] == [(8, 0.25, 9)]
    named = text.replace("acc", "loss")
    assert set(read(named)) == {"loss", "metric/rmse"}


def test_a_key_without_a_telling_name_counts() -> None:
    text = "".join(json.dumps({"k": 5 * k, "loss": 1.0}) + "\n" for k in range(4))
    assert [step for step, _, _ in read(text)["loss"]] == [0, 5, 10, 15]


def test_iterations_that_begin_anew_with_each_epoch_are_counted_through() -> None:
    """As mmcv 1 writes them; the validation names the length of its own data."""
    rows: list[dict[str, Any]] = []
    for epoch in (1, 2, 3):
        rows += [{"mode": "train", "epoch": epoch, "iter": it, "loss": 1.0} for it in (50, 100)]
        rows.append({"mode": "val", "epoch": epoch, "iter": 625, "acc": 0.5})
    found = read("\n".join(map(json.dumps, rows)))
    assert [step for step, _, _ in found["loss"]] == [50, 100, 150, 200, 250, 300]
    assert [step for step, _, _ in found["val/metric/acc"]] == [100, 200, 300][-len(found["val/metric/acc"]) :]


def test_an_evaluation_that_names_its_epoch_only_is_dated_by_the_row_before() -> None:
    rows = [{"step": 10, "epoch": 0, "loss": 1.0}, {"epoch": 0, "val_loss": 2.0}, {"step": 20, "epoch": 1, "loss": 1.0}]
    assert read("\n".join(map(json.dumps, rows)))["val/loss"] == [(10, 2.0, 2)]


def test_names_and_values_of_one_scalar_a_line() -> None:
    rows = [{"step": k, "name": name, "value": k + 0.5} for k in range(3) for name in ("train/loss", "lr")]
    found = read("\n".join(map(json.dumps, rows)))
    assert found["loss"] == [(0, 0.5, 1), (1, 1.5, 3), (2, 2.5, 5)]
    assert set(found) == {"loss", "lr"}


def test_objects_in_objects() -> None:
    text = json.dumps({"step": 1, "metrics": {"loss": 2.0}, "grads": {"fc.bias": 0.5}, "betas": [0.9, 0.99]})
    assert read(text) == {"loss": [(1, 2.0, 1)], "grad_norm/fc.bias": [(1, 0.5, 1)]}


def test_fairseq_writes_text_before_the_object() -> None:
    head = "2021-06-01 12:00:00 | INFO | "
    text = head + "fairseq.tasks.translation | [de] dictionary: 8848 types\n"
    for k in range(1, 4):
        inner = {
            "epoch": 1,
            "update": k / 10,
            "loss": f"{9 - k}",
            "num_updates": f"{k}00",
            "gnorm": "nan",
            "lr": "1e-05",
        }
        text += f"{head}train_inner | {json.dumps(inner)}\n"
    text += f"{head}valid | " + json.dumps({"epoch": 1, "valid_loss": "7.5", "valid_num_updates": "300"}) + "\n"
    found = read(text)
    assert found["loss"] == [(100, 8.0, 2), (200, 7.0, 3), (300, 6.0, 4)]
    assert found["val/loss"] == [(300, 7.5, 5)]
    assert all(math.isnan(value) for _, value, _ in found["grad_norm"])
    assert PARSER.score("log", text.encode()) > 0.4


def test_settings_at_the_beginning_are_facts() -> None:
    text = json.dumps({"config": {"lr": 0.1, "precision": "fp16", "epochs": 90}}) + "\n"
    text += "".join(json.dumps({"step": k, "loss": 1.0}) + "\n" for k in range(5))
    assert set(read(text)) == {"loss"}
    found = facts(text)
    assert found["hparams.lr"].value == 0.1
    assert (found["hparams.precision"].value, found["hparams.precision"].line) == ("fp16", 1)


def test_events_that_are_sure() -> None:
    text = "\n".join(
        [
            '{"step": 10, "loss": 1.0, "msg": "loss went down, no checkpoint is better than the saved one of before"}',
            '{"step": 10, "event": "checkpoint saved", "path": "ckpt-10.pt"}',
            '{"event": "crashed", "exception": "Traceback (most recent call):\\n  ...\\nRuntimeError: nan in loss"}',
        ]
    )
    assert [(mark.kind, mark.step, mark.line, mark.text) for mark in marks(text)] == [
        (MarkKind.CHECKPOINT, 10, 2, "ckpt-10.pt"),
        (MarkKind.EXCEPTION, None, 3, "RuntimeError: nan in loss"),
    ]


def test_broken_lines_are_unread_and_a_cut_one_is_not() -> None:
    text = '{"step": 1, "loss": 2}\n{"step": 2, "lo\nsome text\n{"step": 3, "loss": 4}\n{"step": 4, "lo'
    assert [each.line for each in unread(text)] == [2]
    assert [step for step, _, _ in read(text)["loss"]] == [1, 3]


@pytest.mark.parametrize("text", ["nan", "-nan", "NAN", "inf", "-inf", "Infinity", "-Infinity", '"nan"', '"inf"'])
@pytest.mark.parametrize("few", [2, 300])
def test_every_way_to_write_a_non_finite_number(text: str, few: int) -> None:
    found = read("".join(f'{{"step": {k}, "loss": {text}}}\n' for k in range(few)))["loss"]
    assert len(found) == few
    for _, value, _ in found:
        assert math.isnan(value) if "nan" in text.lower() else value == math.inf * (-1 if "-" in text else 1)


def test_the_time_of_each_point() -> None:
    text = '{"_step": 0, "_timestamp": 1700000000.5, "_runtime": 1.5, "loss": 1.0}\n'
    (block,) = [block for block in blocks(text) if block.series]
    assert block.time is not None
    assert set(block.time.tolist()) == {1700000000.5}


def test_lines_without_shape_take_linear_time() -> None:
    began = time.monotonic()
    for line in ('{"a":' * 50, '{"s": "' + "x" * 400, "{" * 400, '{"k": [' + "1," * 200, '"' * 300 + "{"):
        blocks((line + "\n") * 3000)
    blocks('{"loss": ' + "9" * 3_000_000 + "}\n" + "{" * 3_000_000)
    blocks("".join(f'{{"k{k}": 1, "loss": 2}}\n' for k in range(20_000)))
    assert time.monotonic() - began < 30
