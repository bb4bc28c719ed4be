"""Command lines, made from a table of settings. A flag takes precedence over its variable."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from core.errors import SettingsError
from core.settings.setting import REQUIRED, Setting, SettingsTable, Source

T = TypeVar("T")

#: Characters of a line of `--help`.
_WIDTH = 100


def parse(
    table: SettingsTable, arguments: Sequence[str], environment: Source, build: Callable[[Source], T]
) -> T:
    """Return what `build` makes of command line and environment.

    Args:
        table: the part's settings.
        arguments: command-line arguments, without the program's name.
        environment: environment variables.
        build: reads the settings from the source that it gets.

    Raises:
        SystemExit: an argument or a setting is wrong (status 2), or help was requested (status 0).
    """
    parser = _parser(table)
    given = vars(parser.parse_args(arguments))
    # A variable cannot stand in for a flag that has no variable.
    source = {name: text for name, text in environment.items() if not name.startswith("-")}
    for row in table.rows:
        value = given.get(row.key)
        if value is not None:
            source[row.key] = "\0".join(value) if isinstance(value, list) else value
    try:
        return build(source)
    except SettingsError as error:
        parser.error(error.message)


def default_text(row: Setting[Any]) -> str:
    """Return a setting's default for `--help` and for the documentation."""
    if row.default_text:
        return row.default_text
    if row.default is REQUIRED:
        return "required"
    if isinstance(row.default, bool):
        return str(int(row.default))
    if isinstance(row.default, int | float):
        return f"{row.default:g}" if isinstance(row.default, float) else str(row.default)
    if isinstance(row.default, tuple):
        return ",".join(row.default) or "none"
    return str(row.default or "none")


def _parser(table: SettingsTable) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=table.program,
        description=textwrap.fill(table.description, _WIDTH),
        epilog=_variables(table),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for row in table.rows:
        if not row.flag:
            continue
        options: dict[str, Any] = {"dest": row.key, "default": None, "help": _help(row).replace("%", "%%")}
        if row.kind.is_switch:
            options |= {"action": "store_const", "const": "1"}
        else:
            options |= {"action": "append" if row.kind.repeats else "store", "metavar": "VALUE"}
        parser.add_argument(row.flag, **options)
    return parser


def _help(row: Setting[Any]) -> str:
    notes = [row.name] if row.name else []
    if not row.kind.is_switch:
        notes.append(f"default: {default_text(row)}")
    return f"{row.help} [{'; '.join(notes)}]" if notes else row.help


def _variables(table: SettingsTable) -> str:
    rows = [row for row in table.rows if not row.flag]
    if not rows:
        return ""
    lines = ["environment variables:"]
    for row in rows:
        text = f"{row.help} [default: {default_text(row)}]"
        indent = " " * 6
        lines += [
            f"  {row.name}",
            textwrap.fill(text, _WIDTH, initial_indent=indent, subsequent_indent=indent),
        ]
    return "\n".join(lines)
