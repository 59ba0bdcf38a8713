"""The recorder of a plain loop: what a bundle holds, that a replay repeats it bit for bit, and when there is none."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import nanlog
from nanlog.record import Recorder, TrainingStopped
from nanlog.record.plain import plain
from nanlog.replay.plan import plan_for
from nanlog.replay.recorded import read_manifest
from nanlog.replay.worker.loading import opened
from replaying import replayed

TARGET = '''
import torch
from torch import nn

class Net(nn.Module):
    """Draws random numbers, counts its calls in a plain attribute, and has a buffer that no state dict holds."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 1))
        self.register_buffer("seen", torch.zeros(1), persistent=False)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        self.seen += x.mean().nan_to_num()
        return self.body(x)[:, 0] * (1 + 0.01 * self.calls) + self.seen * 0.1

def target():
    torch.manual_seed(0)
    net = Net()
    def loss(model, batch):
        return (model(batch["x"]) - batch["y"]).square().mean()
    return {"model": net, "optimizer": torch.optim.AdamW(net.parameters(), lr=1e-2), "loss": loss}
'''


def batch_of(step: int) -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(step)
    x = torch.randn(8, 4, generator=made)
    return {"x": x, "y": x.sum(1)}


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "target.py").write_text(TARGET, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(TARGET, names)  # noqa: S102  the text above
    found: dict[str, Any] = names["target"]()
    return found


def trained(made: dict[str, Any], recorder: Recorder, steps: int, bad: int | None) -> list[float]:
    """The losses; sample 3 of batch ``bad`` holds NaN."""
    schedule = torch.optim.lr_scheduler.ExponentialLR(made["optimizer"], 0.98)
    losses = []
    for step in range(steps):
        batch = batch_of(step)
        if step == bad:
            batch["x"][3, 1] = math.nan
        batch["x"] += torch.rand(1)  # random numbers of the loop itself
        with recorder.step(batch):
            made["optimizer"].zero_grad()
            loss = made["loss"](made["model"], batch)
            loss.backward()
            made["optimizer"].step()
        schedule.step()
        losses.append(loss.item())
    recorder.close()
    return losses


def recorder_of(made: dict[str, Any], folder: Path, **options: Any) -> Recorder:
    target = f"{folder / 'target.py'}:target"
    return Recorder(made["model"], made["optimizer"], folder=folder / "record", target=target, **options)


def test_bundle_is_repeated_bit_for_bit(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, state_every=10)
    losses = trained(made, recorder, 50, bad=45)
    assert recorder.bundle is not None
    assert recorder.bundle.name == "bundle-step45"
    opening = opened(plan_for(str(recorder.bundle), None), lambda *args, **kwargs: None)
    training = opening.training
    assert opening.loaded.fresh == []
    assert opening.start % 10 == 0
    assert 45 - opening.start >= 5
    for step in range(opening.start, 46):
        loss = training.run_step(training.batch(step), step)
        assert loss == losses[step] or (math.isnan(loss) and math.isnan(losses[step]))
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


def test_replay_of_a_bundle_confirms_the_cause_without_being_told_anything(
    made: dict[str, Any], tmp_path: Path
) -> None:
    recorder = recorder_of(made, tmp_path, state_every=8)
    trained(made, recorder, 30, bad=26)
    outcome, gathered = replayed(plan_for(str(recorder.bundle), None, vary=("drop_samples", "lr/10")))
    assert gathered.failed is None
    assert (outcome.reproduced, outcome.deterministic) == (True, True)
    assert outcome.first_nonfinite is not None
    assert (outcome.first_nonfinite.step, outcome.first_nonfinite.samples) == (26, (3,))
    assert [cause.cause for cause in outcome.confirmed] == ["faulty_input"]
    assert outcome.smallest_change == "drop_samples"


def test_everything_in_a_bundle_is_plain_data(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, state_every=4)
    trained(made, recorder, 12, bad=9)
    assert recorder.bundle is not None
    state = torch.load(recorder.bundle / "state.pt", weights_only=True)
    batches = torch.load(recorder.bundle / "batches.pt", weights_only=True)
    manifest = read_manifest(recorder.bundle)
    assert manifest is not None
    assert {"model", "optimizer", "global_step", "rng_state", "buffers", "modes", "attributes"} <= state.keys()
    assert state["attributes"][""]["calls"] == state["global_step"] == manifest.state_step
    assert list(batches["batches"]) == list(range(manifest.state_step, 10))
    assert list(batches["batches"][9][0]) == ["x", "y"]
    assert batches["groups"][9][0][0]["lr"] == pytest.approx(1e-2 * 0.98**9)
    assert set(batches["rng_states"][9]) == {"python", "numpy", "cpu"}
    assert (manifest.bad_step, manifest.found, manifest.value, manifest.exact) == (9, "loss", "nan", True)
    assert manifest.versions["torch"] == torch.__version__
    assert manifest.code is not None
    assert manifest.code.endswith("test_recorder.py:recorder_of")


def test_log_is_diagnosed_with_layers_and_the_good_checkpoint(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, state_every=8)
    trained(made, recorder, 60, bad=52)
    report = nanlog.diagnose(str(tmp_path / "record" / "log.jsonl"))
    assert report.onset is not None
    assert (report.onset.series, report.onset.step) == ("loss", 52)
    assert report.onset.last_good_checkpoint == str(recorder.bundle)
    assert {"loss", "lr", "grad_norm", "grad_norm/body.0", "grad_norm/body.4", "param_norm"} <= set(report.run.table)
    assert not report.run.unread


def test_healthy_training_leaves_a_log_and_nothing_else(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, state_every=4)
    trained(made, recorder, 12, bad=None)
    assert recorder.found is None
    assert [path.name for path in (tmp_path / "record").iterdir()] == ["log.jsonl"]


def test_norms_in_the_log_are_those_of_clip_grad_norm(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, layers_every=1)
    with recorder.step(batch_of(0)):
        made["loss"](made["model"], batch_of(0)).backward()
        norm = nn.utils.clip_grad_norm_(made["model"].parameters(), 0.1)
        made["optimizer"].step()
    recorder.close()
    row = json.loads((tmp_path / "record" / "log.jsonl").read_text(encoding="utf-8"))
    assert row["grad_norm"] == pytest.approx(float(norm), rel=1e-5)
    assert row["grad_norm"] == pytest.approx(math.sqrt(sum(each**2 for each in row["grads"].values())), rel=1e-6)


def test_memory_for_batches_is_bounded_and_what_is_missing_is_said(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, memory=0.0008, state_every=1000)  # five batches of 160 bytes
    trained(made, recorder, 20, bad=17)
    assert recorder.bundle is not None
    manifest = read_manifest(recorder.bundle)
    assert manifest is not None
    assert (manifest.state_step, manifest.first_batch, manifest.exact) == (0, 13, False)


def test_states_come_as_often_as_the_memory_for_batches_needs(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, batches=20)
    trained(made, recorder, 70, bad=66)
    manifest = read_manifest(recorder.bundle or "")
    assert manifest is not None
    assert manifest.exact


def test_step_that_writes_into_its_batch_is_found_out(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path)
    for step in range(3):
        batch = batch_of(step)
        if step == 2:
            batch["x"][0] = math.nan
        with recorder.step(batch):
            made["optimizer"].zero_grad()
            batch["x"].mul_(2.0)
            made["loss"](made["model"], batch).backward()
            made["optimizer"].step()
    recorder.close()
    kept = torch.load((recorder.bundle or tmp_path) / "batches.pt", weights_only=True)["batches"]
    assert torch.equal(kept[0][0]["x"], batch_of(0)["x"] * 2)  # too late
    assert torch.equal(kept[1][0]["x"], batch_of(1)["x"])  # a copy from now on
    manifest = read_manifest(recorder.bundle or "")
    assert manifest is not None
    assert manifest.notes == ("step 0 wrote into its batch; what is kept is what it left",)


def test_update_that_a_loss_scaler_skips_is_no_failure(tmp_path: Path) -> None:
    net = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    recorder = Recorder(net, optimizer, scaler=scaler, folder=tmp_path)
    for step in range(8):
        with recorder.step(torch.ones(2, 4)):
            optimizer.zero_grad()
            loss = net(torch.ones(2, 4)).square().mean()
            scaler.scale(loss).backward()
            if step == 4:
                assert net.weight.grad is not None
                net.weight.grad[0, 0] = math.inf
            scaler.step(optimizer)
            scaler.update()
    recorder.close()
    assert recorder.found is None
    assert recorder.flight.skipped == [4]
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["loss_scale"] for row in rows[3:6]] == [1024, 512, 512]
    assert rows[0]["grad_norm"] < 100  # without the factor


def test_training_in_which_every_update_is_skipped_stands_still(tmp_path: Path) -> None:
    net = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    recorder = Recorder(net, optimizer, scaler=scaler, folder=tmp_path)
    for _ in range(20):
        with recorder.step(torch.ones(2, 4)):
            optimizer.zero_grad()
            loss = net(torch.ones(2, 4)).mean() + (net.weight.sum() * 0).sqrt()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    recorder.close()
    assert recorder.found is not None
    assert (recorder.found.step, recorder.found.what) == (0, "gradient")


def test_gradient_that_the_loop_mends_is_no_failure(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path)
    for step in range(4):
        with recorder.step(batch_of(step)):
            made["optimizer"].zero_grad()
            loss = made["loss"](made["model"], batch_of(step))
            (loss + (loss * 0).sqrt()).backward()
            for parameter in made["model"].parameters():
                parameter.grad.nan_to_num_(0.0)
            made["optimizer"].step()
    recorder.close()
    assert recorder.found is None
    assert recorder.flight.harmless == [0, 1, 2, 3]


def test_update_that_spoils_a_parameter_is_found_in_its_own_step(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path)
    for step in range(4):
        with recorder.step(batch_of(step)):
            made["optimizer"].zero_grad()
            made["loss"](made["model"], batch_of(step)).backward()
            if step == 2:
                made["optimizer"].param_groups[0]["lr"] = math.inf
            made["optimizer"].step()
    recorder.close()
    assert recorder.found is not None
    assert (recorder.found.step, recorder.found.what, recorder.found.tensor) == (2, "parameter", "body.0.weight")


def test_exception_in_a_step_makes_a_bundle_and_passes(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path)
    with pytest.raises(IndexError), recorder.step(batch_of(0)):
        raise IndexError("Target 7 is out of bounds.\nand more")
    recorder.close()
    assert str(recorder.found) == "it raised IndexError: Target 7 is out of bounds."
    assert recorder.bundle is not None


def test_recorder_stops_the_training_when_it_is_told_to(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, stop=True)
    with pytest.raises(TrainingStopped, match=r"in step 3; the bundle is in .*bundle-step3"):
        trained(made, recorder, 10, bad=3)
    recorder.close()


def test_accumulated_batches_are_one_step(made: dict[str, Any], tmp_path: Path) -> None:
    recorder = recorder_of(made, tmp_path, accumulate=3)
    for number in range(9):
        batch = batch_of(number)
        if number == 7:
            batch["y"][0] = math.inf
        with recorder.step(batch):
            (made["loss"](made["model"], batch) / 3).backward()
            if number % 3 == 2:
                made["optimizer"].step()
                made["optimizer"].zero_grad()
    recorder.close()
    assert recorder.found is not None
    assert recorder.found.step == 2
    kept = torch.load((recorder.bundle or tmp_path) / "batches.pt", weights_only=True)["batches"]
    assert [len(kept[step]) for step in range(3)] == [3, 3, 3]


def test_several_models_are_told_apart(tmp_path: Path) -> None:
    models = {"generator": nn.Linear(2, 4), "critic": nn.Linear(4, 1)}
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models.values()]
    recorder = Recorder(models, optimizers, folder=tmp_path, layers_every=1)
    for _ in range(2):
        with recorder.step(torch.ones(3, 2)):
            (models["critic"](models["generator"](torch.ones(3, 2)))).mean().backward()
            for optimizer in optimizers:
                optimizer.step()
    recorder.close()
    row = json.loads((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert set(row["grads"]) == {"generator", "critic"}
    assert (row["lr/group0"], row["lr/group1"]) == (0.1, 0.1)


def test_full_disk_is_said_once_and_the_training_goes_on(
    made: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "record").write_text("a file where the folder would be", encoding="utf-8")
    losses = trained(made, recorder := recorder_of(made, tmp_path), 6, bad=4)
    assert len(losses) == 6
    assert recorder.bundle is None
    assert recorder.found is not None
    assert capsys.readouterr().err.count("could not be written") == 1


def test_hooks_are_taken_off_between_the_steps(made: dict[str, Any], tmp_path: Path) -> None:
    entrances = torch.autograd._engine_run_backward, torch.amp.GradScaler.step, torch.amp.GradScaler.scale
    recorder = recorder_of(made, tmp_path)
    with recorder.step(batch_of(0)):
        assert torch.autograd._engine_run_backward is not entrances[0]
    recorder.close()
    assert entrances == (torch.autograd._engine_run_backward, torch.amp.GradScaler.step, torch.amp.GradScaler.scale)


def test_plain_data_has_no_more_than_it_shows() -> None:
    import numpy as np

    left_out: list[str] = []
    whole = torch.arange(1000.0)
    made = plain(
        {"view": whole[10:12], "array": np.arange(3), "number": np.float64(2.5), "set": {1}, "other": object()},
        left_out,
    )
    assert made["view"].untyped_storage().nbytes() == 8
    assert torch.equal(made["array"], torch.arange(3))
    assert (made["number"], type(made["number"]), made["set"], made["other"]) == (2.5, float, [1], None)
    assert left_out == ["['other'] (object)"]


def test_damaged_bundle_is_refused_in_a_sentence(made: dict[str, Any], tmp_path: Path) -> None:
    from nanlog.errors import UnreadableError

    (tmp_path / "bundle.json").write_text('{"format": "nanlog bundle", "version": 9}', encoding="utf-8")
    with pytest.raises(UnreadableError, match="it has version 9; this nanlog reads version 1"):
        read_manifest(tmp_path)
    (tmp_path / "bundle.json").write_bytes(b"\xff{")
    with pytest.raises(UnreadableError, match="cannot be read"):
        read_manifest(tmp_path)
