"""Starts the parts in order, watches them, restarts one that fell over and says so, ends them all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from local.errors import LocalError
from local.part import GRACE, Part

#: Seconds a part may take until it is ready.
START_TIMEOUT = 60.0
#: Seconds between looks at the parts.
INTERVAL = 0.1
#: A part is restarted so often at the most, and this many seconds later each time.
MAX_RESTARTS, RESTART_DELAY = 20, 0.5
#: Seconds after which a part that ran counts as never restarted.
HEALTHY = 600.0

Say = Callable[[str], None]


class Supervisor:
    """Keeps the parts running.

    Args:
        say: shows one line to the person at the terminal.
        stop: set by a signal handler when everything is to end.
    """

    def __init__(self, say: Say, stop: threading.Event) -> None:
        self._say = say
        self._stop = stop
        self._parts: list[Part] = []

    def start(self, parts: Sequence[Part]) -> None:
        """Start the parts in order; LocalError with the end of its log if one does not start."""
        for part in parts:
            part.start()
            self._parts.append(part)

    def wait(self, part: Part) -> None:
        """Wait until the part is ready and show its line."""
        began = time.monotonic()
        while not part.ready():
            if self._stop.wait(0.02):
                raise LocalError("stopped while starting")
            if not part.running():
                raise LocalError(f"the {part.name} ended while starting:\n{part.last_lines()}")
            if time.monotonic() - began > START_TIMEOUT:
                raise LocalError(
                    f"the {part.name} is not ready after {START_TIMEOUT:.0f} s:\n{part.last_lines()}"
                )
        if part.prepare is not None:
            part.prepare()
        self._say(f"  {part.name:<10} {part.address}")

    def watch(self) -> None:
        """Until the end is asked for: restart what fell over, aloud."""
        while not self._stop.wait(INTERVAL):
            self.look()

    def look(self) -> None:
        """One look at every part."""
        for part in self._parts:
            if part.running() or part.process is None:
                continue
            status = part.process.returncode
            how = f"signal {-status}" if status < 0 else f"status {status}"
            if time.monotonic() - part.started > HEALTHY:
                part.restarts = 0
            if part.restarts >= MAX_RESTARTS:
                raise LocalError(f"the {part.name} ended again and again ({how}):\n{part.last_lines()}")
            part.restarts += 1
            self._say(f"  {part.name} ended ({how}): starting it again")
            self._restart(part)

    def _restart(self, part: Part) -> None:
        """Start the part again, with those that cannot go on without what it had in memory."""
        part.end(time.monotonic())
        others = [other for other in self._parts if part.name in other.needs]
        for other in others:
            self._say(f"  {other.name} needs what the {part.name} had in memory: starting it again")
            other.ask_to_stop()
        deadline = time.monotonic() + GRACE
        for other in others:
            other.end(deadline)
        if self._stop.wait(RESTART_DELAY):
            return
        for again in (part, *others):
            again.start()
            self.wait(again)

    def end(self) -> None:
        """End every part, the last started first to be asked, none later than its grace allows."""
        for part in reversed(self._parts):
            part.ask_to_stop()
        deadline = time.monotonic() + GRACE
        for part in reversed(self._parts):
            part.end(deadline)
        self._parts.clear()
