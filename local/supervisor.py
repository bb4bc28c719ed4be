"""Starts the parts in order, restarts the ones that end, and stops them all."""

from __future__ import annotations

import textwrap
import threading
import time
from collections.abc import Callable, Sequence

from local.errors import LocalError
from local.part import GRACE, Part

#: Seconds between checks of the parts.
INTERVAL = 0.1
#: Number of successive failed starts after which the stack ends, if the part was never ready.
MAX_FAILED_STARTS = 5
#: Seconds before a restart: the first, and the most. They double with each failed start in a row.
RESTART_DELAY, MAX_RESTART_DELAY = 0.5, 30.0
#: Restarts after which each further one waits for the longest delay.
MAX_QUICK_RESTARTS = 20
#: Seconds of running after which a part's restarts are no longer counted.
HEALTHY = 600.0
#: Seconds of starting after which the terminal shows that the part is still starting, and how far it is.
SLOW = 60.0

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
        #: For each part that is starting, the seconds at which the terminal next shows that.
        self._slow: dict[str, float] = {}

    def start(self, parts: Sequence[Part]) -> None:
        """Start the parts in order, without waiting for them."""
        for part in parts:
            part.start()
            self._parts.append(part)

    def wait(self, part: Part) -> None:
        """Wait until the part is ready. Parts that fail meanwhile are restarted.

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
        """Check every part once. It waits for no part, so that a slow one does not delay the others.

        Raises:
            LocalError: a part that was never ready has failed too often. One that was ready before is
                restarted again and again: the others have the accepted jobs.
        """
        for part in self._parts:
            if part.process is None:
                needed = [other for other in self._parts if other.name in part.needs]
                if time.monotonic() >= part.not_before and all(other.up for other in needed):
                    self._start_again(part)
            elif (status := part.process.poll()) is not None:
                self._ended(part, status)
            elif not part.up:
                self._check_ready(part)

    def _start_again(self, part: Part) -> None:
        self._slow[part.name] = SLOW
        try:
            part.start()
        except LocalError as error:
            # The machine may have room for another process later.
            self._say(f"  {error.message}")
            part.failed_starts += 1
            self._delay(part)

    def _check_ready(self, part: Part) -> None:
        if not part.ready():
            self._check_progress(part)
            return
        try:
            if part.prepare is not None:
                part.prepare()
        except LocalError as error:
            if part.running():
                self._failed(part, "was not prepared", error.message)
            return  # else it was killed meanwhile; the next check restarts it
        part.up, part.was_up, part.failed_starts = True, True, 0
        self._say(f"  {part.name:<10} {part.address}")

    def _check_progress(self, part: Part) -> None:
        seconds = time.monotonic() - part.started
        if part.progress is not None and part.progress.stalled():
            self._failed(part, "made no progress", f"not ready after {seconds:.0f} s")
        elif seconds >= self._slow.get(part.name, SLOW):
            self._slow[part.name] = seconds + SLOW
            self._say(f"  {part.name} is still starting after {seconds:.0f} s")
            self._say(textwrap.indent(part.last_lines(2), "    "))

    def _ended(self, part: Part, status: int) -> None:
        """Restart a part whose process ended, unless it never worked."""
        how = f"signal {-status}" if status < 0 else f"status {status}"
        if status >= 0 and not part.was_up and not part.restarts:
            raise LocalError(f"the {part.name} ended while starting ({how}):\n{part.last_lines()}")
        self._failed(part, "ended", how)

    def _failed(self, part: Part, what: str, how: str) -> None:
        """Restart a part after a failure.

        Args:
            part: the part.
            what: what happened to it, as a predicate.
            how: details.

        Raises:
            LocalError: it has failed too often without ever being ready.
        """
        if part.up and time.monotonic() - part.started > HEALTHY:
            part.restarts = 0
        part.restarts += 1
        if part.up:
            self._say(f"  {part.name} {what} ({how}); restarting it")
            self._restart(part)
            return
        part.failed_starts += 1
        if part.failed_starts >= MAX_FAILED_STARTS and not part.was_up:
            raise LocalError(
                f"the {part.name} {what} while starting, {part.failed_starts} times in a row, "
                f"now by {how}:\n{part.last_lines()}"
            )
        self._say(f"  {part.name} {what} ({how}) while starting; restarting it")
        self._say(textwrap.indent(part.last_lines(), "    "))
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
        self._delay(part)

    def _delay(self, part: Part) -> None:
        """Set the time of the part's next start."""
        delay = RESTART_DELAY * 2.0 ** min(max(0, part.failed_starts - 1), 16)
        if part.restarts > MAX_QUICK_RESTARTS:
            delay = MAX_RESTART_DELAY
        part.not_before = time.monotonic() + min(delay, MAX_RESTART_DELAY)

    def end(self) -> None:
        """Stop every part in reverse order, and kill those that do not end in time.

        Parts that others need end last: the broker acknowledges what the others commit when they end.
        """
        needed = {name for part in self._parts for name in part.needs}
        for last in (False, True):
            parts = [part for part in reversed(self._parts) if (part.name in needed) is last]
            for part in parts:
                part.terminate()
            deadline = time.monotonic() + GRACE
            for part in parts:
                part.end(deadline)
        self._parts.clear()
