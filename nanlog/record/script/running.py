"""A script run as Python itself would run it, with its own arguments, path, exit code and traceback."""

from __future__ import annotations

import builtins
import io
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType

from .asked import Asked
from .on_import import after_import
from .record import Record

__all__ = ["run"]

_NANLOG = str(Path(__file__).resolve().parents[2])


def run(asked: Asked) -> None:
    """Never returns differently from the script: what it raises, ``SystemExit`` included, goes on its way."""
    record = Record(asked)
    after_import("torch", record.torch_is_there)
    after_import("torch.utils.data.dataloader", record.loaders_are_there)
    os.register_at_fork(after_in_child=record.leave)
    try:
        (_run_module if asked.module else _run_file)(asked.command)
    except BaseException as error:
        record.script_ended(error)
        if not isinstance(error, SystemExit):
            _show_only_the_scripts_frames()
        raise
    record.script_ended(None)


def _main_module() -> ModuleType:
    """A fresh ``__main__``, in which nothing of nanlog stands."""
    main = ModuleType("__main__")
    vars(main).update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = main
    return main


def _run_module(command: tuple[str, ...]) -> None:
    _main_module()
    sys.argv = ["-m", *command[1:]]
    if not sys.flags.safe_path:
        sys.path.insert(0, str(Path.cwd()))
    runpy._run_module_as_main(command[0])  # type: ignore[attr-defined]  # what python -m calls


def _run_file(command: tuple[str, ...]) -> None:
    given = command[0]
    sys.argv = list(command)
    path = Path(given)
    if path.is_dir() or path.suffix in (".zip", ".pyz"):
        runpy.run_path(given, run_name="__main__")
        return
    if not sys.flags.safe_path:
        sys.path.insert(0, str(path.resolve().parent))
    main = _main_module()
    file = str(Path.cwd() / path)  # absolute since Python 3.9, links as they are
    vars(main).update(__file__=file, __cached__=None, __loader__=SourceFileLoader("__main__", file))
    with io.open_code(file) as source:
        code = compile(source.read(), file, "exec", dont_inherit=True)
    exec(code, vars(main))  # noqa: S102  that is the command


def _show_only_the_scripts_frames() -> None:
    """The traceback begins where the script does, whoever prints it."""
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _strip(error, set())
        show(kind, error, error.__traceback__)

    sys.excepthook = hook


def _strip(error: BaseException | None, seen: set[int]) -> None:
    """Take nanlog's frames out of the traceback, and out of those of what led to it."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = _without_nanlog(error.__traceback__)
    _strip(error.__cause__, seen)
    _strip(error.__context__, seen)


def _without_nanlog(trace: TracebackType | None) -> TracebackType | None:
    kept = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_NANLOG):
            kept.append(trace)
        trace = trace.tb_next
    made = None
    for each in reversed(kept):
        made = TracebackType(made, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return made
