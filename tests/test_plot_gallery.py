"""The page of pictures is what its tool makes of the sample logs; the pixels are for people to look at."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from nanlog.plot._style import DPI, WIDTH
from tools.gallery import FOLDER, GALLERY, PAGE, Shown, first_sentence, page, run

_LARGEST = 1_500_000  #: bytes of all pictures together


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page()


def test_a_point_in_a_name_ends_no_sentence() -> None:
    assert first_sentence("Lightning's `grad_2.0_norm` of each. More.") == "Lightning's `grad_2.0_norm` of each"
    assert first_sentence("One alone.") == "One alone"


def test_every_picture_is_there_and_none_that_nobody_shows() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {one.file.name for one in GALLERY}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < _LARGEST
    assert set(re.findall(r"\(plots/([^)]+)\)", PAGE.read_text("utf-8"))) == {one.file.name for one in GALLERY}


def test_ten_dialects_are_shown() -> None:
    assert len({one.log.partition("/")[0] for one in GALLERY}) >= 10


@pytest.mark.parametrize("shown", GALLERY, ids=lambda shown: shown.name)
def test_each_command_draws_a_picture_of_the_size_in_the_folder(shown: Shown, tmp_path: Path) -> None:
    run([*shown.arguments, "--out", str(tmp_path / "new.png")])
    assert size(tmp_path / "new.png") == size(shown.file)
    assert size(shown.file)[0] == pytest.approx(WIDTH * DPI, abs=2)


def size(file: Path) -> tuple[int, int]:
    """Width and height from the header of a PNG."""
    width, height = struct.unpack(">II", file.read_bytes()[16:24])
    return width, height
