"""``nanlog show``, ``compare`` and ``export``: what is stored, in the words and the columns that are documented."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from labelled_logs import ROOT, SAMPLES
from nanlog.cli import cli
from nanlog.store import list_runs

LOGS = [str(sample.log) for sample in SAMPLES if sample.id in ("sqrt_of_zero_debug", "healthy_negative_loss")]
LOG = "step 1 loss 2.5\nstep 2 loss 2.4\nstep 3 loss nan\n"


def run(*arguments: object) -> Result:
    words = [str(each) for each in arguments]
    return CliRunner().invoke(cli, words, prog_name="nanlog", catch_exceptions=False)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANLOG_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "store"


def stored(path: str, *options: str) -> tuple[str, str]:
    """What ``diagnose`` printed, and the id of the run."""
    shown = run("diagnose", *options, path).stdout
    listed = json.loads(run("runs", "--format", "json").stdout)["runs"]
    return shown, listed[0]["run_id"]


# --- show


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize(
    "options",
    [(), ("-v",), ("--format", "json"), ("--format", "markdown"), ("--format", "sarif"), ("--color", "always")],
)
def test_show_prints_what_diagnose_did(log: str, options: tuple[str, ...], root: Path) -> None:
    shown, run_id = stored(log, *options)
    for words in ([run_id], [run_id[:-2]], []):
        again = run("show", *options, *words)
        assert (again.exit_code, again.stdout, again.stderr) == (0, shown, "")
    assert len(list_runs(root)) == 1


@pytest.mark.usefixtures("root")
def test_show_says_what_was_found_then(tmp_path: Path) -> None:
    """With the rules that judged then, and without the log."""
    log = tmp_path / "my.log"
    log.write_bytes(Path(LOGS[-1]).read_bytes())
    shown, run_id = stored(str(log), "--skip", "undefined_gradient")
    log.unlink()
    assert run("show", run_id).stdout == shown
    assert run("show", "my.log").stdout == shown  # the log it was


def test_show_reads_a_log_anew(root: Path, tmp_path: Path) -> None:
    (tmp_path / "my.log").write_text(LOG)
    assert "UNHEALTHY" in run("show", "my.log", "--no-store").stdout
    assert list_runs(root) == ()
    assert "UNHEALTHY" in run("show", "my.log").stdout
    assert [each.source for each in list_runs(root)] == ["my.log"]


@pytest.mark.usefixtures("root")
def test_show_writes_to_a_file_but_not_over_the_log(tmp_path: Path) -> None:
    (tmp_path / "my.log").write_text(LOG)
    shown, _ = stored("my.log")
    assert run("show", "--output", "report.txt").stdout == ""
    assert (tmp_path / "report.txt").read_text() == shown
    assert run("show", "--output", "my.log").exit_code == 2
    assert (tmp_path / "my.log").read_text() == LOG


@pytest.mark.parametrize("command", [["show"], ["export"], ["compare", "a", "b"]])
def test_there_is_no_such_run(command: list[str], root: Path) -> None:
    result = run(*command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"the store {root}" in result.stderr
    assert "nanlog diagnose LOG" in result.stderr


def test_a_damaged_run_is_said_to_be_one(root: Path) -> None:
    _, run_id = stored(LOGS[0])
    (root / "runs" / run_id / "points/part-0.parquet").write_bytes(b"PAR1 no PAR1")
    for command in (["show", run_id], ["export", run_id], ["compare", run_id, run_id]):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert f"the run {run_id} in the store {root} cannot be read" in result.stderr
    assert list(Path.cwd().glob("*.csv")) + list(Path.cwd().glob(".*.csv.*")) == []


# --- compare


@pytest.mark.usefixtures("root")
def test_compare_two_runs_of_the_store_and_two_logs() -> None:
    ids = [stored(log)[1] for log in LOGS]
    text = run("compare", *ids)
    assert (text.exit_code, text.stderr) == (0, "")
    assert ids[0] in text.stdout
    assert run("compare", *LOGS).stdout == text.stdout
    document = json.loads(run("compare", *ids, "--format", "json").stdout)
    assert [document["a"]["run_id"], document["b"]["run_id"]] == ids
    page = (ROOT / "docs/store.md").read_text(encoding="utf-8")
    assert [key for key in {**document, **document["a"], **document["series"][0]} if f"`{key}`" not in page] == [
        "schema_version"
    ]


def test_compare_logs_that_are_not_kept(root: Path) -> None:
    result = run("compare", *LOGS, "--no-store")
    assert result.exit_code == 0
    assert "not kept" in result.stdout
    assert list_runs(root) == ()


# --- export


@pytest.mark.usefixtures("root")
def test_export_to_a_file_of_the_runs_name(tmp_path: Path) -> None:
    _, run_id = stored(LOGS[1])
    result = run("export")
    assert result.exit_code == 0
    frame = pd.read_csv(tmp_path / f"{run_id}.csv")
    assert (result.stdout, result.stderr) == ("", f"{len(frame):,} values are in {run_id}.csv\n")
    assert run("export", run_id[:6], "--parquet").exit_code == 0
    assert len(pd.read_parquet(tmp_path / f"{run_id}.parquet")) == len(frame)


@pytest.mark.usefixtures("root")
def test_what_is_written_follows_the_ending_of_the_file(tmp_path: Path) -> None:
    stored(LOGS[1])
    for name in ("a.parquet", "a.PQ"):
        run("export", "--out", name)
        assert (tmp_path / name).read_bytes()[:4] == b"PAR1"
    run("export", "--out", "a.txt")
    run("export", "--csv", "--out", "b.parquet")
    for name in ("a.txt", "b.parquet"):
        assert (tmp_path / name).read_bytes()[:9] == b'"series",'


@pytest.mark.usefixtures("root")
def test_nothing_is_overwritten(tmp_path: Path) -> None:
    stored(LOGS[1])
    (tmp_path / "mine.csv").write_text("mine")
    (tmp_path / "dangling.csv").symlink_to("nowhere")
    for name in ("mine.csv", "dangling.csv"):
        result = run("export", "--out", name)
        assert result.exit_code == 2
        assert f"{name} is there already: --force replaces it" in result.stderr
    assert (tmp_path / "mine.csv").read_text() == "mine"
    assert run("export", "--out", "mine.csv", "--force").exit_code == 0
    assert (tmp_path / "mine.csv").stat().st_size > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling.csv", "mine.csv", "store"]


@pytest.mark.parametrize("out", ["no/such/folder/x.csv", "store", "/dev/full/x.csv"])
def test_a_file_that_cannot_be_written(out: str, root: Path) -> None:
    stored(LOGS[1])
    result = run("export", "--out", out, "--force")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--out FILE writes elsewhere" in result.stderr
    assert len(list_runs(root)) == 1


@pytest.mark.usefixtures("root")
def test_csv_to_standard_output() -> None:
    stored(LOGS[1])
    result = run("export", "--series", "loss", "--series", "data/*", "--out", "-")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    kinds = {row["series"].partition("/")[0] for row in rows}
    assert kinds == {"loss", "data"}
    refused = run("export", "--parquet", "--out", "-")
    assert refused.exit_code == 2
    assert "name a file with --out" in refused.stderr


@pytest.mark.usefixtures("root")
def test_a_series_that_is_not_there() -> None:
    stored(LOGS[1])
    result = run("export", "--series", "los", "--out", "-")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "no series is named 'los'; the run has loss" in result.stderr


@pytest.mark.usefixtures("root")
def test_a_series_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"step": 1, "loss": 1, "acc[0]": 2}\n{"step": 2, "loss": 1, "acc[0]": 2}\n')
    text = run("export", "x.jsonl", "--out", "-").stdout
    name = next(row["series"] for row in csv.DictReader(io.StringIO(text)) if "[0]" in row["series"])
    chosen = run("export", "x.jsonl", "--series", name, "--out", "-").stdout
    assert {row["series"] for row in csv.DictReader(io.StringIO(chosen))} == {name}


def test_a_log_that_is_not_kept_can_be_exported(root: Path, tmp_path: Path) -> None:
    (tmp_path / "my.log").write_text(LOG)
    result = run("export", "my.log", "--no-store")
    assert result.exit_code == 0
    assert list_runs(root) == ()
    (written,) = tmp_path.glob("my-*.csv")
    assert pd.read_csv(written)["value"].tolist() == pytest.approx([2.5, 2.4, float("nan")], nan_ok=True)


# --- one way for all commands


@pytest.mark.parametrize("command", ["show", "plot", "report", "export"])
@pytest.mark.parametrize("path", ["runs/gone.log", r"C:\logs\gone.log"])
@pytest.mark.usefixtures("root")
def test_a_path_that_is_not_there_is_said_to_be_no_file(command: str, path: str) -> None:
    result = run(command, path)
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"there is no file {path}, and no run of it in the store" in result.stderr


@pytest.mark.parametrize("option", ["-o", "--out", "--output"])
@pytest.mark.parametrize(("command", "name"), [("show", "a.txt"), ("export", "a.csv"), ("plot", "a.png")])
@pytest.mark.usefixtures("root")
def test_the_file_to_write_is_named_alike_everywhere(tmp_path: Path, command: str, name: str, option: str) -> None:
    stored(LOGS[1])
    assert run(command, option, name).exit_code == 0
    assert (tmp_path / name).stat().st_size > 100
