"""What the documentation says is so: its examples run, and no command, option or field is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from pyarrow.parquet import read_schema

from labelled_logs import ROOT, SAMPLES, Sample, report_of
from nanlog.cli import cli
from nanlog.model import Block, MarkKind, Parser
from nanlog.pipeline import diagnose
from nanlog.report.as_json import as_dict
from nanlog.source import open_source
from nanlog.store import save


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


def test_every_field_of_the_json_report_is_documented(sample: Sample) -> None:
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    assert {field for field in fields(as_dict(report_of(sample))) if f"`{field}`" not in page} == set()


def fields(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from fields(below)


def test_every_series_of_a_log_is_documented(sample: Sample) -> None:
    page = (ROOT / "docs" / "formats" / f"{sample.dialect}.md").read_text(encoding="utf-8")
    kinds = {re.sub(r"^(rank\d+/)?(val\d*/)?", "", name).partition("/") for name in report_of(sample).run.table}
    assert {kind + slash for kind, slash, _ in kinds if f"`{kind}{slash}" not in page} == set()


@pytest.mark.parametrize("code", blocks("docs/store.md", "python"), ids=["nanlog", "pandas", "pyarrow"])
def test_the_examples_of_the_store_run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaves values that are compared with what was saved."""
    monkeypatch.chdir(tmp_path)
    reports = [diagnose(str(sample.log)) for sample in SAMPLES if sample.id in ("nan_label_debug", "healthy_rising_lr")]
    saved = {save(report.run, as_dict(report), Path(".nanlog")).run_id: report for report in reports}
    names: dict[str, Any] = {}
    exec(compile(code, "docs/store.md", "exec"), names)  # noqa: S102  the page's own example
    if "verdict" in names:
        report = saved[names["run_id"]]
        assert names["verdict"] == report.verdict
        assert len(names["frame"]) == sum(map(len, report.run.table.values()))
        assert names["loss"].tolist() == pytest.approx(report.run.table["loss"].value.tolist(), nan_ok=True)
    if "first_bad" in names:
        (run_id,) = [run_id for run_id, report in saved.items() if report.verdict == "unhealthy"]
        assert names["first_bad"][run_id, "loss"] == 13
        assert set(names["first_bad"].index.get_level_values("run")) == {run_id}
    if "rates" in names:
        assert names["rates"].num_rows == sum(len(report.run.table["lr"]) for report in reports)


def test_the_page_of_the_store_names_every_column(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")
    stored = save(diagnose(str(SAMPLES[0].log)).run, None, tmp_path)
    tables = {path.parent.name: path for path in stored.path.glob("*/*.parquet")}
    assert set(tables) == {"points", "series", "facts", "marks", "unread"}
    for name, path in tables.items():
        assert f"`{name}`" in page
        assert [column for column in read_schema(path).names if f"`{column}`" not in page] == []


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sample_logs").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_shown_on_a_page_exist(page: Path) -> None:
    known = {"nanlog": cli, **dict(commands(cli))}
    command_line = re.compile(r"(?:^ {4}(?:.*[|&] )?|bin/|`)nanlog (\w+)((?: -[\w-]+)*)", re.MULTILINE)
    for shown in command_line.findall(page.read_text("utf-8")):
        name, options = f"nanlog {shown[0]}", shown[1].split()
        assert name in known, f"{page.name} shows {name}"
        assert set(options) <= {option for parameter in known[name].params for option in parameter.opts}
