"""What LightningCLI wrote beside its checkpoints, made again by LightningCLI itself."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from nanlog.replay.worker.faults import TargetError, said

from .given import Given, is_datamodule, is_module, package_of

__all__ = ["config_beside", "given_of_config"]

_NAME = "config.yaml"
_LARGEST = 1 << 20  #: bytes; a configuration that people write has a few thousand
#: What the subcommand ``fit`` adds.
_NOT_OURS = ("ckpt_path", "weights_only", "verbose", "return_predictions", "config", "subcommand")


def config_beside(checkpoint: str) -> Path | None:
    """``version_3/config.yaml`` of ``version_3/checkpoints/last.ckpt``, if it is one of LightningCLI."""
    place = Path(checkpoint).absolute()
    if place.suffix != ".ckpt":
        return None
    for folder in (place.parent, place.parent.parent):
        file = folder / _NAME
        if file.is_file() and file.stat().st_size <= _LARGEST:
            text = file.read_text(encoding="utf-8", errors="replace")
            if any(line.startswith("model:") for line in text.splitlines()):
                return file
    return None


def given_of_config(file: Path, classes: tuple[type, ...]) -> Given:
    """Module, datamodule and the arguments of the Trainer; ``classes`` are those that the configuration leaves open.

    Raises ``TargetError`` with a sentence.
    """
    content = _read(file)
    model = next((each for each in classes if is_module(each)), None)
    data = next((each for each in classes if is_datamodule(each)), None)
    if model is None and not _names_class(content.get("model")):
        raise TargetError(
            f"{file} does not name the class of its model (it has no class_path); name it:"
            " --target FILE.py:MODULE,DATAMODULE"
        )
    package = _package(file, model)
    base: Any = import_module(f"{package}.cli").LightningCLI

    class Parsed(base):  # type: ignore[misc]
        """Makes everything but the Trainer."""

        def instantiate_trainer(self, **kwargs: Any) -> Any:
            return None

    argv, sys.argv = sys.argv, sys.argv[:1]
    try:
        parsed = Parsed(
            model,
            data,
            run=False,
            save_config_callback=None,
            subclass_mode_model=_names_class(content.get("model")),
            subclass_mode_data=_names_class(content.get("data")),
            args=content,
        )
    except (Exception, SystemExit) as error:
        raise TargetError(f"{file} could not be used: {said(error)}") from error
    finally:
        sys.argv = argv
    trainer = parsed.config_init.get("trainer")
    options = {key: value for key, value in vars(trainer).items() if value is not None} if trainer else {}
    given = Given(parsed.model, import_module(package), parsed.datamodule, options=options)
    given.notes.append(f"module, data and Trainer are those of {file}")
    return given


def _read(file: Path) -> dict[str, Any]:
    yaml = import_module("yaml")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, yaml.YAMLError, RecursionError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise TargetError(f"{file} is no configuration of LightningCLI: {first}; name a --target") from error
    if not isinstance(content, dict):
        raise TargetError(f"{file} is no configuration of LightningCLI; name a --target")
    content = {key: value for key, value in content.items() if key not in _NOT_OURS and value is not None}
    trainer = content.get("trainer")
    if isinstance(trainer, dict):
        content["trainer"] = {**trainer, "logger": False, "default_root_dir": None}
    return content


def _names_class(section: Any) -> bool:
    return isinstance(section, dict) and "class_path" in section


def _package(file: Path, model: Any) -> str:
    """The package of the module; else the one that wrote the file, as its first line says."""
    found = package_of(model)
    if found is None:
        with file.open(encoding="utf-8", errors="replace") as lines:
            head = lines.readline(200)
        found = "pytorch_lightning" if head.startswith("# pytorch_lightning") else "lightning.pytorch"
    try:
        import_module("jsonargparse")
        import_module(f"{found}.cli")
    except ImportError as error:
        raise TargetError(
            f"{file} needs what LightningCLI needs, which is not installed here ({error}):"
            " pip install 'jsonargparse[signatures]'; or name a --target"
        ) from error
    return found
