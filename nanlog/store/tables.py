"""Run <-> the tables it is kept in.

=============  ========================================================================================================
table          columns
=============  ========================================================================================================
``points``     ``series``, ``step`` (null where the log does not date the point), ``value``, ``line``, ``attempt``,
               ``file``, ``time`` (POSIX seconds, null where the log has none); series after series, the points of each
               in the order logged
``series``     one row per series: the fields of :class:`nanlog.model.SeriesInfo`, ``points`` (how many) and
               ``has_time``
``facts``      ``key``, ``type`` (str, float, int or bool), ``value`` as text, ``number`` (null for text), ``file``,
               ``line``
``marks``      the fields of :class:`nanlog.model.Mark`
``unread``     the fields of :class:`nanlog.model.Unread`
=============  ========================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nanlog.frames import rows_of
from nanlog.model import (
    NO_STEP,
    Fact,
    FactValue,
    Mark,
    MarkKind,
    Phase,
    Run,
    Series,
    SeriesInfo,
    Stage,
    Unread,
)

from .arrow import codes_of, few_words, flags, no_numbers, numbers, numbers_of, text, words

if TYPE_CHECKING:
    import pyarrow as pa

Scalar = TypeVar("Scalar", np.int64, np.float64)
Row = dict[str, Any]

#: Points of several series are written together up to this number.
_ROWS = 1 << 18


def tables_of(run: Run) -> dict[str, Iterable[pa.Table]]:
    """The tables by name, each as the parts it is to be written in."""
    return {
        "points": points_tables(run),
        "series": [series_table(tuple(run.table.values()))],
        "facts": [facts_table(run.facts)],
        "marks": [marks_table(run.marks)],
        "unread": [unread_table(run.unread)],
    }


def points_tables(run: Run) -> Iterator[pa.Table]:
    """The points in parts of whole series, so that writing them takes little memory; one part at least."""
    names = tuple(run.table)
    for part in _parts([len(series) for series in run.table.values()]):
        rows = rows_of(tuple(run.table.values())[part])
        yield _table(
            series=words(rows.series + np.int32(part.start), names),
            step=numbers(rows.step, rows.step != NO_STEP),
            value=numbers(rows.value),
            line=numbers(rows.line),
            attempt=numbers(rows.attempt.astype(np.int32)),
            file=words(rows.file.astype(np.int32), run.files),
            time=no_numbers(len(rows.step)) if rows.time is None else numbers(rows.time, ~np.isnan(rows.time)),
        )


def series_table(series: Sequence[Series]) -> pa.Table:
    infos = [each.info for each in series]
    return _table(
        name=text([info.name for info in infos]),
        original=text([info.original for info in infos]),
        stage=text([info.stage.name for info in infos]),
        rank=numbers(np.array([info.rank for info in infos], np.int64)),
        phase=text([info.phase for info in infos]),
        layer=text([info.layer for info in infos]),
        blob=text([info.blob for info in infos]),
        statistic=flags([info.statistic for info in infos]),
        smoothed=flags([info.smoothed for info in infos]),
        points=numbers(np.array([len(each) for each in series], np.int64)),
        has_time=flags([each.time is not None for each in series]),
    )


def facts_table(facts: Sequence[Fact]) -> pa.Table:
    return _table(
        key=text([fact.key for fact in facts]),
        type=few_words([_type_of(fact.value) for fact in facts]),
        value=text([str(fact.value) for fact in facts]),
        number=_known_numbers([_number_of(fact.value) for fact in facts], np.float64),
        **_where(facts),
    )


def marks_table(marks: Sequence[Mark]) -> pa.Table:
    return _table(
        kind=few_words([mark.kind for mark in marks]),
        **_where(marks),
        step=_known_numbers([mark.step for mark in marks], np.int64),
        text=text([mark.text for mark in marks]),
        layer=text([mark.layer for mark in marks]),
        blob=text([mark.blob for mark in marks]),
        phase=text([mark.phase for mark in marks]),
        value=_known_numbers([mark.value for mark in marks], np.float64),
    )


def unread_table(unread: Sequence[Unread]) -> pa.Table:
    return _table(
        **_where(unread),
        text=text([each.text for each in unread]),
        why=text([each.why for each in unread]),
    )


def series_of(points: pa.Table, series: pa.Table, files: Sequence[str]) -> dict[str, Series]:
    """The series by name, in the order they were saved in."""
    step = numbers_of(points["step"], np.int64(NO_STEP))
    value = numbers_of(points["value"], np.float64(0))
    line = numbers_of(points["line"], np.int64(0))
    attempt = numbers_of(points["attempt"], np.int32(0)).astype(np.int64)
    file = codes_of(points["file"], files)
    time = numbers_of(points["time"], np.float64(np.nan))
    table = {}
    begin = 0
    for row in series.to_pylist():
        own = slice(begin, begin + row.pop("points"))
        own_time = time[own] if row.pop("has_time") else None
        info = SeriesInfo(**{**row, "stage": Stage[row["stage"]], "phase": _phase(row["phase"])})
        table[info.name] = Series(info, step[own], value[own], line[own], attempt[own], file[own], own_time)
        begin = own.stop
    return table


def facts_of(table: pa.Table) -> tuple[Fact, ...]:
    rows = table.to_pylist()
    if any(row["value"] is None for row in rows):
        raise ValueError("a fact has lost its value")
    return tuple(Fact(row["key"], _fact_value(row), row["file"], row["line"]) for row in rows)


def marks_of(table: pa.Table) -> tuple[Mark, ...]:
    rows = table.to_pylist()
    return tuple(Mark(**{**row, "kind": MarkKind(row["kind"]), "phase": _phase(row["phase"])}) for row in rows)


def unread_of(table: pa.Table) -> tuple[Unread, ...]:
    return tuple(Unread(**row) for row in table.to_pylist())


def _table(**columns: pa.Array[Any]) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_arrays(list(columns.values()), names=list(columns))


def _parts(sizes: Sequence[int]) -> Iterator[slice]:
    begin = rows = 0
    for index, size in enumerate(sizes):
        if rows and rows + size > _ROWS:
            yield slice(begin, index)
            begin, rows = index, 0
        rows += size
    yield slice(begin, len(sizes))


def _where(items: Sequence[Fact] | Sequence[Mark] | Sequence[Unread]) -> dict[str, pa.Array[Any]]:
    return {
        "file": few_words([item.file for item in items]),
        "line": numbers(np.array([item.line for item in items], np.int64)),
    }


def _known_numbers(values: Sequence[float | None], dtype: type[Scalar]) -> pa.Array[Any]:
    filled = np.array([0 if value is None else value for value in values], dtype)
    return numbers(filled, np.array([value is not None for value in values], np.bool_))


def _phase(word: str | None) -> Phase | None:
    return None if word is None else Phase(word)


def _type_of(value: FactValue) -> str:
    return next(kind.__name__ for kind in (bool, int, float, str) if isinstance(value, kind))


def _number_of(value: FactValue) -> float | None:
    # beyond 1023 bits no float is near
    return None if isinstance(value, str) or (isinstance(value, int) and value.bit_length() > 1023) else float(value)


def _fact_value(row: Row) -> FactValue:
    word: str = row["value"]
    match row["type"]:
        case "bool":
            return word == "True"
        case "int":
            return int(word)
        case "float":  # the text does not tell one NaN from another
            number: float = row["number"]
            return number
        case _:
            return word
