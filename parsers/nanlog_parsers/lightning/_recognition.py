"""Whether a file is of Lightning, and which of its files."""

from __future__ import annotations

import re
from enum import Enum

__all__ = ["Form", "recognised"]


class Form(Enum):
    """The files of a training."""

    TABLE = "metrics.csv"
    SETTINGS = "hparams.yaml"
    SCREEN = "what is printed"


#: Bars and messages that only Lightning writes.
_SURE = re.compile(
    rb"(?:^|\r)Epoch [0-9]{1,9}: [^\r\n\[]{0,400}\[[^\r\n\]]{0,400}\bv_num=[^\r\n]"
    rb"|Epoch [0-9]{1,9}(?:/-?[0-9]{1,9})? [^\r\n]{0,2000} \xe2\x80\xa2 [^\r\n]{0,200}it/s[^\r\n]{0,200}v_num: "
    rb"|(?:Validation|Sanity Checking|Testing) DataLoader [0-9]{1,6}[: ]"
    rb"|(?:^|\r)(?:Validation sanity check|Sanity Checking): [^\r\n]{0,200}it/s"
    rb"|`Trainer\.fit` stopped: |GPU available: [^\r\n]{1,60}, used: "
    rb"|Monitored metric \S{1,200} = \S{1,40} is not finite\."
    rb"|Epoch [0-9]{1,9}, global step [0-9]{1,15}: "
    rb"|Total estimated model params size \(MB\)",
    re.MULTILINE,
)
_LIKELY = re.compile(
    rb"(?:^|\r)Training: +(?:[0-9]{1,3}%)?\|[ ]{0,400}\| 0/(?:[0-9]{1,12}|\?) \["
    rb"|Epoch [0-9]{1,9}(?:/-?[0-9]{1,9})? [^\r\n]{0,2000} \xe2\x80\xa2 [^\r\n]{0,200}it/s",
    re.MULTILINE,
)
_TRAINER = re.compile(rb"^trainer:\s*$", re.MULTILINE)
_ENTRY = re.compile(rb"^(?:[\w.\-/\"' ]{1,200}:(?:\s|$)|\{\}\s*$|- )", re.MULTILINE)
_LONGEST_HEADER = 1 << 20


def recognised(file: str, head: bytes) -> tuple[Form, float]:
    """What a file is, judged by its name and beginning, and how sure that is (0..1)."""
    name = file.replace("\\", "/").rpartition("/")[2].lower()
    if name.startswith("hparams.y") and _ENTRY.search(head):
        return Form.SETTINGS, 0.9
    if name.startswith("config.y") and _TRAINER.search(head):
        return Form.SETTINGS, 0.8
    if (sure := _table(name, head)) > 0:
        return Form.TABLE, sure
    if _SURE.search(head):
        return Form.SCREEN, 0.95
    return Form.SCREEN, 0.8 if _LIKELY.search(head) else 0.0


def _table(name: str, head: bytes) -> float:
    """How sure it is that a table is one of CSVLogger: columns of steps and epochs, most cells empty."""
    header, _, rest = head[:_LONGEST_HEADER].partition(b"\n")
    columns = header.strip(b"\r\xef\xbb\xbf").split(b",")
    if b"step" not in columns or not rest or len(columns) < 2:
        return 0.0
    rows = rest.split(b"\n")[:-1] or [rest]
    if sum(row.count(b",") == len(columns) - 1 for row in rows) < len(rows) / 2:
        return 0.0
    is_called_so = name.startswith("metrics") and ".csv" in name
    has_epoch = b"epoch" in columns
    is_sparse = any(b",," in row or row[:1] == b"," or row.rstrip(b"\r")[-1:] == b"," for row in rows)
    if is_called_so:
        return 0.95 if has_epoch and is_sparse else 0.85 if has_epoch or is_sparse else 0.65
    return 0.7 if has_epoch and is_sparse else 0.0
