"""From an unchanged script that breaks to the training that survives: record, diagnose, replay, change, train again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import nanlog
from nanlog.replay.plan import plan_for
from record.recording import Forked, forked
from replaying import replayed

TRAIN = """
import sys
import torch
from torch import nn

def make():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))
    return net, torch.optim.Adam(net.parameters(), lr=0.01)

def objective(net, batch):
    x, y = batch
    return nn.functional.mse_loss(net(x)[:, 0], y)

def target():
    net, optimizer = make()
    return {"model": net, "optimizer": optimizer, "loss": objective}

def main():
    skipped = [int(word) for word in sys.argv[1:]]
    net, optimizer = make()
    made = torch.Generator().manual_seed(1)
    x = torch.randn(400, 5, generator=made)
    x[203, 1] = float("inf")
    y = x.nan_to_num(0, 0, 0).sum(1)
    rows = torch.utils.data.TensorDataset(x, y)
    for x, y in torch.utils.data.DataLoader(rows, batch_size=10):
        keep = [row for row in range(len(x)) if row not in skipped or not x[row].isinf().any()]
        loss = objective(net, (x[keep], y[keep]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("finite" if all(p.isfinite().all() for p in net.parameters()) else "lost")

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Forked]:
    server = forked(tmp_path)
    yield server
    server.close()


def test_script_is_recorded_replayed_mended_and_survives(run: Forked, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(TRAIN, encoding="utf-8")
    broken = run(script, target="train.py:target")
    assert broken.stdout == "lost\n"
    report = nanlog.diagnose(str(broken.folder / "log.jsonl"))
    assert report.onset is not None
    assert report.onset.step == 20
    assert report.onset.last_good_checkpoint == str(broken.bundles[0])
    outcome, gathered = replayed(plan_for(str(broken.bundles[0]), f"{script}:target"))
    assert gathered.failed is None
    assert outcome.first_nonfinite is not None
    assert (outcome.first_nonfinite.step, outcome.first_nonfinite.samples) == (20, (3,))
    assert [cause.cause for cause in outcome.confirmed] == ["faulty_input"]
    assert outcome.smallest_change == "drop_samples"
    mended = run(script, *map(str, outcome.first_nonfinite.samples or ()))
    assert (mended.stdout, mended.bundles) == ("finite\n", [])
