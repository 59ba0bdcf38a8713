"""A minimal reproduction: state, batch, code and a script that runs the one step with nothing but torch."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch

from nanlog.replay.plan import Plan
from nanlog.replay.protocol import Send

from .faults import is_users
from .scene import Scene
from .state import TorchState

__all__ = ["write_bundle"]

#: A training's own code is smaller; what is larger is data that happens to lie beside it.
_LARGEST = 1 << 20
_MOST = 500


def write_bundle(scene: Scene, plan: Plan, send: Send) -> None:
    """Write the bundle to ``plan.bundle``.  That the disk does not let it is told, and ends nothing."""
    folder = Path(plan.bundle or "")
    script = getattr(scene.training, "reproduction", None)
    if not isinstance(scene.at_bad, TorchState) or script is None or plan.target is None:
        send("note", says=f"a bundle can be written for plain torch only, not for {scene.training.framework}")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(_checkpoint(scene, scene.at_bad), folder / "checkpoint.pt")
        torch.save({scene.bad: scene.batch(scene.bad)}, folder / "batch.pt")
        copied = _copy_code(Path(plan.directory).resolve(), folder / "code")
        (folder / "repro.py").write_text(script(plan.target, scene.bad), encoding="utf-8")
        (folder / "README.md").write_text(_readme(scene, plan, copied), encoding="utf-8")
    except (OSError, RuntimeError) as error:
        send("note", says=f"the bundle could not be written to {folder}: {error}")
        return
    send("note", says=f"the bundle is in {folder}: python {folder / 'repro.py'} shows the fault with torch alone")


def _checkpoint(scene: Scene, state: TorchState) -> dict[str, object]:
    training = scene.training
    wanted = training.model.state_dict()
    parts: dict[str, object] = {
        "model": {name: state.tensors.get(name, value) for name, value in wanted.items()},
        "optimizer": list(state.optimizers),
        "others": list(state.others),
        "global_step": scene.bad,
    }
    if state.rng.cpu is not None:
        parts["rng_state"] = state.rng.cpu
    if state.rng.cuda:
        parts["cuda_rng_state"] = list(state.rng.cuda)
    return parts


def _copy_code(root: Path, to: Path) -> list[str]:
    """The modules that were imported from the user's folder, in the same arrangement."""
    copied: list[str] = []
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not file or not Path(file).is_absolute() or not is_users(file):
            continue
        source = Path(file).resolve()
        if root not in source.parents or source.suffix != ".py" or not source.is_file():
            continue
        if source.stat().st_size > _LARGEST or len(copied) >= _MOST:
            continue
        place = to / source.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        copied.append(str(source.relative_to(root)))
    return sorted(copied)


def _readme(scene: Scene, plan: Plan, copied: list[str]) -> str:
    first = scene.first
    where = (
        "" if first is None or first.file is None else f"It arises in `{first.op}` at `{first.file}:{first.line}`.\n"
    )
    name = (plan.target or "").rpartition("/")[2]
    return f"""# A step that goes bad

In step {scene.bad} {scene.symptom}. {where}
    python repro.py

runs that one step from the state before it, on the batch that brought it, and says what is not finite. It needs torch
{torch.__version__.split("+")[0]} and what the code itself imports, nothing else.

- `checkpoint.pt` model, optimizer and random numbers before step {scene.bad}
- `batch.pt` the batch of that step
- `code/` the training's own code: {", ".join(f"`{each}`" for each in copied) or "none was found"}

The target builds its data as it always does, although only `batch.pt` is used: where the data is not at hand, let it
return an empty list for `batches`.

    nanlog replay --checkpoint checkpoint.pt --batches batch.pt --target code/{name}

changes one thing at a time and says what it was.
"""
