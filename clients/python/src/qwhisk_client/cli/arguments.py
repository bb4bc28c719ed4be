"""The commands, their options, and the parser made from them."""

from __future__ import annotations

import argparse
import math
from typing import Any

from qwhisk_client import __version__
from qwhisk_client.cli import completion, parameters
from qwhisk_client.transport import WAIT

DEFAULT_URL = "http://127.0.0.1:8080"

#: An option's name, and the arguments of `ArgumentParser.add_argument`.
Option = tuple[str, dict[str, Any]]


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError(f"must be a number of seconds, not {text!r}")
    return value


_COMMON: list[Option] = [
    ("--url", {"help": f"address of the gateway (default: QWHISK_URL, or {DEFAULT_URL})"}),
    ("--json", {"action": "store_true", "help": "print JSON for programs"}),
]
_TIMEOUT: Option = (
    "--timeout",
    {
        "type": _seconds,
        "default": WAIT,
        "metavar": "SECONDS",
        "help": f"how long to wait (default: {WAIT:.0f})",
    },
)
_RUN: list[Option] = [
    _TIMEOUT,
    ("--input", {"metavar": "FILE", "help": "JSON object with the parameters; - reads standard input"}),
    ("--detach", {"action": "store_true", "help": "print the job's id and do not wait"}),
    ("--idempotency-key", {"metavar": "KEY", "help": "names the job: the same key gives the same job"}),
]
COMMANDS: dict[str, tuple[str, list[Option]]] = {
    "functions": ("list the functions, or show one with its parameters", []),
    "run": ("run a function and wait for its result", _RUN),
    "jobs": (
        "list your jobs",
        [("--limit", {"type": int, "default": 20, "help": "the most jobs (default: 20)"})],
    ),
    "result": ("wait for a job and print its result", [_TIMEOUT]),
    "cancel": ("cancel a job", []),
    "erase": ("erase the input and result of a job that has ended", []),
    "backends": ("list the devices and simulators", []),
    "watch": ("print the events of a job, or of all jobs, as they happen", [_TIMEOUT]),
    "login": (
        "sign in in a browser at the gateway's OpenID Connect provider, or with a key",
        [
            ("--key-stdin", {"action": "store_true", "help": "read a key from standard input"}),
            ("--issuer", {"metavar": "URL", "help": "the provider, if the gateway names none"}),
            ("--client-id", {"metavar": "ID", "help": "the provider's client for this command"}),
            (
                "--audience",
                {"metavar": "NAME", "help": "the audience of the tokens that the gateway accepts"},
            ),
        ],
    ),
    "logout": ("forget the key and the session", []),
    "completion": ("print the completion script of a shell", []),
}
_EPILOG = """\
parameters:  qwhisk run grover --qubits 4 --marked 3
             qwhisk run grover qubits=4 marked=[3,5]
exit codes:  0 done, 1 the job failed, 2 wrong input, 3 sign-in needed, 4 not found, 5 gateway unavailable,
             6 timeout, 7 job cancelled, 130 interrupted
"""


def options_of(command: str) -> dict[str, bool]:
    """Return the options of a command, and whether each takes a value."""
    listed = _COMMON + COMMANDS[command][1]
    return {"-h": False, "--help": False} | {name: "action" not in extra for name, extra in listed}


def split(words: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Separate the parameters of `run` from the rest, which argparse reads."""
    takes_value = options_of("functions")
    place = 0
    while place < len(words) and words[place].startswith("-"):
        place += 2 if takes_value.get(words[place]) else 1
    if words[place : place + 1] != ["run"]:
        return words, []
    own, given = parameters.split(words[place + 1 :], options_of("run"))
    return words[: place + 1] + own, given


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of everything but a function's parameters."""
    parser = argparse.ArgumentParser(
        prog="qwhisk",
        description="Run quantum algorithms at a qwhisk gateway.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"qwhisk-client {__version__}")
    # Before and after the command: without a default, the second does not overwrite the first.
    for name, extra in _COMMON:
        parser.add_argument(name, default=argparse.SUPPRESS, **extra)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, (help_text, options) in COMMANDS.items():
        usage = "qwhisk run FUNCTION [PARAMETERS] [OPTIONS]" if command == "run" else None
        sub = commands.add_parser(
            command, help=help_text, description=help_text, usage=usage, allow_abbrev=False
        )
        for name, extra in _COMMON:
            sub.add_argument(name, default=argparse.SUPPRESS, **extra)
        for name, extra in options:
            sub.add_argument(name, **extra)
        if command in ("functions", "watch"):
            sub.add_argument("id", nargs="?", help="one function" if command == "functions" else "one job")
        elif command in ("result", "cancel", "erase"):
            sub.add_argument("id", help="the job's id")
        elif command == "run":
            sub.add_argument("id", metavar="FUNCTION", help="the function's id; its parameters follow")
        elif command == "completion":
            sub.add_argument("shell", choices=sorted(completion.SCRIPTS))
    return parser
