"""Completion in shells: each calls `qwhisk complete -- WORDS`, which prints what the last word may become."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

SCRIPTS = {
    "bash": """\
_qwhisk() {
    mapfile -t COMPREPLY < <(qwhisk complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _qwhisk qwhisk
""",
    "zsh": """\
#compdef qwhisk
_qwhisk() {
    local -a found
    found=("${(@f)$(qwhisk complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "$found[1]" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _qwhisk qwhisk
""",
    "fish": """\
complete -c qwhisk -f -a '(qwhisk complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
""",
}
#: The words that are offered. A shell would have to quote others, and a terminal could act on some.
_PLAIN = re.compile(r"[\w.=-]+")


class Lookup(Protocol):
    """What is looked up at the gateway."""

    def functions(self) -> Iterable[str]:
        """Return the ids of the functions."""

    def input_schema(self, function: str) -> Mapping[str, Any]:
        """Return the JSON Schema of a function's input."""

    def jobs(self) -> Iterable[str]:
        """Return the ids of the newest jobs."""


def candidates(words: Sequence[str], commands: Mapping[str, Mapping[str, bool]], lookup: Lookup) -> list[str]:
    """Return what the last word may become.

    Args:
        words: the words after the program's name, up to the one that is being typed.
        commands: the commands with their options, and whether each option takes a value.
        lookup: asks the gateway.
    """
    *before, current = words or [""]
    command, *after = before or [""]
    if not before:
        found: Iterable[str] = commands
    elif command not in commands:
        found = []
    else:
        found = _of_command(command, after, current, commands[command], lookup)
    return sorted({word for word in found if word.startswith(current) and _PLAIN.fullmatch(word)})


def _of_command(
    command: str, after: Sequence[str], current: str, options: Mapping[str, bool], lookup: Lookup
) -> Iterable[str]:
    if after and options.get(after[-1]):
        return []  # the value of an option
    arguments: dict[str, Callable[[], Iterable[str]]] = {
        "completion": lambda: SCRIPTS,
        "functions": lookup.functions,
        "run": lookup.functions,
        "result": lookup.jobs,
        "cancel": lookup.jobs,
        "erase": lookup.jobs,
        "watch": lookup.jobs,
    }
    place = _positional(after, options)
    if command == "run" and place is not None:
        return _parameters(lookup.input_schema(place), after, current, options)
    if current.startswith("-"):
        return options
    return arguments[command]() if command in arguments and place is None else []


def _positional(words: Sequence[str], options: Mapping[str, bool]) -> str | None:
    """Return the first word that is neither an option nor the value of one; None if there is none."""
    is_value = False
    for word in words:
        if not is_value and not word.startswith("-"):
            return word
        is_value = not is_value and options.get(word, False)
    return None


def _parameters(
    schema: Mapping[str, Any], after: Sequence[str], current: str, options: Mapping[str, bool]
) -> Iterable[str]:
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    last = after[-1].removeprefix("--") if after[-1].startswith("--") else ""
    if last in properties and not current.startswith("--"):
        kind = properties[last].get("type")
        return (
            ["true", "false"]
            if kind == "boolean"
            else [str(item) for item in properties[last].get("enum", [])]
        )
    return [*(f"--{name}" for name in properties), *options]
