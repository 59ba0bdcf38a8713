"""What the documentation says is so: its examples run, and no command, option or field is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from labelled_logs import ROOT
from nanlog.cli import cli
from nanlog.model import Block, MarkKind, Parser
from nanlog.source import open_source


def blocks(page: str, language: str) -> list[str]:
    """The fenced code blocks of one language, in the order they stand in a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def commands(group: click.Group, names: str = "nanlog") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=names)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield f"{names} {name}", found
        if isinstance(found, click.Group):
            yield from commands(found, f"{names} {name}")


@pytest.mark.parametrize(
    ("name", "command"), list(commands(cli)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    section = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
    options = [option for parameter in command.params for option in parameter.opts if option.startswith("-")]
    assert section
    assert [option for option in options if option not in section] == []


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Block:
    """What the dialect of ``parsers/README.md`` reads from the log shown there and one damaged line."""
    namespace: dict[str, Parser] = {}
    (code,) = blocks("parsers/README.md", "python")
    exec(compile(code, "parsers/README.md", "exec"), namespace)  # noqa: S102  the page's own example
    parser = namespace["PARSER"]
    (log_text,) = blocks("parsers/README.md", "text")
    log = tmp_path_factory.mktemp("tinytrain") / "train.log"
    log.write_text(log_text + "step 3 loss abc lr 0.1\n", encoding="utf-8")
    source = open_source(str(log))
    assert parser.score(source.files[0], source.head(source.files[0])) == 1.0
    (block,) = parser.read(source)
    return block


def test_the_example_of_a_dialect_reads_points(example: Block) -> None:
    loss = example.code == [info.name for info in example.series].index("loss")
    assert example.step[loss].tolist() == [0, 1, 2]
    assert example.line[loss].tolist() == [2, 3, 4]
    assert example.value[loss].tolist() == pytest.approx([2.303, 1.871, float("nan")], nan_ok=True)


def test_the_example_of_a_dialect_keeps_marks_and_what_could_not_be_read(example: Block) -> None:
    assert [(mark.kind, mark.text, mark.line) for mark in example.marks] == [(MarkKind.CHECKPOINT, "ckpt-3.bin", 5)]
    assert [(unread.line, unread.why) for unread in example.unread] == [(6, "not a number")]
