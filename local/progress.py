"""Whether a part that is starting makes progress: how long it may take depends on the machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two looks at a part.
INTERVAL = 5.0
#: Successive looks without progress after which a part is regarded as stalled.
PATIENCE = 12
#: Share of a core that counts as progress. A process that only waits in its threads uses less.
BUSY = 0.02

#: Fields of /proc/PID/stat after the command: session, major page faults, processor time in ticks.
_SESSION, _FAULTS, _USER, _SYSTEM = 3, 9, 11, 12


@dataclass(frozen=True)
class Activity:
    """What the processes of a session have done so far."""

    pids: frozenset[int] = frozenset()
    #: Seconds that they used a processor or waited for one.
    busy: float = 0.0
    #: Pages that were read from disk.
    faults: int = 0


def activity(session: int) -> Activity:
    """Return the activity of a session's processes; an empty one where there is no /proc."""
    pids, busy, faults = set(), 0.0, 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[_SESSION]) != session:
                continue
            pids.add(int(folder.name))
            faults += int(fields[_FAULTS])
            busy += (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")
            busy += sum(_waited(task) for task in (folder / "task").glob("*/schedstat"))
        except OSError:
            continue  # it has ended
    return Activity(frozenset(pids), busy, faults)


def _waited(schedstat: Path) -> float:
    """Return the seconds that a thread was ready to run and waited for a processor."""
    try:
        return int(schedstat.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


class StartProgress:
    """Watches one start of a part.

    Args:
        session: the id of the part's session.
        lines: returns the number of lines that it has written.
        clock: monotonic seconds.
    """

    def __init__(
        self, session: int, lines: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session
        self._lines = lines
        self._clock = clock
        self._looked = clock()
        self._last = (lines(), activity(session))
        self._idle = 0

    def stalled(self) -> bool:
        """Return whether the part has made no progress for `PATIENCE` looks.

        Looks are counted, not seconds: while the machine or this process sleeps, the part cannot progress.
        """
        elapsed = self._clock() - self._looked
        if elapsed >= INTERVAL:
            lines, now = self._lines(), activity(self._session)
            lines_before, before = self._last
            progressed = (
                lines != lines_before
                or now.pids != before.pids
                or now.faults > before.faults
                or now.busy - before.busy >= BUSY * elapsed
            )
            self._idle = 0 if progressed else self._idle + 1
            self._looked, self._last = self._clock(), (lines, now)
        return self._idle >= PATIENCE
