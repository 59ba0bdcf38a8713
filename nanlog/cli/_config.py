"""What the options of a command are where the command line does not say: ``nanlog.toml`` or ``pyproject.toml``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from nanlog.cli._known import meant
from nanlog.errors import UsageError

__all__ = ["configured", "outranks", "settings", "with_config"]

OWN, SHARED = "nanlog.toml", "pyproject.toml"
#: Options that make sense for one call only.
_NEVER_KEPT = {"out", "output", "config", "no-config"}
#: More than this is no configuration, and slow to read.
_LARGEST = 64 << 10
_WITHOUT = "nanlog diagnose --no-config does without it"


def with_config(ctx: click.Context, _param: click.Parameter, file: str | None) -> str | None:
    """Take the defaults of the command from ``file``, or else from the nearest configuration (an eager callback)."""
    unwanted = file is None and ctx.get_parameter_source("no_config") is ParameterSource.COMMANDLINE
    if not ctx.resilient_parsing and not unwanted:
        known = settings(ctx.command)
        for path, table in _tables(file):
            ctx.default_map = {
                str(option.name): _value(path, key, table[key], option)
                for key, option in ((key, _option(path, key, known)) for key in table)
            }
    return file


def configured(key: str) -> Any:
    """What the nearest configuration says ``nanlog diagnose`` is to use; None where it does not say."""
    from nanlog.cli.diagnose import diagnose

    known = settings(diagnose)
    for path, table in _tables(None):
        options = {each: _option(path, each, known) for each in table}
        return _value(path, key, table[key], options[key]) if key in table else None
    return None


def outranks(ctx: click.Context, option: str, other: str) -> bool:
    """Whether ``option`` stands on the command line and ``other`` only in a file."""
    sources = ctx.get_parameter_source(option), ctx.get_parameter_source(other)
    return sources == (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)


def settings(command: click.Command) -> dict[str, click.Option]:
    """What a file may set: the long options of the command, without their dashes."""
    long = {
        name.removeprefix("--"): option
        for option in command.params
        if isinstance(option, click.Option)
        for name in option.opts
        if name.startswith("--")
    }
    return {key: option for key, option in long.items() if key not in _NEVER_KEPT}


def _tables(file: str | None) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The configuration that counts and where it stands; nothing where there is none."""
    if file is not None:
        table = _table(Path(file))
        if table is None:
            raise UsageError(f"{file} has no section [tool.nanlog]: name another file, or write one")
        yield Path(file), table
        return
    for path in _nearby():
        if (table := _table(path)) is not None:
            yield path, table
            return


def _nearby() -> Iterator[Path]:
    """The files there are, from the working folder up to the root."""
    try:
        here = Path.cwd()
    except OSError:  # the working folder was removed
        return
    for folder in (here, *here.parents):
        for name in (OWN, SHARED):
            if os.path.isfile(path := folder / name):  # noqa: PTH113  Path.is_file raises where a folder is closed to us
                yield path


def _table(path: Path) -> Mapping[str, Any] | None:
    """What the file says about nanlog; None for a ``pyproject.toml`` that says nothing."""
    try:
        with path.open("rb") as opened:
            text = opened.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path} ({error.strerror}); {_WITHOUT}") from error
    shared = path.name == SHARED
    if shared and b"nanlog" not in text:
        return None
    if len(text) > _LARGEST:
        raise UsageError(f"{path} is too long to be a configuration ({_LARGEST >> 10} KiB); {_WITHOUT}")
    document = _parsed(path, text)
    if not shared:
        return document
    tools = document.get("tool")
    if not isinstance(tools, dict) or "nanlog" not in tools:
        return None
    if not isinstance(tools["nanlog"], dict):
        raise UsageError(f"{path}: tool.nanlog must be a section [tool.nanlog], not {tools['nanlog']!r}")
    return tools["nanlog"]


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        why = "its text is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise UsageError(f"{path} is no TOML ({why}); {_WITHOUT}") from error


def _option(path: Path, key: str, known: Mapping[str, click.Option]) -> click.Option:
    if key in known:
        return known[key]
    near = meant(key, [name.replace("-", "_") for name in known])
    advice = f"did you mean: {near.replace('_', '-')}" if near else f"there are {', '.join(known)}"
    raise UsageError(f"{path}: there is no setting {key!r}; {advice}")


def _value(path: Path, key: str, value: object, option: click.Option) -> object:
    """The value as the option takes it; a path that is not absolute begins at the folder of the file."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise UsageError(f"{path}: {key} must be true or false, not {value!r}")
        return value
    if option.multiple:
        if not isinstance(value, list) or not all(map(_is_word, value)):
            raise UsageError(f"{path}: {key} must be a list of names in quotes, not {value!r}")
        return [_converted(path, key, word, option) for word in value]
    if not _is_word(value):
        raise UsageError(f"{path}: {key} must be some text in quotes, not {value!r}")
    if isinstance(option.type, click.Path):
        value = str(path.parent / os.path.expanduser(str(value)))  # noqa: PTH111  it never raises
    return _converted(path, key, value, option)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != "" and "\0" not in value


def _converted(path: Path, key: str, value: object, option: click.Option) -> object:
    try:
        return option.type.convert(value, None, None)
    except (click.BadParameter, UsageError) as error:
        why = error.message.rstrip(".") if isinstance(error, click.BadParameter) else str(error)
        raise UsageError(f"{path}: {key}: {why}") from error
