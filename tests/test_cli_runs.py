"""``nanlog runs`` and the word for a run that all commands take."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labelled_logs import SAMPLES, report_of
from nanlog.cli import cli
from nanlog.cli._listing import ago, as_text
from nanlog.cli._runs import resolve_run
from nanlog.errors import StoreError, UnreadableError, UsageError
from nanlog.report import Style
from nanlog.report.as_json import as_dict
from nanlog.store import Summary, list_runs, save, save_replay
from nanlog.store.entries import StoredRun
from tiny_dialect import run_of, write

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOG = "step 1 loss 2.5\nstep 2 loss 2.4\nstep 3 loss nan\n"


def run(*arguments: object, input: str | None = None) -> Result:  # noqa: A002  as click calls it
    return CliRunner().invoke(cli, [str(each) for each in arguments], prog_name="nanlog", input=input)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANLOG_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "store"


@pytest.fixture
def some(root: Path) -> list[str]:
    """The ids of a few real runs, in the order in which they were saved."""
    ids = []
    for sample in SAMPLES[::10]:
        report = report_of(sample)
        ids.append(save(report.run, as_dict(report), root).run_id)
    return ids


def entry(**more: object) -> StoredRun:
    known: dict[str, object] = {
        "run_id": "train-aaaaaaaa", "path": Path("x"), "source": "train.log", "parser": "caffe",
        "saved_at": NOW, "points": 1, "lines": 1,
    }  # fmt: skip
    return StoredRun(**{**known, **more})  # type: ignore[arg-type]


# --- the list


def test_the_newest_comes_first_each_on_a_line(some: list[str]) -> None:
    result = run("runs")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == some[::-1]
    assert "\x1b" not in result.stdout
    for sample, line in zip(SAMPLES[::10], reversed(lines), strict=True):
        report = report_of(sample)
        assert report.verdict.value.replace("_", " ") in line
        assert str(sample.log) in line
        if report.verdict == "unhealthy" and report.onset is not None:
            assert report.findings[0].cause.value in line
            assert report.onset.pattern.value.replace("_", " ") in line
            if report.onset.step is not None:
                assert f"at step {report.onset.step} " in line


def test_json_and_csv_say_the_same(some: list[str], root: Path) -> None:
    document = json.loads(run("runs", "--format", "json").stdout)
    assert (document["schema_version"], document["store"], document["damaged"]) == (1, str(root), [])
    rows = list(csv.DictReader(io.StringIO(run("runs", "--format", "csv").stdout)))
    assert [each["run_id"] for each in document["runs"]] == [row["run_id"] for row in rows] == some[::-1]
    for record, row in zip(document["runs"], rows, strict=True):
        assert {key: "" if value is None else str(value) for key, value in record.items()} == row
        assert datetime.fromisoformat(record["saved_at"]).tzinfo is not None
        assert Path(record["folder"], "run.json").exists()
    page = Path(__file__).parent.parent.joinpath("docs/store.md").read_text(encoding="utf-8")
    assert [key for key in rows[0] if f"`{key}`" not in page] == []


def test_runs_can_be_chosen(some: list[str], root: Path) -> None:
    listed = {run_id: stored for stored in list_runs(root) for run_id in [stored.run_id]}

    def shown(*options: str) -> list[str]:
        return [each["run_id"] for each in json.loads(run("runs", "--format", "json", *options).stdout)["runs"]]

    assert shown("-n", "2") == some[:-3:-1]
    assert set(shown("--unhealthy")) == {name for name in some if listed[name].summary.verdict == "unhealthy"}
    assert set(shown("*/caffe/*")) == {name for name in some if "/caffe/" in listed[name].source}
    assert set(shown("/keras/")) == {name for name in some if "/keras/" in listed[name].source}
    assert shown(some[0][:-3] + "*") == [some[0]]
    assert shown("no such") == []


def test_an_empty_store_says_what_to_type(root: Path) -> None:
    result = run("runs")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"The store {root} is empty. This puts a run in: nanlog diagnose train.log\n"
    assert json.loads(run("runs", "--format", "json").stdout)["runs"] == []
    assert run("runs", "--format", "csv").stdout.count("\n") == 1


@pytest.mark.usefixtures("some")
def test_nothing_that_matches(root: Path) -> None:
    total = len(list_runs(root))
    assert (
        run("runs", "no such").stdout
        == f"None of the {total} runs in {root} is of that kind. All of them: nanlog runs\n"
    )


def test_what_is_damaged_is_named(some: list[str], root: Path) -> None:
    (root / "runs" / some[1] / "run.json").write_text("x")
    result = run("runs")
    assert result.exit_code == 0
    assert f"warning: the run {some[1]} " in result.stderr
    assert len(result.stdout.splitlines()) == len(some) - 1
    assert [each["run_id"] for each in json.loads(run("runs", "--format", "json").stdout)["damaged"]] == [some[1]]


def test_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    result = run("runs", "--store", tmp_path / "loop")
    assert result.exit_code == 3
    assert "cannot read the store" in result.stderr


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200])
def test_in_a_window_every_line_fits_and_nothing_is_cut(width: int) -> None:
    names = ["a" * 70 + "/train.log", "runs/日本語" * 9, "x.log"]
    summary = Summary("unhealthy", "gradual_growth", 12345, None, "pooling_stride_gt_kernel", 0.876)
    runs = [entry(source=name, summary=summary, run_id=f"{'long-' * k}train-aaaaaaaa") for k, name in enumerate(names)]
    text = as_text(runs, Style(width=width), NOW, window=True)
    from rich.cells import cell_len

    assert all(cell_len(line) <= width and line == line.rstrip() for line in text.splitlines())
    together = "".join(text.split())
    for stored in runs:
        for word in (stored.run_id, stored.source, "gradualgrowthatstep12345", "88%pooling_stride_gt_kernel"):
            assert word in together
    # piped, each is a line, whatever the width
    assert len(as_text(runs, Style(width=width), NOW, window=False).splitlines()) == 3


def test_names_cannot_steer_a_terminal() -> None:
    evil = entry(source="\x1b[2J\u202e\n", parser="\x1b]0;x\x07", summary=Summary("\x1b", "\x1b", 1, 1, "\x1b", 1.0))
    for window in (True, False):
        text = as_text([evil], Style(), NOW, window=window)
        assert all(char.isprintable() or char == "\n" for char in text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (0, "just now"), (59, "just now"), (60, "1 minute ago"), (7199, "1 hour ago"),
     (7200, "2 hours ago"), (86400 * 59, "59 days ago"), (86400 * 90, "2026-01-31"), (-86400 * 30, "2026-05-31")],
)  # fmt: skip
def test_when_it_was(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_listing_loads_neither_pandas_nor_pyarrow(some: list[str]) -> None:
    code = """
import sys
from nanlog.cli import cli
cli(["runs"], standalone_mode=False)
print([name for name in ("pandas", "pyarrow", "matplotlib") if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert some[0] in done.stdout


# --- the word for a run


def test_the_latest_run_is_meant_where_none_is_named(some: list[str]) -> None:
    chosen = resolve_run(None)
    assert chosen.run_id == some[-1]
    assert chosen.report.run.source == chosen.run.source


def test_a_path_that_exists_wins_over_an_id(some: list[str], root: Path, tmp_path: Path) -> None:
    assert resolve_run(some[0]).run_id == some[0]
    (tmp_path / some[0]).write_text(LOG)
    chosen = resolve_run(some[0])
    assert chosen.run.source == some[0]
    assert chosen.run_id is not None
    assert chosen.run_id != some[0]
    assert len(list_runs(root)) == len(some) + 1


def test_a_log_that_is_not_kept(root: Path, tmp_path: Path) -> None:
    (tmp_path / "my.log").write_text(LOG)
    chosen = resolve_run("my.log", keep=False)
    assert chosen.run_id is None
    assert chosen.report.verdict == "unhealthy"
    assert list_runs(root) == ()
    assert resolve_run("my.log").run_id == list_runs(root)[0].run_id
    assert resolve_run("my.log", format_in="text").run.parser == "text"


def test_what_no_run_is_called(root: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no run in the store .*; nanlog diagnose LOG puts one in"):
        resolve_run(None)
    for name in ("a1.log", "a2.log"):
        save(run_of(write(tmp_path / name, "loss 0 1")), None, root)
    with pytest.raises(UsageError, match="is the beginning of 2 runs"):
        resolve_run("a")
    with pytest.raises(StoreError, match="there is no run 'b'"):
        resolve_run("b")
    (tmp_path / "empty.log").touch()
    with pytest.raises(UnreadableError):
        resolve_run("empty.log")


def test_the_store_that_the_configuration_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NANLOG_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nanlog.toml").write_text('store = "kept"\nverbose = true\n')
    (tmp_path / "my.log").write_text(LOG)
    run("diagnose", "my.log")
    assert [stored.run_id for stored in list_runs(tmp_path / "kept")] == run("runs").stdout.split()[:1]
    (tmp_path / "nanlog.toml").write_text('store = "kept"\nno-store = true\n')
    (tmp_path / "your.log").write_text(LOG)
    assert resolve_run("your.log").run_id is None
    assert resolve_run("your.log", "other").run_id is not None
    assert len(list_runs(tmp_path / "kept")) == 1
    monkeypatch.setenv("NANLOG_STORE", str(tmp_path / "another"))
    assert "is empty" in run("runs").stdout
    assert "is empty" not in run("runs", "--store", "kept").stdout
    monkeypatch.delenv("NANLOG_STORE")
    (tmp_path / "nanlog.toml").write_text("stroe = 3\n")
    result = run("runs")
    assert result.exit_code == 2
    assert "did you mean: store" in result.stderr
    assert run("runs", "--store", "kept").exit_code == 0


@pytest.mark.parametrize("command", ["show", "export", "compare", "forget"])
def test_shells_offer_runs_and_files(command: str, some: list[str]) -> None:
    environment = {
        "_NANLOG_COMPLETE": "zsh_complete",
        "COMP_WORDS": f"nanlog {command} {some[0][:5]}",
        "COMP_CWORD": "2",
    }
    result = CliRunner().invoke(cli, [], prog_name="nanlog", env={**os.environ, **environment})
    lines = result.stdout.splitlines()
    assert lines[:2] == ["file", some[0][:5]]
    offered = {line for line in lines[2:] if line.startswith(some[0][:5])}
    assert some[0] in offered
    assert not offered & {run_id for run_id in some if not run_id.startswith(some[0][:5])}


@pytest.mark.parametrize("command", ["runs", "show", "compare", "export", "forget", "plot", "report", "diagnose"])
def test_help_loads_no_heavy_library_and_tells_the_exit_codes(command: str) -> None:
    code = f"""
import sys
from nanlog.cli import cli
cli([{command!r}, "--help"], standalone_mode=False)
heavy = ("numpy", "pandas", "pyarrow", "rich", "matplotlib", "nanlog.model")
print([name for name in heavy if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert {"Exit codes:", "Examples:"} <= {line.strip() for line in done.stdout.splitlines()}
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_a_real_shell_completes_a_run(shell: str, some: list[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = run("completion", shell).stdout
    ask = {
        "bash": f"COMP_WORDS=(nanlog show {some[0]}); COMP_CWORD=2; _nanlog_completion nanlog; echo ${{COMPREPLY[@]}}",
        "fish": f"complete -C 'nanlog show {some[0]}'",
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [shell, "-c", f"{script}\n{ask[shell]}"]
    done = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    assert some[0] in done.stdout.split()


def test_what_a_replay_confirmed_is_in_the_list(some: list[str], root: Path) -> None:
    unhealthy = next(each for each in list_runs(root) if each.summary.verdict == "unhealthy")
    save_replay(root, unhealthy.run_id, {"causes": [{"cause": "relu_rnn", "verdict": "confirmed"}]})
    assert "confirmed relu_rnn" in run("runs", unhealthy.run_id).stdout
    (record,) = json.loads(run("runs", unhealthy.run_id, "--format", "json").stdout)["runs"]
    assert (record["confirmed"], record["cause"]) == ("relu_rnn", unhealthy.summary.cause)
    for junk in ({"causes": 7}, {"causes": [3, {"cause": [], "verdict": "confirmed"}]}):
        save_replay(root, unhealthy.run_id, junk)
        assert json.loads(run("runs", unhealthy.run_id, "--format", "json").stdout)["runs"][0]["confirmed"] is None
