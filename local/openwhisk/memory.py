"""The memory limit of an action that runs as a process.

It is looked after from outside: the kernel's own limit, of address space, would fail programs that merely
reserve much, as threads do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

#: Seconds between two looks. What a process takes meanwhile, it has beyond its limit.
INTERVAL = 0.05

#: Seconds between two weighings of processes that together have more pages than the limit, and are yet within
#: it: pages that several of them share count once.
_AGAIN = 1.0

_MB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


class MemoryGuard:
    """Calls back once a process, with those below it, has more memory than it may. Linux's /proc tells."""

    def __init__(self, pid: int, limit: int, inherited: int, exceeded: Callable[[], None]) -> None:
        """
        Args:
            pid: the process.
            limit: MB it may have.
            inherited: bytes that it was given at its start, and does not answer for.
            exceeded: called at most once.
        """
        self._pid = pid
        self._limit = limit * _MB + inherited
        self._exceeded = exceeded
        #: Below so many resident bytes, and before this time, it need not be weighed again.
        self._next = (self._limit, 0.0)
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._look)

    def _look(self) -> None:
        if self._too_much():
            self._timer = None
            self._exceeded()
        else:
            self._wait()

    def _too_much(self) -> bool:
        pids = family(self._pid)
        # Cheap, and never less than what is looked for.
        rough = sum(resident(pid) for pid in pids)
        if rough <= self._limit:
            return False
        grown, again = self._next
        if rough <= grown and time.monotonic() < again:
            return False
        exact = sum(weight(pid) for pid in pids)
        self._next = (rough + max(0, self._limit - exact) // 2, time.monotonic() + _AGAIN)
        return exact > self._limit


def family(pid: int) -> list[int]:
    """The process and those below it."""
    found, todo = [], [pid]
    while todo:
        found.append(one := todo.pop())
        with contextlib.suppress(OSError):
            for thread in (_PROC / str(one) / "task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
    return found


def resident(pid: int) -> int:
    """Bytes of its pages that are in memory, shared ones too; 0 of one that has ended."""
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def weight(pid: int) -> int:
    """Bytes that it has of its own, and its share of what it has with others; not what files back."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    sizes = {
        name: int(value.split()[0]) * 1024 for name, _, value in (line.partition(":") for line in lines[1:])
    }
    return sizes.get("Pss_Anon", sizes.get("Anonymous", 0)) + sizes.get("Pss_Shmem", 0)
