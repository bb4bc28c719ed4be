"""The command `qwhisk`: errors become messages and exit codes here."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from qwhisk_client.checks import base_url
from qwhisk_client.cli import completion, output
from qwhisk_client.cli.access import connect
from qwhisk_client.cli.arguments import COMMANDS, DEFAULT_URL, make_parser, options_of, split
from qwhisk_client.cli.commands import HANDLERS
from qwhisk_client.cli.exits import Exit, document_of, exit_of, words_of
from qwhisk_client.cli.store import StoreError
from qwhisk_client.client import Client
from qwhisk_client.errors import QwhiskError

#: Seconds that an answer, and another command's lock of the session, may take while a shell waits for a
#: completion.
COMPLETION_TIMEOUT, COMPLETION_LOCK_TIMEOUT = 3.0, 1.0
#: The jobs among which a shell completes.
COMPLETED_JOBS = 50


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: the arguments; by default those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may not be able to show everything
    try:
        code = _complete(words[1:]) if words[:1] == ["complete"] else _run(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Python would report the pipe again when it flushes standard output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.BROKEN_PIPE


def _run(words: list[str]) -> Exit:
    own, given = split(words)
    arguments = make_parser().parse_args(own)
    arguments.parameters = given
    arguments.json = getattr(arguments, "json", False)
    try:
        arguments.url = base_url(
            getattr(arguments, "url", None) or os.environ.get("QWHISK_URL") or DEFAULT_URL
        )
        return HANDLERS[arguments.command](arguments)
    except (QwhiskError, StoreError, ValueError) as error:
        if arguments.json:
            output.write_json(document_of(error), sys.stderr)
        else:
            for line in words_of(error):
                print(f"qwhisk: {output.printable(line)}", file=sys.stderr)
        return exit_of(error)


class _GatewayLookup:
    """Looks up what a shell completes."""

    def functions(self) -> list[str]:
        with self._client() as client:
            return [function.id for function in client.functions()]

    def input_schema(self, function: str) -> Mapping[str, Any]:
        with self._client() as client:
            return client.function(function).input_schema

    def jobs(self) -> list[str]:
        with self._client() as client:
            return [job.id for job in client.jobs(COMPLETED_JOBS)]

    @contextmanager
    def _client(self) -> Iterator[Client]:
        url = base_url(os.environ.get("QWHISK_URL") or DEFAULT_URL)
        with connect(url, COMPLETION_TIMEOUT, 0, COMPLETION_LOCK_TIMEOUT) as client:
            yield client


def _complete(words: Sequence[str]) -> Exit:
    """Print what the last word may become. Without an answer of the gateway there is nothing."""
    options = {command: options_of(command) for command in COMMANDS}
    try:
        found = completion.candidates(
            [*words[1:]] if words[:1] == ["--"] else [*words], options, _GatewayLookup()
        )
    except (QwhiskError, StoreError, ValueError):
        return Exit.UNAVAILABLE
    for word in found:
        print(word)
    return Exit.OK
