"""The lines that a page quotes from the log."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

import made_reports
from html_pages import Page
from nanlog.model import Evidence, Report
from nanlog.report.html import Extras, excerpts, page
from nanlog.source import open_source, quoted_lines

LINES = [f"line {number}" for number in range(1, 41)]


def log(folder: Path, content: bytes | None = None, name: str = "train.log") -> Path:
    path = folder / name
    path.write_bytes("\n".join(LINES).encode() if content is None else content)
    return path


def quoted(path: Path, *lines: int) -> dict[int, str] | None:
    return quoted_lines(open_source(str(path)), str(path), lines)


def cites(path: Path, *lines: int) -> Report:
    """A report whose only evidence stands in these lines."""
    report = made_reports.jump()
    items = tuple(Evidence(f"as line {line} says", str(path), line) for line in lines)
    finding = replace(report.findings[0], evidence=items, against=())
    return replace(report, run=made_reports.run(str(path)), onset=None, findings=(finding,))


def test_lines_are_counted_as_parsers_count_them(tmp_path: Path) -> None:
    assert quoted(log(tmp_path), 1, 17, 40) == {1: "line 1", 17: "line 17", 40: "line 40"}


def test_lines_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    assert quoted(log(tmp_path), -1, 0, 41, 10**9) == {}
    assert quoted(log(tmp_path, b""), 1) == {}


@pytest.mark.parametrize("line", [1, 2, 99_999, 100_000])
def test_a_line_beyond_the_first_piece_is_found(tmp_path: Path, line: int) -> None:
    path = log(tmp_path, b"".join(b"%d %s\n" % (k, b"x" * 60) for k in range(1, 100_001)))
    found = quoted(path, line)
    assert found is not None
    assert found[line].startswith(f"{line} xxx")


def test_a_compressed_log_is_quoted(tmp_path: Path) -> None:
    assert quoted(log(tmp_path, gzip.compress("\n".join(LINES).encode()), "train.log.gz"), 3) == {3: "line 3"}


def test_a_log_in_utf_16_is_quoted(tmp_path: Path) -> None:
    assert quoted(log(tmp_path, "eins\nzwei: größe\n".encode("utf-16")), 2) == {2: "zwei: größe"}


def test_of_a_progress_bar_the_state_that_went_bad_is_quoted(tmp_path: Path) -> None:
    bar = b"\r".join(b"\x1b[32m%d/9\x1b[0m loss: %s" % (k, b"0.5" if k < 4 else b"nan") for k in range(9))
    assert quoted(log(tmp_path, b"Epoch 1\n" + bar + b"\n"), 2) == {2: "4/9 loss: nan"}


def test_of_a_progress_bar_that_stays_finite_the_last_state_is_quoted(tmp_path: Path) -> None:
    assert quoted(log(tmp_path, b"1/2 loss: 0.5\r2/2 loss: 0.4\r\n"), 1) == {1: "2/2 loss: 0.4"}


def test_words_that_begin_like_nan_are_none(tmp_path: Path) -> None:
    assert quoted(log(tmp_path, b"1 info: nano\r2 done"), 1) == {1: "2 done"}


def test_a_line_of_any_length_is_cut(tmp_path: Path) -> None:
    found = quoted(log(tmp_path, b"a\n" + b"y" * (20 << 20) + b"\nlast"), 2, 3)
    assert found is not None
    assert len(found[2]) == 4000
    assert found[3] == "last"


def test_what_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    assert quoted(log(tmp_path, b"\x18\0\0\0\0\0\0\0records"), 1) is None


def test_a_place_has_the_lines_around_it(tmp_path: Path) -> None:
    path = log(tmp_path)
    found, refused = excerpts(cites(path, 1, 20), open_source(str(path)))
    assert not refused
    assert [line.text for line in found[str(path), 20].lines] == [f"line {k}" for k in range(18, 23)]
    assert [line.cited for line in found[str(path), 20].lines] == [False, False, True, False, False]
    assert [line.number for line in found[str(path), 1].lines] == [1, 2, 3]


def test_a_row_of_a_table_has_its_head(tmp_path: Path) -> None:
    path = log(tmp_path, name="metrics.csv")
    found, _ = excerpts(cites(path, 2, 20), open_source(str(path)))
    assert [line.number for line in found[str(path), 20].lines] == [1, 18, 19, 20, 21, 22]
    assert [line.number for line in found[str(path), 2].lines] == [1, 2, 3, 4]


def test_lines_of_a_log_that_was_cut_since_are_told_to_be_missing(tmp_path: Path) -> None:
    path = log(tmp_path)
    found, refused = excerpts(cites(path, 20, 300), open_source(str(path)))
    assert list(found) == [(str(path), 20)]
    assert "shorter" in refused[str(path)]
    text = Page(page(cites(path, 20, 300), Extras(excerpts=found, unquoted=refused))).text
    assert "line 20" in text
    assert "No lines of train.log are quoted: it is shorter than when it was read" in text


def test_a_file_that_is_gone_from_a_folder_is_named(tmp_path: Path) -> None:
    log(tmp_path)
    found, refused = excerpts(cites(tmp_path / "gone.log", 1), open_source(str(tmp_path)))
    assert not found
    assert refused == {str(tmp_path / "gone.log"): "it is no longer there"}


def test_a_quoted_line_is_inert(tmp_path: Path) -> None:
    path = log(tmp_path, b"</code><script>window.__hit=1</script>\x1b[2J\xe2\x80\xae \xff\n")
    found, _ = excerpts(cites(path, 1), open_source(str(path)))
    text = page(cites(path, 1), Extras(excerpts=found))
    assert "<script" not in text
    assert "</code><script>window.__hit=1</script>" in Page(text).text
    assert "\\u202e \\xff" in Page(text).text
