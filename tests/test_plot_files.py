"""Pictures as files: what is in them, and that they are the same every time."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

import nanlog.plot as plot
from nanlog.errors import UsageError
from nanlog.plot._style import DPI, ORANGE, VERMILLION, WIDTH, Kind, lines, style
from runs import make_run

NAN = float("nan")
RUN = make_run({"loss": [1.0, 0.9, NAN, float("inf")], "lr": [0.1] * 4})


def written(form: str) -> bytes:
    made = io.BytesIO()
    plot.save(plot.overview(RUN), made, form)
    return made.getvalue()


@pytest.mark.parametrize("form", plot.FORMATS)
def test_the_same_run_gives_the_same_bytes(form: str) -> None:
    first = written(form)
    time.sleep(1.1)  # a date would differ
    assert written(form) == first


@pytest.mark.parametrize("form", plot.FORMATS)
def test_a_file_names_neither_a_date_nor_what_made_it(form: str) -> None:
    assert not re.search(rb"20[0-9]{2}-[01][0-9]-|CreationDate|Matplotlib", written(form))


def test_pixels_are_as_many_as_the_size_says() -> None:
    image = Image.open(io.BytesIO(written("png")))
    assert image.width == pytest.approx(WIDTH * DPI, abs=2)
    assert len({image.getpixel((x, y)) for x in range(0, image.width, 7) for y in range(0, image.height, 7)}) > 3


def test_text_of_an_svg_is_text() -> None:
    text = written("svg").decode()
    for word in ("onset 2", "learning rate", ">NaN<", ">+Inf<"):
        assert word in text


def test_the_ending_says_the_format(tmp_path: Path) -> None:
    begins = {"a.png": b"\x89PNG", "b.SVG": b"<?xml", "c.pdf": b"%PDF"}
    for name, begin in begins.items():
        plot.save(plot.loss(RUN), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)
    with pytest.raises(UsageError, match=r"a picture ends in \.png, \.svg or \.pdf"):
        plot.save(plot.loss(RUN), tmp_path / "d.gif")


def test_what_the_user_set_neither_shows_nor_is_lost() -> None:
    with mpl.rc_context({"text.usetex": True, "axes.facecolor": "red", "font.size": 40}):
        changed = written("png")
        assert mpl.rcParams["axes.facecolor"] == "red"
    assert changed == written("png")


def test_importing_it_imports_no_matplotlib_and_drawing_no_pyplot() -> None:
    code = (
        "import sys, nanlog.plot; assert 'matplotlib' not in sys.modules; import runs, io; "
        "nanlog.plot.save(nanlog.plot.loss(runs.make_run({'loss': [1.0, 2.0]})), io.BytesIO()); "
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    path = [str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path += {path}; {code}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def luminance(colour: str) -> float:
    """As a grey print shows a colour (ITU-R BT.709)."""
    with style():
        return float(np.dot(mpl.colors.to_rgb(colour), [0.2126, 0.7152, 0.0722]))


def test_kinds_differ_in_shape_and_in_grey() -> None:
    assert len({kind.marker for kind in Kind}) == len({kind.hatch for kind in Kind}) == len(Kind) == 3
    assert abs(luminance(VERMILLION) - luminance(ORANGE)) > 0.15


def test_curves_repeat_neither_colour_and_dashes_nor_colours_that_mean_something() -> None:
    many = lines(16)
    assert len({line.key for line in many}) == 16
    assert not {line.colour for line in many} & {kind.colour for kind in Kind}
