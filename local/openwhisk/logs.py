"""What an action process prints, cut at the sentinel into activations, bounded, as OpenWhisk formats it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from core.openwhisk.action_server import SENTINEL

#: A line longer than this, in bytes, is cut into several.
MAX_LINE = 64 * 1024

#: What follows when a process does not write the sentinel.
MISSING = "There was an issue while collecting your logs. Data might be missing."

_STREAMS = {1: "stdout", 2: "stderr"}


class Logs:
    """The log of one process. Lines printed between activations go to the next one.

    Where several activations run at a time nothing tells whose a line is: each takes what came since the last
    one ended.
    """

    def __init__(self, limit: int, several: bool = False) -> None:
        """
        Args:
            limit: bytes kept for one activation.
            several: whether there may be several activations at a time.
        """
        self._limit = limit
        self._several = several
        self._partial = dict.fromkeys(_STREAMS, b"")
        self._lines: list[str] = []
        self._next: list[tuple[int, bytes]] = []
        self._next_used = 0
        self._used = 0
        self._ended: set[int] = set()
        self._complete: asyncio.Future[None] | None = None

    def feed(self, descriptor: int, data: bytes) -> None:
        """Take what the process wrote to descriptor 1 or 2."""
        *lines, rest = (self._partial[descriptor] + data).split(b"\n")
        while len(rest) > MAX_LINE:
            lines.append(rest[:MAX_LINE])
            rest = rest[MAX_LINE:]
        self._partial[descriptor] = rest
        for line in lines:
            self._take(descriptor, line)

    def _take(self, descriptor: int, line: bytes) -> None:
        if descriptor in self._ended:
            self._next_used += len(line) + 1
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
        self._used += len(line) + 1
        if self._used > self._limit:
            text = (
                f"Logs were truncated because the total bytes size exceeds the limit of {self._limit} bytes."
            )
        else:
            text = line.decode("utf-8", "replace").rstrip("\r")
        self._lines.append(_format(descriptor, text))

    async def collect(self, timeout: float) -> list[str]:
        """The lines of the activation that has ended; waits for its sentinels up to `timeout` seconds."""
        if self._several:
            # What it wrote before its response is in the pipes: two turns of the loop read them.
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
        """Whether the lines so far have a word in them."""
        return any(word in line for line in self._lines)

    def take(self) -> list[str]:
        """The lines so far, complete or not; the next activation begins."""
        lines = self._lines
        self._lines, self._used, self._ended = [], 0, set()
        for descriptor, line in self._next:
            self._keep(descriptor, line)
        self._next, self._next_used = [], 0
        return lines

    def flush(self) -> list[str]:
        """The lines so far and the unfinished ones, of a process that has ended."""
        for descriptor, rest in self._partial.items():
            if rest:
                self._take(descriptor, rest)
                self._partial[descriptor] = b""
        return self.take()


def _format(descriptor: int, text: str) -> str:
    now = time.time_ns()
    seconds, nanoseconds = divmod(now, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{nanoseconds:09d}Z {_STREAMS[descriptor]}: {text}"
