"""Starts the parts in order, restarts the ones that end, and stops them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from local.errors import LocalError
from local.part import GRACE, Part

#: Seconds in which a part must be ready.
START_TIMEOUT = 60.0
#: Seconds between checks of the parts.
INTERVAL = 0.1
#: Number of successive failed starts after which the stack ends.
MAX_FAILED_STARTS = 5
#: Most restarts of a part, and seconds before each.
MAX_RESTARTS, RESTART_DELAY = 20, 0.5
#: Seconds of running after which a part's restarts are no longer counted.
HEALTHY = 600.0

Say = Callable[[str], None]


class Supervisor:
    """Keeps the parts running.

    Args:
        say: prints one line to the terminal.
        stop: is set by a signal handler to stop everything.
    """

    def __init__(self, say: Say, stop: threading.Event) -> None:
        self._say = say
        self._stop = stop
        self._parts: list[Part] = []

    def start(self, parts: Sequence[Part]) -> None:
        """Start the parts in order, without waiting for them."""
        for part in parts:
            part.start()
            self._parts.append(part)

    def wait(self, part: Part) -> None:
        """Wait until the part is ready. Parts that are killed meanwhile are restarted.

        Raises:
            LocalError: a part does not become ready. A part that exits before it was ever ready is not
                restarted, since it would exit again. The message has the end of its log.
        """
        while not part.up:
            if self._stop.wait(0.02):
                raise LocalError("stopped while starting")
            self.check()

    def watch(self) -> None:
        """Restart parts that end, and print it, until `stop` is set."""
        while not self._stop.wait(INTERVAL):
            self.check()

    def check(self) -> None:
        """Check every part once. It waits for no part, so that a slow one does not delay the others."""
        for part in self._parts:
            if part.process is None:
                if all(other.up for other in self._parts if other.name in part.needs):
                    part.start()
            elif (status := part.process.poll()) is not None:
                self._ended(part, status)
            elif not part.up:
                self._check_ready(part)

    def _check_ready(self, part: Part) -> None:
        if not part.ready():
            if time.monotonic() - part.started > START_TIMEOUT:
                raise LocalError(
                    f"the {part.name} is not ready after {START_TIMEOUT:.0f} s:\n{part.last_lines()}"
                )
            return
        try:
            if part.prepare is not None:
                part.prepare()
        except LocalError:
            if part.running():
                raise
            return  # it was killed meanwhile; the next check restarts it
        part.up, part.failed_starts = True, 0
        self._say(f"  {part.name:<10} {part.address}")

    def _ended(self, part: Part, status: int) -> None:
        """Restart a part whose process ended, unless it has failed too often."""
        how = f"signal {-status}" if status < 0 else f"status {status}"
        if status >= 0 and not part.up and not part.restarts:
            raise LocalError(f"the {part.name} ended while starting ({how}):\n{part.last_lines()}")
        if part.up and time.monotonic() - part.started > HEALTHY:
            part.restarts = 0
        part.restarts += 1
        part.failed_starts += 0 if part.up else 1
        if part.failed_starts >= MAX_FAILED_STARTS:
            raise LocalError(
                f"the {part.name} ended while starting, {part.failed_starts} times in a row, "
                f"now by {how}:\n{part.last_lines()}"
            )
        if part.restarts > MAX_RESTARTS:
            raise LocalError(f"the {part.name} ended too often ({how}):\n{part.last_lines()}")
        self._say(f"  {part.name} ended ({how}){'' if part.up else ' while starting'}; restarting it")
        self._restart(part)

    def _restart(self, part: Part) -> None:
        """Restart a part, and the parts that depend on its state in memory."""
        part.end(time.monotonic())
        others = [other for other in self._parts if part.name in other.needs and other.process is not None]
        for other in others:
            self._say(f"  restarting {other.name}, which needs the state that the {part.name} has lost")
            other.terminate()
        deadline = time.monotonic() + GRACE
        for other in others:
            other.end(deadline)
            other.reset()
        part.reset()
        if not self._stop.wait(RESTART_DELAY):
            part.start()

    def end(self) -> None:
        """Stop every part in reverse order, and kill those that do not end in time."""
        for part in reversed(self._parts):
            part.terminate()
        deadline = time.monotonic() + GRACE
        for part in reversed(self._parts):
            part.end(deadline)
        self._parts.clear()
