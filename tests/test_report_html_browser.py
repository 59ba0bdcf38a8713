"""The page of a run in a real browser: it runs nothing, asks for nothing, fits a phone and goes onto paper whole."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import made_reports
from headless import PHONE, WIDE, Browser, browser
from nanlog.cli import cli
from nanlog.replay.settled import settled
from nanlog.report.html import page
from test_report_html import REPLAY

EVIL = (
    "</span></code></pre><script>window.__hit=1;document.title='owned'</script><img/src=x/onerror=window.__hit=1>"
    "\"'><svg/onload=window.__hit=1>\x1b[31m\u202egnp\u2066javascript:window.__hit=1"
)

#: How far the text of the page stands out from what is behind it: the least contrast, as WCAG 2 counts it, and where.
CONTRAST = """
(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const shine = colour => {
    const [r, g, b] = colour.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  let least = [21, ""];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    const [a, b] = [parts(getComputedStyle(element).color), behind(element)].map(shine);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < least[0]) least = [contrast, texts.currentNode.data.trim().slice(0, 60)];
  }
  return least;
})()
"""


@dataclass(frozen=True, slots=True)
class Pages:
    layers: Path  #: a Caffe log with debug_info
    hostile: Path  #: the same with names that are made to run code, 10,000 characters long
    replayed: Path
    calm: Path

    @property
    def all(self) -> tuple[Path, ...]:
        return self.layers, self.hostile, self.replayed, self.calm


def evil(document: object) -> Any:
    """The same with every text but the words of the vocabulary made to run code."""
    if isinstance(document, dict):
        return {key: value if key in ("cause", "verdict") else evil(value) for key, value in document.items()}
    if isinstance(document, list):
        return [evil(each) for each in document]
    return document + EVIL if isinstance(document, str) else document


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, sample_log: Callable[[str], Path]) -> Pages:
    folder = tmp_path_factory.mktemp("pages")
    real = sample_log("sqrt_of_zero_debug")
    hostile = folder / "hostile.log"
    hostile.write_text(real.read_text().replace("fc1", EVIL + "n" * 10_000))
    calm = sample_log("healthy_tqdm")
    for name, log in {"layers": real, "hostile": hostile, "calm": calm}.items():
        words = ["report", str(log), "--no-store", "--out", str(folder / f"{name}.html")]
        assert CliRunner().invoke(cli, words).exit_code == 0
    replayed = folder / "replayed.html"
    replayed.write_text(page(settled(made_reports.blow_up(), evil(REPLAY))))
    return Pages(folder / "layers.html", folder / "hostile.html", replayed, folder / "calm.html")


def test_nothing_runs_and_nothing_is_asked_for(window: Browser, pages: Pages) -> None:
    for each in pages.all:
        window.show(each)
        assert window.ask("typeof window.__hit") == "undefined"
        assert window.title().endswith("(nanlog)")
        assert window.ask("document.scripts.length") == 0
        assert window.complaints() == []
        assert [url for url in window.requests() if not url.startswith("chrome:")] == [each.as_uri()]


def test_a_picture_that_is_opened_on_its_own_runs_nothing(window: Browser, pages: Pages, tmp_path: Path) -> None:
    """An SVG in an image runs no script whatever it holds; one that is a page of its own would."""
    log = pages.hostile.with_suffix(".log")
    for options in (["--grad-norms"], ["--all"], []):
        picture = tmp_path / "hostile.svg"
        words = ["plot", str(log), "--no-store", "--force", "--out", str(picture), *options]
        assert CliRunner().invoke(cli, words).exit_code == 0
        window.show(picture)
        assert window.ask("typeof window.__hit") == "undefined"
        assert window.ask("document.querySelectorAll('script, image[*|href^=http], foreignObject').length") == 0
        assert "&lt;/span" in picture.read_text(), "the name is there, and is no element"
        assert [url for url in window.requests() if not url.startswith("chrome:")] == [picture.as_uri()]
    running = tmp_path / "running.svg"
    running.write_text(picture.read_text().replace("</svg>", "<script>window.__hit=1</script></svg>"))
    window.show(running)
    assert window.ask("window.__hit") == 1


def test_a_script_that_got_in_would_be_seen_and_the_policy_stops_it(
    window: Browser, pages: Pages, tmp_path: Path
) -> None:
    text = pages.layers.read_text()
    planted = text.replace("<main", "<script>window.__hit=1</script><img src='http://127.0.0.1:9/x.png'><main", 1)
    stopped, running = tmp_path / "stopped.html", tmp_path / "running.html"
    stopped.write_text(planted)
    running.write_text(re.sub("<meta http-equiv[^>]*>", "", planted))
    window.show(running)
    assert window.ask("window.__hit") == 1
    assert "http://127.0.0.1:9/x.png" in window.requests()
    window.show(stopped)
    assert window.ask("typeof window.__hit") == "undefined"
    assert len([said for said in window.complaints() if "Content Security Policy" in said]) == 2


def test_pictures_are_shown(window: Browser, pages: Pages) -> None:
    window.show(pages.layers)
    assert window.ask("[...document.images].map(i => i.complete && i.naturalWidth > 400 && i.alt.length > 40)") == [
        *(True, True)
    ]


@pytest.mark.parametrize("width", [320, PHONE, 768, WIDE])
def test_the_page_is_never_wider_than_the_screen(window: Browser, pages: Pages, width: int) -> None:
    for each in pages.all:
        window.show(each, width=width)
        window.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert window.ask("innerWidth") == width
        assert window.ask("document.documentElement.scrollWidth") <= width, each.name


def test_names_of_ten_thousand_characters_can_be_read_in_full(window: Browser, pages: Pages) -> None:
    window.show(pages.hostile, width=PHONE)
    assert window.ask("document.body.innerText.includes('n'.repeat(10000))")
    assert window.ask("[...document.querySelectorAll('.long')].every(e => e.clientHeight <= 200)")
    link = "document.querySelector('main dd a')"
    assert window.ask(f"{link}.click(); location.hash.startsWith('#full-')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_schemes(window: Browser, pages: Pages, scheme: str) -> None:
    for each in pages.all:
        window.show(each, scheme=scheme)
        window.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
        contrast, where = window.ask(CONTRAST)
        assert contrast >= 4.5, (each.name, where)


def test_the_schemes_differ(window: Browser, pages: Pages) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        window.show(pages.layers, scheme=scheme)
        grounds.append(window.ask("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(245, 246, 247)", "rgb(18, 21, 24)"]


def test_a_cause_opens_without_a_script(window: Browser, pages: Pages) -> None:
    window.show(pages.replayed)
    second = "document.querySelectorAll('.cause')[1]"
    assert not window.ask(f"{second}.querySelector('.signs').checkVisibility()")
    assert window.ask(f"{second}.querySelector('summary').click(), {second}.querySelector('.signs').checkVisibility()")


def test_on_paper_everything_is_open(window: Browser, pages: Pages) -> None:
    for each in pages.all:
        window.show(each, medium="print", scheme="dark", width=700)
        hidden = "[...document.querySelectorAll('details:not([open]) > :not(summary)')].filter(e => !e.offsetHeight)"
        assert window.ask(f"{hidden}.length") == 0
        assert window.ask("getComputedStyle(document.body).color") == "rgb(28, 33, 39)", "dark on light"
        wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert window.ask(wide), each.name


def test_the_pdf_holds_what_is_folded_on_the_screen(window: Browser, pages: Pages) -> None:
    from pypdf import PdfReader

    window.show(pages.replayed)
    assert "The output of the data layer is finite in every step" not in window.ask("document.body.innerText")
    read = PdfReader(io.BytesIO(window.pdf()))
    drawn = unicodedata.normalize("NFKC", " ".join(sheet.extract_text() for sheet in read.pages))  # no ligatures
    text = " ".join(drawn.split())
    for said in (
        "The learning rate is too high",
        "The output of the data layer is finite in every step",
        "No weight_filler in layer ip1",
        "data/fc10/fc10",
        "NaN at step 8 again",
    ):
        assert said in text
