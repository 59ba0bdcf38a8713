"""The points are those that TensorBoard reads, whatever the writer and however the file is cut."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_files import (
    FILES,
    as_tensorboard_reads,
    double,
    event,
    file_of,
    on_disk,
    read,
    read_folder,
    scalar,
    single,
    sub,
    varint,
    version,
    whole,
)
from nanlog_parsers.tensorboard._events import read_event
from nanlog_parsers.tensorboard._frames import stretches
from nanlog_parsers.tensorboard._rows import rows_of

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(file.parts[-4:]))
def test_the_same_points_as_tensorboard(file: Path) -> None:
    """TensorBoard ends at the first damage; until there the bits are the same."""
    own = [p.bits for p in read_folder({str(file): file.read_bytes()}).points if not p.series.startswith("nonfinite/")]
    theirs = as_tensorboard_reads(file)
    assert theirs
    assert own[: len(theirs)] == theirs
    assert len(own) == len(theirs) or "flipped" in str(file)


@pytest.mark.parametrize("file", FILES, ids=lambda file: "/".join(file.parts[-4:]))
@pytest.mark.parametrize("size", [1, 7, 100, 4099])
def test_pieces_may_be_cut_anywhere(file: Path, size: int) -> None:
    content = file.read_bytes()[:9000]
    assert read(content, size).said() == read(content).said()


def test_what_torch_writes(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    values = [2.5, NAN, INF, -INF, 0.0, -0.0, 1e-45, 3.4e38, 1e39]
    with SummaryWriter(str(tmp_path)) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("train/loss", value, step * 100_000)
            writer.add_scalar("custom", value, step, new_style=True)
            writer.add_scalar("precise", value, step, new_style=True, double_precision=True)
    found = on_disk(tmp_path)
    with np.errstate(over="ignore"):
        singles = np.array(values, np.float32).astype(np.float64).tolist()
    assert repr(found.series("loss")) == repr([(step * 100_000, value) for step, value in enumerate(singles)])
    assert repr(found.series("metric/custom")) == repr(list(enumerate(singles)))
    assert repr(found.series("metric/precise")) == repr(list(enumerate(values)))
    assert found.facts["framework"] == "pytorch"


def test_what_tensorboardx_writes(tmp_path: Path) -> None:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(tmp_path))
    for step in range(300):
        writer.add_scalar("loss", 1.0 / (step + 1), step, walltime=1e9 + step)
    writer.close()
    found = on_disk(tmp_path)
    assert [(p.step, p.line, p.time) for p in found.points] == [(k, k + 2, 1e9 + k) for k in range(300)]


#: DataType -> the field of TensorProto for its numbers, how they are packed there, and in ``tensor_content``
DTYPES: dict[int, tuple[int, Callable[[float], bytes], str]] = {
    1: (5, lambda v: struct.pack("<f", v), "<f4"),
    2: (6, lambda v: struct.pack("<d", v), "<f8"),
    3: (7, lambda v: varint(int(v)), "<i4"),
    4: (7, lambda v: varint(int(v)), "<u1"),
    5: (7, lambda v: varint(int(v)), "<i2"),
    6: (7, lambda v: varint(int(v)), "<i1"),
    9: (10, lambda v: varint(int(v)), "<i8"),
    10: (11, lambda v: varint(int(v)), "|b1"),
    17: (7, lambda v: varint(int(v)), "<u2"),
    19: (13, lambda v: varint(int.from_bytes(np.float16(v).tobytes(), "little")), "<f2"),
    22: (16, lambda v: varint(int(v)), "<u4"),
    23: (17, lambda v: varint(int(v)), "<u8"),
}


def tensor_event(step: int, tag: str, tensor: bytes, plugin: str = "scalars") -> bytes:
    metadata = sub(9, sub(1, sub(1, plugin.encode()))) if plugin else b""
    return event(step, sub(5, sub(1, sub(1, tag.encode()) + sub(8, tensor) + metadata)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", ["content", "packed", "repeated"])
def test_scalars_as_tensors_of_every_type(dtype: int, way: str) -> None:
    number, pack, form = DTYPES[dtype]
    value = 1.0 if dtype == 10 else -3.0 if form[1] in "fi" else 3.0
    if way == "content":
        field = sub(4, np.array([value]).astype(form).tobytes())
    elif way == "packed":
        field = sub(number, pack(value))
    else:
        wire = {5: 5, 6: 1}.get(number, 0)
        field = varint(number << 3 | wire) + pack(value)
    payloads = [tensor_event(step, "x", whole(1, dtype) + sub(2, b"") + field) for step in range(40)]
    found = read(file_of(version(), *payloads))
    assert found.series("metric/x") == [(step, value) for step in range(40)]
    assert not found.unread


def test_bfloat16() -> None:
    tensor = whole(1, 14) + sub(2, b"") + sub(4, b"\xc0\x7f")
    parts = whole(1, 14) + sub(2, b"") + whole(13, 0x3F80)
    found = read(file_of(version(), tensor_event(1, "x", tensor), tensor_event(2, "x", parts)))
    assert repr(found.series("metric/x")) == "[(1, nan), (2, 1.0)]"


def test_metadata_may_stand_with_the_first_value_alone() -> None:
    scalar_of = whole(1, 1) + sub(2, b"") + sub(4, struct.pack("<f", 0.5))
    text_of = whole(1, 1) + sub(2, b"") + sub(4, struct.pack("<f", 0.25))
    found = read(
        file_of(
            version(),
            tensor_event(1, "a", scalar_of),
            tensor_event(2, "a", scalar_of, plugin=""),
            tensor_event(1, "mesh", text_of, plugin="mesh"),
            tensor_event(2, "mesh", text_of, plugin=""),
        )
    )
    assert found.names == {"metric/a"}
    assert found.series("metric/a") == [(1, 0.5), (2, 0.5)]


def test_tensors_of_several_numbers_are_no_scalars() -> None:
    shape = sub(2, sub(2, whole(1, 2)))
    two = whole(1, 1) + shape + sub(4, struct.pack("<2f", 1, 2))
    none = whole(1, 1) + sub(2, sub(2, whole(1, 0)))
    unknown = whole(1, 1) + sub(2, whole(3, 1)) + sub(4, struct.pack("<f", 1))
    assert not read(file_of(version(), *(tensor_event(1, "x", t) for t in (two, none, unknown)))).points


def test_one_event_with_many_values() -> None:
    """As TensorFlow 1 writes a merged summary."""

    def merged(step: int) -> bytes:
        values = [sub(1, sub(1, tag) + single(2, step + place)) for place, tag in enumerate((b"loss", b"lr", b"acc"))]
        return event(step, sub(5, b"".join(values)))

    found = read(file_of(version(), *map(merged, range(500))))
    assert found.series("loss") == [(step, float(step)) for step in range(500)]
    assert found.series("metric/acc") == [(step, step + 2.0) for step in range(500)]
    assert [p.line for p in found.points] == sorted(p.line for p in found.points)
    assert [p.tag for p in found.points[:6]] == ["loss", "lr", "acc"] * 2


@pytest.mark.parametrize("steps", [[0, 1, 127, 128, 129], [16383, 16384, 2**21, 2**28], [2**49, 2**62], [-1, -5, 0]])
def test_steps_of_every_length(steps: list[int]) -> None:
    payloads = [scalar("loss", float(place), step) for place, step in enumerate(steps * 30)]
    assert [p.step for p in read(file_of(version(), *payloads)).points] == steps * 30


def test_fields_in_another_order_are_read_one_by_one() -> None:
    summary = sub(5, sub(1, single(2, 0.5) + sub(1, b"loss")))
    payloads = [summary + whole(2, 7) + double(1, 1e9), whole(2, 8) + summary, summary + summary]
    found = read(file_of(version(), *payloads))
    assert found.series("loss") == [(7, 0.5), (8, 0.5), (0, 0.5), (0, 0.5)]


numbers = st.floats(width=32)
texts = st.text(max_size=30)


@given(
    points=st.lists(
        st.tuples(texts, numbers, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False)), max_size=40
    ),
    size=st.integers(1, 300),
)
def test_any_scalars(points: list[tuple[str, float, int, float]], size: int) -> None:
    content = file_of(version(), *(scalar(tag, value, step, time=time) for tag, value, step, time in points))
    found = read(content, size).points
    assert [(p.tag, p.step, p.line) for p in found] == [(t, s, k) for k, (t, _, s, _) in enumerate(points, 2)]
    expected = [struct.pack("<fd", value, time) for _, value, _, time in points]
    assert [struct.pack("<fd", p.value, p.time) for p in found] == expected


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([0, 1, 200]), numbers), min_size=1, max_size=60))
def test_columns_say_what_the_grammar_says(points: list[tuple[str, int, float]]) -> None:
    """Every field that is taken out of many records at once is the one that each record holds."""
    content = file_of(*(scalar(tag, value, step, time=1e9 + value) for tag, step, value in points))
    (stretch,) = (s for s in stretches([content]) if len(s.starts))
    seen = 0
    for rows in rows_of(stretch.data, stretch.starts, stretch.lengths):
        events = [read_event(rows.frames[k, -4 - rows.length : -4].tobytes()) for k in range(len(rows))]
        assert rows.steps().tolist() == [e.step for e in events]
        assert rows.times().tobytes() == struct.pack(f"<{len(events)}d", *(e.time for e in events))
        assert [repr(v) for v in rows.numbers(4, "<f4").tolist()] == [repr(e.values[0].number) for e in events]
        seen += len(rows)
    assert seen == len(points)
