"""Reading one checkpoint file that may be truncated, hostile or no checkpoint at all."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nanlog.errors import UnreadableError

__all__ = ["read_file"]

#: Plain data that checkpoints often hold beside tensors: the arguments of a script, paths, numpy's numbers and states.
#: To make one of these runs no code of the file's.
_PLAIN = ("argparse.Namespace", "types.SimpleNamespace", "pathlib.PosixPath", "pathlib.PurePosixPath")

#: torch stores tensors as they are; a file that swells more than this when it is unpacked was not made by torch.
_SWELLING = 20
_HEAD = 512
_ALLOWED = re.compile(
    r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)|Unsupported (?:class|global):? (?:GLOBAL )?([\w.]+)"
)
_TEXTS = (
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself; fetch it: git lfs pull"),
    (b"<", "a page of HTML or XML (a download that failed?), not a checkpoint; fetch it again"),
    (b"{", "a text file, not a checkpoint; name the file that torch.save wrote"),
)


def read_file(path: Path, trust: bool) -> Any:
    """What ``torch.save`` or safetensors put into the file.  Raises ``UnreadableError`` with one sentence."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableError(f"the checkpoint {path} cannot be opened: {error.strerror or error}") from error
    if not head:
        raise UnreadableError(
            f"the checkpoint {path} is empty: the disk was full, or it was being written; take another"
        )
    if path.suffix == ".safetensors" or _is_safetensors(head, size):
        return _safetensors(path)
    _refuse_texts(path, head)
    if zipfile.is_zipfile(path):
        _refuse_bombs(path, size)
    elif head[:2] == b"PK":
        raise UnreadableError(
            f"the checkpoint {path} ends too early: it was cut while it was written; take an earlier one"
        )
    return _torch(path, trust)


def _is_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[:8], "little")
    return head[8:9] == b"{" and length <= size - 8


def _safetensors(path: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise UnreadableError(f"{path} needs the package safetensors: pip install safetensors") from error
    try:
        return load_file(path)
    except Exception as error:
        raise UnreadableError(f"the checkpoint {path} is no whole safetensors file: {_first_line(error)}") from error


def _refuse_texts(path: Path, head: bytes) -> None:
    for start, what in _TEXTS:
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            raise UnreadableError(f"{path} is {what}")


def _refuse_bombs(path: Path, size: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnreadableError(f"the checkpoint {path} is damaged: {_first_line(error)}; take an earlier one") from error
    if unpacked > _SWELLING * size + (1 << 20):
        raise UnreadableError(
            f"the checkpoint {path} claims to hold {unpacked / 1e9:.1f} GB in {size / 1e6:.1f} MB: torch writes no such"
            " file, and it is not unpacked"
        )


def _torch(path: Path, trust: bool) -> Any:
    try:
        with warnings.catch_warnings(), _with_plain_classes():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=not trust)
    except pickle.UnpicklingError as error:
        raise UnreadableError(_needs_trust(path, str(error), trust)) from error
    except MemoryError as error:
        raise UnreadableError(f"the checkpoint {path} does not fit into memory") from error
    except (ModuleNotFoundError, AttributeError) as error:
        raise UnreadableError(
            f"the checkpoint {path} holds an object whose class is not here ({_first_line(error)});"
            " run from the folder that the training ran in"
        ) from error
    except Exception as error:
        raise UnreadableError(
            f"the checkpoint {path} is damaged or no checkpoint of torch: {_first_line(error)}; take another"
        ) from error


def _with_plain_classes() -> AbstractContextManager[Any]:
    """``_PLAIN`` and numpy's arrays, scalars and dtypes may be unpickled; torch before 2.6 cannot be told so."""
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < (2, 6):
        return nullcontext()
    classes: list[Any] = [getattr(import_module(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in _PLAIN]
    multiarray = import_module(np.empty(0).__reduce__()[0].__module__)
    for name in ("_reconstruct", "scalar"):
        # numpy 1 and 2 keep them in different modules, and a checkpoint may be of either
        classes += [(getattr(multiarray, name), f"numpy.{core}.multiarray.{name}") for core in ("core", "_core")]
    dtypes = [kind for kind in vars(np.dtypes).values() if isinstance(kind, type) and issubclass(kind, np.dtype)]
    context: AbstractContextManager[Any] = torch.serialization.safe_globals([*classes, np.ndarray, np.dtype, *dtypes])
    return context


def _needs_trust(path: Path, said: str, trust: bool) -> str:
    if found := _ALLOWED.search(said):
        name = found.group(1) or found.group(2)
        return (
            f"the checkpoint {path} holds more than tensors: a {name}. Unpickling that can run code;"
            " if you made this file yourself, add --trust-checkpoint"
        )
    if trust:
        return f"the checkpoint {path} is damaged or no checkpoint of torch: {said.splitlines()[0]}; take another"
    first = said.splitlines()[0]
    if "weights only" in said.lower() and ("unsupported operand" in said.lower() or "arbitrary" in said.lower()):
        inner = said.split("WeightsUnpickler error:")[-1].strip().splitlines()[0]
        return (
            f"the checkpoint {path} cannot be read without running code from it, or is damaged ({inner});"
            " if you made this file yourself, add --trust-checkpoint"
        )
    return f"the checkpoint {path} is damaged or no checkpoint of torch: {first}; take another"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
