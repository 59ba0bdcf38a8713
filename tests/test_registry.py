from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labelled_logs import SAMPLES
from nanlog import registry
from nanlog.errors import UnreadableError, UsageError
from nanlog.registry import broken, choose, parsers
from nanlog.source import open_source

PARSER = """
class Parser:
    name = "{name}"
    title = "a dialect from outside"
    def score(self, file, head):
        return {score}
    def read(self, source):
        return iter(())
PARSER = Parser()
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path, where distributions can be installed."""
    monkeypatch.syspath_prepend(tmp_path)
    registry._found.cache_clear()
    yield tmp_path
    registry._found.cache_clear()
    for name in ("outside", "plugin"):
        sys.modules.pop(name, None)


def install(site: Path, module: str, code: str, name: str = "PARSER") -> None:
    (site / f"{module}.py").write_text(code)
    info = site / f"{module}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[nanlog.parsers]\n{module} = {module}:{name}\n")


def names() -> list[str]:
    return [parser.name for parser in parsers()]


def test_the_shipped_parsers_are_found_and_whole() -> None:
    assert "caffe" in names()
    assert broken() == ()
    for parser in parsers():
        assert parser.title
        assert parser.score("empty.log", b"") == 0


def test_every_real_log_is_recognised() -> None:
    for sample in SAMPLES:
        choice = choose(open_source(str(sample.log)))
        assert choice.parser.name == sample.folder.parent.name
        assert choice.score > choice.tried[1][1]
        assert choice.tried[0] == (choice.parser.name, choice.score)
        assert {name for name, _ in choice.tried} == set(names())


def test_a_parser_is_taken_by_name_even_for_what_it_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("nothing that anybody knows\n")
    choice = choose(open_source(str(tmp_path / "log")), "caffe")
    assert choice.parser.name == "caffe"
    assert choice.score < registry.SURE


def test_an_unknown_name_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"no parser called 'cafe'; --format-in takes one of: .*caffe"):
        choose(open_source(str(SAMPLES[0].log)), "cafe")


def test_a_log_that_nobody_knows_says_what_was_tried(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\nDear diary,\n")
    with pytest.raises(UnreadableError) as error:
        choose(open_source(str(tmp_path / "log")))
    said = str(error.value)
    assert re.search(r"no parser knows it \(tried: .*caffe.*\).*begins with 'Dear diary,'.*--format-in \w+$", said)
    assert all(name in said for name in names())


def test_the_nearest_parser_is_named_and_the_line_that_made_it_so(site: Path) -> None:
    install(site, "outside", PARSER.format(name="outside", score="0.1 if b'diary' in head else 0.0"))
    (site / "runs").mkdir()
    (site / "runs" / "a.log").write_text("nothing\n")
    (site / "runs" / "b.log").write_text("Monday\nDear diary,\nit is over\n")
    says = "outside came nearest, 10% sure where 20% is needed, because of line 2 of .*b.log: 'Dear diary,'.*"
    with pytest.raises(UnreadableError, match=says + "--format-in outside"):
        choose(open_source(str(site / "runs")))


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"PK\x03\x04rest", "a zip archive, as torch.save"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x01\0\0\0", "no text"),
        (b" \n\n", "nothing but white space"),
        (b"x" * 500, "begins with 'x{59}…'"),
    ],
)
def test_what_no_log_looks_like(tmp_path: Path, content: bytes, looks: str) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(UnreadableError, match=looks):
        choose(open_source(str(tmp_path / "log")))


def test_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"")
    with pytest.raises(UnreadableError, match=r"it is empty; was the log written somewhere else?"):
        choose(open_source(str(tmp_path / "log")))


def test_a_log_of_which_nothing_can_be_decompressed(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(gzip.compress(b"text")[:10])
    with pytest.raises(UnreadableError, match="ends at byte 10 in the middle of its gzip data"):
        choose(open_source(str(tmp_path / "log")))


def test_one_file_that_is_known_is_enough_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text("name: 'net'\n")
    (tmp_path / "train.log").write_bytes(SAMPLES[0].log.read_bytes())
    assert choose(open_source(str(tmp_path))).parser.name == "caffe"


def test_a_parser_can_come_from_outside(site: Path) -> None:
    install(site, "outside", PARSER.format(name="outside", score="float(head.startswith(b'Dear'))"))
    (site / "log").write_text("Dear diary,\n")
    choice = choose(open_source(str(site / "log")))
    assert (choice.parser.name, choice.score) == ("outside", 1.0)
    assert choice.tried[0] == ("outside", 1.0)
    assert broken() == ()


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("PARSER = 1 / 0", "ZeroDivisionError: division by zero"),
        ("def PARSER(:", "SyntaxError: invalid syntax"),
        ("", "AttributeError: module 'plugin' has no attribute 'PARSER'"),
        ("class PARSER: name = title = 'half'", "it has no score and no read"),
        (PARSER.format(name="caffe", score="1.0"), "there is another parser called 'caffe'"),
    ],
)
def test_a_broken_plugin_is_named_and_left_out(site: Path, code: str, why: str) -> None:
    install(site, "plugin", code)
    assert names().count("caffe") == 1
    (left_out,) = broken()
    assert left_out.origin == "plugin:PARSER"
    assert left_out.why.startswith(why)
    assert str(left_out) == f"the parser plugin:PARSER is left out: {left_out.why}"
    assert choose(open_source(str(SAMPLES[0].log))).parser.name == "caffe"


def test_importing_the_registry_imports_no_parser() -> None:
    script = "import nanlog.registry, sys; print([name for name in sys.modules if name.startswith('nanlog_parsers')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
