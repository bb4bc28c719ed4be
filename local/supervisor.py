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
#: Starts in a row at the most that do not get so far that the part is ready.
MAX_TRIES = 5
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
        """Start the parts in order, without waiting for them."""
        for part in parts:
            part.start()
            self._parts.append(part)

    def wait(self, part: Part) -> None:
        """Wait until the part is ready; LocalError with the end of its log if it does not get so far.

        What is killed meanwhile is started again. What ends by itself before it was ever ready would do so
        again.
        """
        while not part.up:
            if self._stop.wait(0.02):
                raise LocalError("stopped while starting")
            self.look()

    def watch(self) -> None:
        """Until the end is asked for: restart what fell over, aloud."""
        while not self._stop.wait(INTERVAL):
            self.look()

    def look(self) -> None:
        """One look at every part; waits for none, so that one that is slow to start delays no other."""
        for part in self._parts:
            if part.process is None:
                if all(other.up for other in self._parts if other.name in part.needs):
                    part.start()
            elif (status := part.process.poll()) is not None:
                self._ended(part, status)
            elif not part.up:
                self._come_up(part)

    def _come_up(self, part: Part) -> None:
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
            return  # killed meanwhile: the next look sees it
        part.up, part.tries = True, 0
        self._say(f"  {part.name:<10} {part.address}")

    def _ended(self, part: Part, status: int) -> None:
        """The part's process ended: start it again, unless that is of no use."""
        how = f"signal {-status}" if status < 0 else f"status {status}"
        if status >= 0 and not part.up and not part.restarts:
            raise LocalError(f"the {part.name} ended while starting ({how}):\n{part.last_lines()}")
        if part.up and time.monotonic() - part.started > HEALTHY:
            part.restarts = 0
        part.restarts += 1
        part.tries += 0 if part.up else 1
        if part.tries >= MAX_TRIES:
            raise LocalError(
                f"the {part.name} ended while starting, {part.tries} times in a row, "
                f"now by {how}:\n{part.last_lines()}"
            )
        if part.restarts > MAX_RESTARTS:
            raise LocalError(f"the {part.name} ended again and again ({how}):\n{part.last_lines()}")
        self._say(f"  {part.name} ended ({how}){'' if part.up else ' while starting'}: starting it again")
        self._restart(part)

    def _restart(self, part: Part) -> None:
        """End what is left of the part and start it again, with those that need what it had in memory."""
        part.end(time.monotonic())
        others = [other for other in self._parts if part.name in other.needs and other.process is not None]
        for other in others:
            self._say(f"  {other.name} needs what the {part.name} had in memory: starting it again")
            other.ask_to_stop()
        deadline = time.monotonic() + GRACE
        for other in others:
            other.end(deadline)
            other.forget()
        part.forget()
        if not self._stop.wait(RESTART_DELAY):
            part.start()

    def end(self) -> None:
        """End every part, the last started first to be asked, none later than its grace allows."""
        for part in reversed(self._parts):
            part.ask_to_stop()
        deadline = time.monotonic() + GRACE
        for part in reversed(self._parts):
            part.end(deadline)
        self._parts.clear()
