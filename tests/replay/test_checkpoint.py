"""Checkpoints of many makers, whole, damaged and hostile."""

from __future__ import annotations

import json
import pickle
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from nanlog.errors import UnreadableError
from nanlog.replay.worker.checkpoint import read_checkpoint
from nanlog.replay.worker.matching import load_weights


def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))


def trained(kind: Any = torch.optim.Adam) -> tuple[torch.nn.Module, Any]:
    model = net()
    optimizer = kind(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        model(torch.ones(2, 2)).sum().backward()
        optimizer.step()
    return model, optimizer


def saved(content: Any, path: Path) -> str:
    torch.save(content, path)
    return str(path)


class Config:
    """A class that a checkpoint of somebody's holds."""

    ran = False

    def __reduce__(self) -> Any:
        return _run, ()


def _run() -> Config:
    Config.ran = True
    return Config()


def layouts() -> dict[str, Callable[[], Any]]:
    model, optimizer = trained()
    weights, state = model.state_dict(), optimizer.state_dict()
    return {
        "state_dict": lambda: weights,
        "usual": lambda: {"model_state_dict": weights, "optimizer_state_dict": state, "epoch": 1},
        "nested": lambda: {"state": {"model": weights, "optim": state}, "config": {"lr": 0.1}},
        "lightning": lambda: {
            "state_dict": weights,
            "optimizer_states": [state],
            "lr_schedulers": [{"last_epoch": 3, "_step_count": 4}],
            "global_step": 4,
            "epoch": 0,
        },
        "with_ema": lambda: {"ema": {k: v * 0 for k, v in weights.items()}, "model": weights, "optimizer": state},
    }


@pytest.mark.parametrize("name", layouts())
def test_the_parts_are_found_by_their_shape(name: str, tmp_path: Path) -> None:
    content = layouts()[name]()
    found = read_checkpoint(saved(content, tmp_path / "last.pt"))
    model = net()
    load_weights(model, found.models, found.path)
    assert torch.equal(model[0].weight, trained()[0][0].weight)
    assert len(found.optimizers) == (0 if name == "state_dict" else 1)
    if found.optimizers:
        assert found.updates == 4
    assert len(found.schedulers) == (1 if name == "lightning" else 0)
    assert found.step == (4 if name == "lightning" else None)


def test_scaler_and_random_states_are_found(tmp_path: Path) -> None:
    model, _ = trained()
    scaler = torch.amp.GradScaler("cpu")
    content = {
        "model": model.state_dict(),
        "scaler": scaler.state_dict(),
        "rng": {"torch": torch.get_rng_state(), "python": random.getstate(), "cuda": [torch.get_rng_state()]},
    }
    found = read_checkpoint(saved(content, tmp_path / "last.pt"))
    assert found.scalers == [scaler.state_dict()]
    assert found.rng.cpu is not None
    assert torch.equal(found.rng.cpu, torch.get_rng_state())
    assert found.rng.python == random.getstate()
    assert len(found.rng.cuda) == 1


def test_safetensors_and_folders_of_hugging_face(tmp_path: Path) -> None:
    model, optimizer = trained()
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    assert list(read_checkpoint(str(tmp_path / "model.safetensors")).models) == ["the file itself"]
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    (tmp_path / "trainer_state.json").write_text(json.dumps({"global_step": 4}), encoding="utf-8")
    torch.save(
        {"python": random.getstate(), "numpy": np.random.get_state(), "cpu": torch.get_rng_state()},
        tmp_path / "rng_state.pth",
    )
    found = read_checkpoint(str(tmp_path))
    assert (len(found.models), len(found.optimizers), found.step, found.updates) == (1, 1, 4, 4)
    assert found.rng.cpu is not None


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model.", "net.backbone."])
def test_prefixes_of_wrappers_are_taken_off(prefix: str) -> None:
    weights = {prefix + name: value for name, value in trained()[0].state_dict().items()}
    model = net()
    load_weights(model, {"model": weights}, "last.pt")
    assert torch.equal(model[0].weight, trained()[0][0].weight)


def test_names_that_do_not_fit_are_told_with_the_nearest() -> None:
    weights = {name.replace("weight", "wieght"): value for name, value in trained()[0].state_dict().items()}
    with pytest.raises(UnreadableError, match=r"lacks 0\.weight \(nearest: 0\.wieght\)"):
        load_weights(net(), {"model": weights}, "last.pt")
    wider = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Linear(5, 1))
    with pytest.raises(UnreadableError, match=r"0\.weight is 3x2 there and 5x2 in the model"):
        load_weights(wider, {"model": trained()[0].state_dict()}, "last.pt")


def test_entries_that_are_not_finite_are_named(tmp_path: Path) -> None:
    model, optimizer = trained()
    weights, state = model.state_dict(), optimizer.state_dict()
    weights["0.weight"][1, 0] = torch.nan
    state["state"][0]["exp_avg"].fill_(torch.inf)
    found = read_checkpoint(saved({"model": weights, "optimizer": state}, tmp_path / "last.pt")).nonfinite()
    assert found == {
        "0.weight": "1 of 6 values is NaN",
        "optimizer state 0.exp_avg": "6 of 6 values are infinite",
    }


def test_a_class_is_named_and_not_run_until_the_file_is_trusted(tmp_path: Path) -> None:
    Config.ran = False
    path = saved({"model": trained()[0].state_dict(), "config": Config()}, tmp_path / "last.pt")
    with pytest.raises(UnreadableError, match=r"_run.*--trust-checkpoint"):
        read_checkpoint(path)
    assert not Config.ran
    assert read_checkpoint(path, trust=True).models
    assert Config.ran


def write(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def cut(path: Path) -> None:
    torch.save(trained()[0].state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def spoilt(path: Path) -> None:
    torch.save(trained()[0].state_dict(), path)
    whole = bytearray(path.read_bytes())
    whole[100:160] = b"\xff" * 60
    path.write_bytes(bytes(whole))


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x00" * (200 << 20))


def evil(path: Path) -> None:
    path.write_bytes(pickle.dumps(Config(), protocol=2))


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (write(b""), "is empty"),
    "html": (write(b"<!DOCTYPE html><html>404</html>"), "page of HTML"),
    "lfs": (write(b"version https://git-lfs.github.com/spec/v1\noid sha256:0"), "git lfs pull"),
    "json": (write(b'{"loss": 1}'), "text file"),
    "noise": (write(bytes(range(256)) * 8), "no checkpoint|damaged"),
    "text": (write(b"step 1 loss nan\n"), "no checkpoint|damaged"),
    "cut": (cut, "ends too early|damaged"),
    "spoilt": (spoilt, "damaged|no checkpoint|run code"),
    "bomb": (bomb, "is not unpacked"),
    "evil": (evil, "--trust-checkpoint|damaged"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_checkpoint_is_one_sentence(name: str, tmp_path: Path) -> None:
    make, says = DAMAGED[name]
    Config.ran = False
    path = tmp_path / "last.pt"
    make(path)
    with pytest.raises(UnreadableError, match=says) as error:
        read_checkpoint(str(path))
    assert len(str(error.value).splitlines()) == 1
    assert not Config.ran


def test_what_is_missing_or_no_checkpoint_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot be opened"):
        read_checkpoint(str(tmp_path / "gone.pt"))
    (tmp_path / "last.pt").touch()
    with pytest.raises(UnreadableError, match=r"name one of its files: last\.pt"):
        read_checkpoint(str(tmp_path))


def test_a_file_without_weights_is_told(tmp_path: Path) -> None:
    found = read_checkpoint(saved({"epoch": 3, "best": 0.5}, tmp_path / "last.pt"))
    with pytest.raises(UnreadableError, match="holds no weights"):
        load_weights(net(), found.models, found.path)
