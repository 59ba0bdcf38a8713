"""What the store says about its runs: their names, their summaries, which one a word means, what is damaged."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from labelled_logs import SAMPLES, report_of
from made_reports import MADE
from nanlog import pipeline
from nanlog.errors import NanlogError, StoreError, UsageError
from nanlog.model import Run
from nanlog.report.as_json import as_dict
from nanlog.store import (
    Summary,
    contents,
    find,
    id_in,
    latest,
    list_runs,
    load,
    load_replay,
    load_report,
    save,
    save_replay,
)
from nanlog.store.export import stored_points
from nanlog.store.identity import is_run_id, run_id_of
from tiny_dialect import run_of, write


def named(path: str) -> str:
    """The part of a run's name that is for people."""
    run_id = run_id_of(Run(path, "tiny", (path,), {}))
    assert is_run_id(run_id)
    return run_id.rpartition("-")[0]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/w/lr0.1/train.log", "lr0.1-train"),
        ("/w/lr=0.1_bs=32/train.log.gz", "lr0.1-bs32-train"),
        ("/w/exp/lightning_logs/version_3", "exp-version3"),
        ("/w/exp/lightning_logs/version_3/metrics.csv", "exp-version3-metrics"),
        ("/w/resnet/logs/train.log", "resnet-train"),
        ("/w/resnet/out/events", "resnet-events"),
        ("/w/resnet50-lr3e-4.log", "resnet50-lr3e-4"),
        ("/w/my Training.v2.log.gz", "my-training-v2"),
        ("/train.log", "train"),
        ("/tmp/runs/1/train.log", "1-train"),  # noqa: S108  the name alone
        ("/w/train/train.log", "w-train"),
        ("/w/日本語/train.log", "train"),
        ("/w/日本語.log", "run"),
        ("/w/\udcff\x1b[2J/train.log", "2j-train"),
        ("/w/../..log", "run"),
        ("/w/" + "x" * 300 + "/train.log", "x" * 34 + "-train"),
        ("/w/" + "y" * 300 + ".log", "y" * 40),
    ],
)
def test_a_run_is_called_after_its_log_and_a_folder_that_says_more(path: str, name: str) -> None:
    assert named(path) == name


@pytest.mark.parametrize("word", ["", ".", "..", "-", "a/b", "a..b", ".a", "a-", "A", "a\n", "a b", "é"])
def test_what_is_no_name_of_a_run(word: str) -> None:
    assert not is_run_id(word)


def test_a_run_keeps_the_name_that_an_older_version_gave_it(tmp_path: Path) -> None:
    log = write(tmp_path / "lr0.1/train.log", "loss 0 1")
    root = tmp_path / "store"
    stored = save(run_of(log), {"verdict": "healthy"}, root)
    older = "train" + stored.run_id[-9:]
    (root / "runs" / stored.run_id).rename(root / "runs" / older)
    about = json.loads((root / "runs" / older / "run.json").read_text())
    for later in ("summary", "log"):
        del about[later]
    (root / "runs" / older / "run.json").write_text(json.dumps(about))
    (listed,) = list_runs(root)
    assert (listed.run_id, listed.summary.verdict, listed.log) == (older, "healthy", None)
    write(log, "loss 0 1", "loss 1 1")
    assert id_in(root, run_of(log)) == older
    assert save(run_of(log), None, root).run_id == older
    assert len(load(root, older).table["loss"]) == 2
    assert os.listdir(root / "runs") == [older]  # noqa: PTH208
    assert len(os.listdir(root / "generations")) == 1  # noqa: PTH208


# --- in short


def test_the_summary_says_what_the_report_does(tmp_path: Path) -> None:
    for sample in SAMPLES[::9]:
        report = report_of(sample)
        saved = save(report.run, as_dict(report), tmp_path)
        assert saved == latest(tmp_path)
        first = report.findings[0] if report.findings else None
        assert saved.summary == Summary(
            report.verdict.value,
            report.onset.pattern.value if report.onset else None,
            report.onset.step if report.onset else None,
            report.onset.departure_step if report.onset else None,
            first.cause.value if first else None,
            first.confidence if first else None,
        )
        assert saved.log == os.path.realpath(sample.log)


@pytest.mark.parametrize(
    "report",
    [{}, {"onset": []}, {"onset": {"step": "x", "pattern": 3}}, {"findings": [3]}, {"findings": {}}, {"verdict": 1}],
)
def test_a_report_that_says_something_else_has_no_summary(report: dict[str, object]) -> None:
    assert Summary.of(report) == Summary()


# --- which one


def test_a_word_means_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "store"
    ids = [save(run_of(write(tmp_path / f"{name}.log", "loss 0 1")), None, root).run_id for name in ("aa", "ab", "b")]
    assert find(root, ids[0]) == ids[0]
    assert find(root, "aa") == ids[0]
    assert find(root, "b") == ids[2]
    (tmp_path / "ab.log").unlink()
    assert find(root, str(tmp_path / "ab.log")) == ids[1]  # what was read from there once
    monkeypatch.chdir(tmp_path)
    assert find(root, "./ab.log") == ids[1]
    with pytest.raises(UsageError, match=f"'a' is the beginning of 2 runs: {ids[0]}, {ids[1]}; type more"):
        find(root, "a")
    for word in ("", "aaa", "../store"):
        with pytest.raises(StoreError, match="there is no run"):
            find(root, word)


def test_many_candidates_are_counted(tmp_path: Path) -> None:
    for k in range(8):
        save(run_of(write(tmp_path / f"same{k}.log", "loss 0 1")), None, tmp_path / "store")
    with pytest.raises(UsageError, match=r"of 8 runs: same0-\w+, .*, same4-\w+ and 3 more; type more"):
        find(tmp_path / "store", "same")


# --- damage


def test_what_is_damaged_is_named_and_hinders_no_other(tmp_path: Path) -> None:
    root = tmp_path / "store"
    ids = [save(run_of(write(tmp_path / f"{name}.log", "loss 0 1")), {}, root).run_id for name in "abcdefg"]
    (root / "runs" / ids[0] / "run.json").unlink()
    (root / "runs" / ids[1] / "run.json").write_bytes(b"\xff")
    (root / "runs" / ids[2] / "run.json").write_text("[" * 100_000)
    (root / "runs" / ids[3] / "run.json").write_text('{"source": "x", "parser": "x", "saved_at": 3}')
    target = (root / "runs" / ids[4]).resolve()
    target.rename(tmp_path / "gone")
    about = json.loads((root / "runs" / ids[5] / "run.json").read_text())
    (root / "runs" / ids[5] / "run.json").write_text(json.dumps({**about, "saved_at": "2020-01-01T00:00:00"}))
    (root / "runs" / "not a run").mkdir()
    stored, damaged = contents(root)
    assert [run.run_id for run in stored] == [ids[6], ids[5]]
    assert [entry.run_id for entry in damaged] == ids[:5]
    assert all(f"nanlog forget {entry.run_id}" in entry.why for entry in damaged)
    assert latest(root) == stored[0]


def test_a_store_that_is_no_folder_is_empty_and_one_that_is_closed_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert contents(tmp_path / "file") == ((), ())
    assert list_runs(tmp_path / "file") == ()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(StoreError, match=r"cannot read the store .*; name another with --store"):
        list_runs(tmp_path / "loop")


def test_five_hundred_runs_are_listed(tmp_path: Path) -> None:
    report = as_dict(MADE["blow_up"]())
    first = save(run_of(write(tmp_path / "a.log", "loss 0 1")), report, tmp_path / "store")
    for k in range(499):
        (tmp_path / "store/runs" / f"run{k}-aaaaaaaa").symlink_to(first.path.readlink())
    assert len(list_runs(tmp_path / "store")) == 500


# --- what a replay confirmed

REPLAY = {"schema_version": 1, "reproduced": True}


def test_a_replay_is_kept_beside_the_report(tmp_path: Path) -> None:
    report = MADE["jump"]()
    stored = save(report.run, as_dict(report), tmp_path)
    assert load_replay(tmp_path, stored.run_id) is None
    save_replay(tmp_path, stored.run_id, REPLAY)
    assert json.loads((stored.path / "replay.json").read_text()) == REPLAY
    save_replay(tmp_path, stored.run_id, {**REPLAY, "reproduced": False})
    assert load_replay(tmp_path, stored.run_id) == {**REPLAY, "reproduced": False}
    assert load_report(tmp_path, stored.run_id) == as_dict(report)
    assert {path.name for path in stored.path.iterdir()} == {
        "points", "series", "facts", "marks", "unread", "run.json", "report.json", "replay.json"
    }  # fmt: skip


def test_a_replay_stays_while_the_onset_does(tmp_path: Path) -> None:
    report = MADE["jump"]()
    stored = save(report.run, as_dict(report), tmp_path)
    save_replay(tmp_path, stored.run_id, REPLAY)
    save(replace(report.run, lines=9999), as_dict(report), tmp_path)
    assert load_replay(tmp_path, stored.run_id) == REPLAY
    other = as_dict(report)
    other["onset"]["step"] += 1
    save(report.run, other, tmp_path)
    assert load_replay(tmp_path, stored.run_id) is None


def test_a_replay_that_comes_while_the_run_is_replaced_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is put into the folder that is shown until the moment before the new one is."""
    from nanlog.store import folders

    report = MADE["jump"]()
    stored = save(report.run, as_dict(report), tmp_path)
    replaced = folders._replace

    def late(shown: Path, link: Path) -> Path | None:
        folders.put(shown.resolve() / "replay.json", json.dumps(REPLAY))
        return replaced(shown, link)

    monkeypatch.setattr(folders, "_replace", late)
    save(report.run, as_dict(report), tmp_path)
    assert load_replay(tmp_path, stored.run_id) == REPLAY


def test_a_replay_of_a_run_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no run"):
        save_replay(tmp_path, "log-aaaaaaaa", REPLAY)
    with pytest.raises(StoreError, match="there is no run"):
        load_replay(tmp_path, "log-aaaaaaaa")


@pytest.mark.parametrize("seed", range(40))
def test_whatever_befalls_a_file_is_said_in_a_sentence(seed: int, tmp_path: Path) -> None:
    """Or is not noticed, where it is a word in a text; nothing but a NanlogError ever comes of it."""
    chance = random.Random(seed)  # noqa: S311
    report = MADE["blow_up"]()
    stored = save(report.run, as_dict(report), tmp_path)
    file = chance.choice(sorted(path for path in stored.path.resolve().rglob("*.*") if path.is_file()))
    content = bytearray(file.read_bytes())
    place = chance.randrange(len(content))
    content[place : place + chance.choice([0, 1, 1, 40])] = chance.choice([b"", b"null", b"[]", b"1e999", b"\xff" * 8])
    file.write_bytes(content)
    reads: list[Callable[[], object]] = [
        lambda: contents(tmp_path),
        lambda: str(pipeline.load(store=tmp_path)),
        lambda: [len(part) for part in stored_points(tmp_path, stored.run_id, {"loss"})],
    ]
    for read in reads:
        with suppress(NanlogError):
            read()
