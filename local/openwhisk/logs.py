"""The output of an action process: split into activations, bounded, in OpenWhisk's format."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from core.openwhisk.action_server import SENTINEL

#: Bytes of a line; a longer one is split.
MAX_LINE = 64 * 1024

#: Bytes that a line counts besides its text, so that a log of empty lines is bounded too. OpenWhisk counts
#: lines of Docker's log: {"log":"text\\n","stream":"stdout","time":"2026-01-01T00:00:00.000000000Z"}.
LINE_BYTES = 75

#: The line that is added if a process does not write the sentinel.
MISSING = "There was an issue while collecting your logs. Data might be missing."

_STREAMS = {1: "stdout", 2: "stderr"}


class Logs:
    """The log of one process. Lines that are printed between activations belong to the next one.

    If several activations may run at a time, a line cannot be attributed to one of them. Each gets the lines
    since the previous one ended.

    Args:
        limit: bytes of one activation's log.
        several: whether several activations may run at a time.
    """

    def __init__(self, limit: int, several: bool = False) -> None:
        self._limit = limit
        self._several = several
        self._partial = {descriptor: bytearray() for descriptor in _STREAMS}
        self._lines: list[str] = []
        self._next: list[tuple[int, bytes]] = []
        self._next_used = 0
        self._used = 0
        self._ended: set[int] = set()
        self._complete: asyncio.Future[None] | None = None

    def feed(self, descriptor: int, data: bytes) -> None:
        """Add output of the process.

        Args:
            descriptor: 1 or 2.
            data: the bytes.
        """
        partial = self._partial[descriptor]
        partial += data
        if b"\n" not in data and len(partial) <= MAX_LINE:
            return  # a process may write its lines byte by byte
        *lines, rest = bytes(partial).split(b"\n")
        while len(rest) > MAX_LINE:
            lines.append(rest[:MAX_LINE])
            rest = rest[MAX_LINE:]
        partial[:] = rest
        for line in lines:
            self._add(descriptor, line)

    def _add(self, descriptor: int, line: bytes) -> None:
        if descriptor in self._ended:
            self._next_used += len(line) + LINE_BYTES
            if self._next_used <= self._limit:
                self._next.append((descriptor, line))
            return
        if line.endswith(SENTINEL):
            if len(line) > len(SENTINEL):
                self._keep(descriptor, line[: -len(SENTINEL)])
            if self._several:
                return
            self._ended.add(descriptor)
            if len(self._ended) == len(_STREAMS) and self._complete is not None:
                self._complete.set_result(None)
                self._complete = None
            return
        self._keep(descriptor, line)

    def _keep(self, descriptor: int, line: bytes) -> None:
        if self._used > self._limit or not self._limit:
            return
        self._used += len(line) + LINE_BYTES
        if self._used > self._limit:
            text = (
                f"Logs were truncated because the total bytes size exceeds the limit of {self._limit} bytes."
            )
        else:
            text = line.decode("utf-8", "replace").rstrip("\r")
        self._lines.append(_format(descriptor, text))

    async def collect(self, timeout: float) -> list[str]:
        """Return the lines of the activation that has ended.

        Args:
            timeout: seconds to wait for its sentinels.
        """
        if self._several:
            # Its output before the response is in the pipes. Two iterations of the loop read it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return self.take()
        if len(self._ended) < len(_STREAMS):
            self._complete = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait_for(self._complete, timeout)
            except TimeoutError:
                self._complete = None
                return [*self.take(), _format(2, MISSING)]
        return self.take()

    def has(self, word: str) -> bool:
        """Return whether one of the lines so far has a word."""
        return any(word in line for line in self._lines)

    def take(self) -> list[str]:
        """Return the lines so far, and begin the log of the next activation."""
        lines = self._lines
        self._lines, self._used, self._ended = [], 0, set()
        for descriptor, line in self._next:
            self._keep(descriptor, line)
        self._next, self._next_used = [], 0
        return lines

    def flush(self) -> list[str]:
        """Return the lines so far and the incomplete ones, of a process that has ended."""
        for descriptor, rest in self._partial.items():
            if rest:
                self._add(descriptor, bytes(rest))
                rest.clear()
        return self.take()


def _format(descriptor: int, text: str) -> str:
    now = time.time_ns()
    seconds, nanoseconds = divmod(now, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{nanoseconds:09d}Z {_STREAMS[descriptor]}: {text}"
