"""No content of a log, a table or a settings file raises or takes long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_logs import HEADER, LOGS, SAMPLES, read, read_files
from nanlog_parsers.lightning import PARSER

PARTS = [
    *(
        b"\r",
        b"\n",
        b"\x1b[A",
        b"\x1b[2K",
        b"\x00",
        b"\xff",
        b" ",
        b", ",
        b"=",
        b"]",
        b"[",
        b": ",
        b"|",
        b"\xe2\x80\xa6",
    ),
    *(b"nan.0", b"-inf.", b"1e+400", b"nan", b"9" * 30, b"it/s", b"Epoch 3", b"Validation DataLoader 0", b"v_num=0"),
    b"Epoch 2:  80%|####  | 40/50 [00:00<00:00, 534.10it/s, v_num=0, train_loss=nan.0]",
    b"Epoch 2: : 40it [00:00, 534.10it/s, loss=1.5, v_num=0]",
    b"Validation DataLoader 0:  33%|###  | 1/3 [00:00<00:00, 993.91it/s]",
    "Epoch 2/5  ━━━━ 40/40 0:00:00 • 0:00:00 574.56it/s v_num: 0.000 a:".encode(),
    b"                    0.5  val_loss: nan",
    b"Monitored metric val_loss = nan is not finite. Previous best value was 1.9. Signaling Trainer to stop.",
    b"Epoch 0, global step 40: 'val_loss' reached nan (best inf), saving model to 'epoch=0-step=40.ckpt' as top 1",
    b"Restoring states from the checkpoint path at epoch=999999999-step=999999999999999.ckpt",
    b"Error detected in PowBackward0. Traceback of forward call that caused the error:",
    b'  File "a.py", line 3, in f\n    x = y',
    b"Traceback (most recent call last):",
    b"RuntimeError: Function 'PowBackward0' returned nan values in its 0th output.",
    HEADER.encode(),
]
CELLS = [
    b"epoch",
    b"step",
    b"train_loss",
    b"val_loss_step",
    b"val_loss_epoch",
    b",",
    b",,",
    b"\n",
    b"nan",
    b"1e9",
    b'"',
    b"-1",
    b"x",
    b"\r",
]
YAML = [
    b"a:",
    b"- ",
    b"-",
    b"\n",
    b"  ",
    b"    ",
    b"|",
    b"> ",
    b"'",
    b'"',
    b"[1, 2",
    b"]",
    b"{",
    b"&a ",
    b"*a",
    b"!!x ",
    b"# ",
    b"1",
    b"\t",
    b"? ",
    b"\xff",
]


def texts(parts: list[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.one_of(st.sampled_from(parts), st.binary(max_size=5)), max_size=60).map(b"".join)


@settings(max_examples=300)
@given(texts(PARTS), st.integers(1, 400))
def test_any_text(text: bytes, size: int) -> None:
    whole, cut = read(text), read(text, size=size)
    assert 0 <= PARSER.score("train.log", text) <= 1
    if b"\x1b" not in text and len(text) < size:  # an escape sequence may be cut in two
        assert repr(cut.table) == repr(whole.table)


@settings(max_examples=150)
@given(texts(CELLS))
def test_any_table(text: bytes) -> None:
    read(b"epoch,step,train_loss\n0,9,2.5\n" + text, "metrics.csv")
    read(text, "metrics.csv")


@settings(max_examples=300)
@given(texts(YAML))
def test_any_settings(text: bytes) -> None:
    read(text, "hparams.yaml")
    read(b"a:\n  b:\n  - c\n" + text, "hparams.yaml")


SEEDS = [log.read_bytes()[-12_000:] for log in LOGS] + [
    file.read_bytes()[:4000] for file in SAMPLES.glob("*/metrics.csv")
]


@settings(max_examples=200)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 300), st.sampled_from(PARTS)), max_size=6),
)
def test_damaged_samples(text: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    for where, removed, inserted in edits:
        at = int(where * len(text))
        text = text[:at] + inserted + text[at + removed :]
    for name in ("train.log", "metrics.csv", "hparams.yaml"):
        read_files({name: text})


@pytest.mark.parametrize(
    "part",
    [
        *(
            "Epoch 1",
            "Epoch 1: ",
            "Epoch 1 ━",
            "Epoch 1: |",
            "Validation ",
            "a=1, ",
            "a: 1 ",
            " ",
            "━",
            "| 1/2 [",
            "Metric a",
            "nan ",
        ),
        *(
            "Epoch 1, global step 1: 'a",
            "Monitored metric a = ",
            "'",
            "│ a ",
            "1 | a ",
            '  File "a',
            "┃ Test metric ",
            "0 0 ",
        ),
        "Epoch 1: 1%|#| 1/2 [0:0<0, 1it/s, a=1",
        "Epoch 1/5 ━ 1/2 0:00:00 • 0:00:00 1.0it/s a…  ",
    ],
)
@pytest.mark.parametrize("end", ["it/s", "\n", "]"])
def test_no_text_takes_more_than_its_length(part: str, end: str) -> None:
    text = HEADER + part * (300_000 // len(part)) + end
    begin = time.perf_counter()
    read(text)
    PARSER.score("train.log", text.encode()[:65536])
    assert time.perf_counter() - begin < 3


@pytest.mark.parametrize("part", ["- ", "a:\n ", "[", "a: [", "'", "a: |\n ", "x", "- - -", "a: b\n    c: d\n"])
def test_no_settings_take_more_than_their_length(part: str) -> None:
    begin = time.perf_counter()
    read(part * (200_000 // len(part)), "hparams.yaml")
    assert time.perf_counter() - begin < 3
