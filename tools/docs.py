"""Write the generated parts of the documentation, or say with ``--check`` which of them are out of date.

``docs/cli.md`` is the ``--help`` of every command, ``docs/rules.md`` the documentation of every rule,
``docs/formats/README.md`` what every parser says of itself.  The report in ``README.md`` is what nanlog prints about a
sample log; the table in ``sample_logs/README.md`` comes from the labels.
"""

from __future__ import annotations

import contextlib
import difflib
import inspect
import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

import nanlog.cli
from nanlog.cli._formats import gives
from nanlog.engine import rule_text, rules
from nanlog.model import Parser
from nanlog.pipeline import diagnose
from nanlog.registry import parsers
from nanlog.report import Style, reporter
from nanlog.report._rule_pages import as_markdown

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 100  #: columns of a help text and of a report
SHOWN = "sample_logs/caffe/sqrt_of_zero_debug/train.log"  #: the log whose report the README shows

CLI_HEAD = """# The command line

Generated from `nanlog --help` by `make docs`.
"""

RULES_HEAD = """# The causes nanlog knows

Generated from the rules by `make docs`; `nanlog explain <rule>` prints the same. "Fires on" and "Quiet on" name
[sample logs](../sample_logs/README.md).
"""

FORMATS_HEAD = """# The dialects nanlog reads

Generated from the parsers by `make docs`; `nanlog formats` prints the same. A log is recognised by its content, and the
files of a folder are one run, each read by the parser that is surest of it; `--format-in NAME` overrides that. To add a
dialect: [parsers/README.md](../../parsers/README.md).
"""


def main(arguments: list[str]) -> int:
    """Write the pages; with ``--check`` write nothing, print what would change and return 1 if anything would."""
    pages = {
        ROOT / "docs" / "cli.md": cli_page(),
        ROOT / "docs" / "rules.md": rules_page(),
        ROOT / "docs" / "formats" / "README.md": formats_page(),
        ROOT / "README.md": with_parts(ROOT / "README.md", {"report": shown_report(), "formats": format_list()}),
        ROOT / "sample_logs" / "README.md": with_parts(
            ROOT / "sample_logs" / "README.md", {"samples": sample_tables()}
        ),
    }
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text("utf-8") != text]
    for page in stale:
        if "--check" in arguments:
            print("".join(difference(page, pages[page])))
        else:
            page.write_text(pages[page], encoding="utf-8")
    if stale and "--check" in arguments:
        print("out of date; `make docs` writes them anew: " + ", ".join(str(page.relative_to(ROOT)) for page in stale))
        return 1
    return 0


def difference(page: Path, text: str) -> Iterator[str]:
    """The lines of a unified diff from the page as it is to ``text``."""
    old = page.read_text("utf-8") if page.exists() else ""
    return difflib.unified_diff(
        old.splitlines(keepends=True), text.splitlines(keepends=True), page.name, f"{page.name} (generated)"
    )


def cli_page() -> str:
    """The help text of the program and of every command, in the order in which ``nanlog --help`` lists them."""
    sections = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in helps(nanlog.cli.cli, "nanlog")]
    return "\n".join([CLI_HEAD, *sections])


def helps(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Full name and help text of a command and of all below it."""
    context = click.Context(
        command, info_name=name.split()[-1], parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from helps(found, f"{name} {below}", context)


def rules_page() -> str:
    """The documentation of every rule, in the order of ``nanlog explain``."""
    sections = [f"## {rule.name}\n\n{as_markdown(inspect.cleandoc(rule_text(rule.name)))}\n" for rule in rules()]
    return "\n".join([RULES_HEAD, *sections])


def formats_page() -> str:
    """A row for each parser that comes with nanlog: what it reads, and what can be had from it."""
    head = ["| dialect | read from | gives | samples |", "|---|---|---|---|"]
    return "\n".join([FORMATS_HEAD, *head, *map(format_row, own_parsers()), ""])


def format_row(parser: Parser) -> str:
    page = ROOT / "docs" / "formats" / f"{parser.name}.md"
    name = f"[`{parser.name}`]({page.name})" if page.exists() else f"`{parser.name}`"
    folder = ROOT / "sample_logs" / parser.name
    samples = len(list(folder.glob("*/label.json")))
    linked = f"[{samples}](../../sample_logs/{parser.name}/)" if samples else ""
    return f"| {name} | {cell(parser.title)} | {cell(', '.join(gives(parser)))} | {linked} |"


def format_list() -> str:
    """The dialects in the README, each with a link to its page."""
    head = ["| dialect | read from |", "|---|---|"]
    return "\n".join([*head, *(f"| [`{p.name}`](docs/formats/{p.name}.md) | {cell(p.title)} |" for p in own_parsers())])


def cell(text: str) -> str:
    """The text where a vertical bar would end the cell of a table."""
    return text.replace("|", "\\|")


def own_parsers() -> list[Parser]:
    """The parsers that come with nanlog; what else is installed here is nobody else's business."""
    return [parser for parser in parsers() if type(parser).__module__.startswith("nanlog_parsers.")]


def with_parts(page: Path, parts: Mapping[str, str]) -> str:
    """The page with each part between the two marks that name it; raises ``ValueError`` where they are missing."""
    text = page.read_text("utf-8")
    for name, part in parts.items():
        begin, end = f"<!-- generated: {name} -->\n", f"\n<!-- end of generated: {name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = ("\n" + rest).partition(end)
        if not found or not ended:
            raise ValueError(f"{page} does not hold {begin.strip()} and, below it, {end.strip()}")
        text = before + begin + part + end + after
    return text


def shown_report() -> str:
    """The command that a reader of the README may type, and what it prints."""
    out = io.StringIO()
    with contextlib.chdir(ROOT):
        reporter("text").write([diagnose(SHOWN)], out, Style(width=WIDTH))
    return f"```text\n$ nanlog diagnose {SHOWN}\n{out.getvalue().rstrip()}\n```"


def sample_tables() -> str:
    """A table for each dialect, with a row for each sample log."""
    dialects = sorted({path.parent.parent for path in (ROOT / "sample_logs").glob("*/*/label.json")})
    return "\n\n".join(f"### {dialect.name}\n\n{sample_table(dialect)}" for dialect in dialects)


def sample_table(dialect: Path) -> str:
    head = ["| case | written by | pattern | onset | cause | the fault |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *map(sample_row, sorted(dialect.glob("*/label.json")))])


def sample_row(path: Path) -> str:
    """One row of the table, from a label."""
    label = json.loads(path.read_text("utf-8"))
    case = f"[{label['id']}]({path.parent.relative_to(ROOT / 'sample_logs').as_posix()}/)"
    onset = "" if label["onset_step"] is None else str(label["onset_step"])
    fault = cell(label["cause_detail"].removeprefix("none: "))
    pattern = f"{label['pattern']}, harmless" if label.get("benign") else label["pattern"]
    return f"| {case} | {written_by(label)} | {pattern} | {onset} | {label['cause']} | {fault} |"


def written_by(label: Mapping[str, str]) -> str:
    """The program and its version, shortened."""
    if "producer" in label:
        return label["producer"].split(",")[0].removeprefix("BVLC/").split(" (")[0].replace("caffe", "Caffe")
    return label["framework"].split(" / ")[0].split(" (")[0].replace("+cpu", "").replace("-", " ", 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
