"""One run in one folder: a Parquet dataset for each table, and what the run is in ``run.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanlog.model import Attempt, Run, Span

from .tables import facts_of, marks_of, series_of, tables_of, unread_of

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
_WORTH_THREADS = 4 << 20  #: bytes of a table from which on it is read by several threads


def write_tables(folder: Path, run: Run) -> None:
    """Fill an empty folder with the tables of a run."""
    for name, parts in tables_of(run).items():
        _write_table(folder / name, parts)


def write_about(folder: Path, run: Run, about: Mapping[str, Any]) -> None:
    """Say in ``run.json`` what the tables do not; ``about`` is added to it."""
    described = {
        "schema_version": SCHEMA_VERSION,
        "source": run.source,
        "parser": run.parser,
        "files": run.files,
        "lines": run.lines,
        "unread_count": run.unread_count,
        "attempts": [asdict(attempt) for attempt in run.attempts],
        "left_out": run.left_out,
        "unit": run.unit,
    }
    write_json(folder / "run.json", {**about, **described})


def read_run(folder: Path) -> Run:
    about = read_json(folder / "run.json")
    files = tuple(about["files"])
    return Run(
        source=about["source"],
        parser=about["parser"],
        files=files,
        table=series_of(_read_table(folder / "points"), _read_table(folder / "series"), files),
        facts=facts_of(_read_table(folder / "facts")),
        marks=marks_of(_read_table(folder / "marks")),
        unread=unread_of(_read_table(folder / "unread")),
        unread_count=about["unread_count"],
        attempts=tuple(map(_attempt, about["attempts"])),
        lines=about["lines"],
        left_out=tuple(about["left_out"]),
        unit=about["unit"],
    )


def _attempt(saved: dict[str, Any]) -> Attempt:
    return Attempt(**{**saved, "spans": tuple(Span(**span) for span in saved["spans"])})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json_text(content), encoding="utf-8")


def json_text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _write_table(folder: Path, parts: Iterable[pa.Table]) -> None:
    import pyarrow.parquet as pq

    folder.mkdir()
    parts = iter(parts)
    first = next(parts)
    options: Any = {  # pyarrow-stubs know of yes and no only
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": _texts(first),
        "column_encoding": dict.fromkeys(_integers(first), "DELTA_BINARY_PACKED"),
        "write_page_checksum": True,
        # extremes of what every series measures tell nobody which rows to skip
        "write_statistics": [name for name in first.schema.names if name not in ("value", "time")],
    }
    with (
        (folder / "part-0.parquet").open("wb") as file,
        pq.ParquetWriter(file, first.schema, **options) as writer,
    ):
        for table in chain([first], parts):
            writer.write_table(table)


def _texts(table: pa.Table) -> list[str]:
    """The columns that Parquet shall keep in a dictionary of its own.

    That takes all NaNs for one, whatever their sign and payload, and makes numbers larger rather than smaller.
    """
    import pyarrow as pa

    return [field.name for field in table.schema if not pa.types.is_primitive(field.type)]


def _integers(table: pa.Table) -> list[str]:
    """The columns of which neighbours differ by little: steps, lines and attempts."""
    import pyarrow as pa

    return [field.name for field in table.schema if pa.types.is_integer(field.type)]


def _read_table(folder: Path) -> pa.Table:
    import pyarrow.parquet as pq

    path = folder / "part-0.parquet"
    # Threads that arrow starts for a short table may still be starting when the program ends, which then aborts.
    large = path.stat().st_size > _WORTH_THREADS
    with path.open("rb") as file:
        return pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=large).read(use_threads=large)
