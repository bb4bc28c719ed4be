"""The memory limit of an action that runs as a process.

This server measures the memory. The kernel's own limit is for address space, and would fail programs that
only reserve much of it, as threads do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

#: Seconds between two measurements. A process may exceed its limit in between.
INTERVAL = 0.05

#: Seconds between two exact measurements of processes that exceed the limit only if the pages that they share
#: are counted several times.
_EXACT_INTERVAL = 1.0

_MB = 1024 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


class MemoryGuard:
    """Calls back when a process and its descendants exceed their memory limit. Uses Linux's /proc.

    Args:
        pid: the process.
        limit: MB that they may use.
        inherited: bytes that it has from its start, and that do not count.
        exceeded: called at most once.
    """

    def __init__(self, pid: int, limit: int, inherited: int, exceeded: Callable[[], None]) -> None:
        self._pid = pid
        self._limit = limit * _MB + inherited
        self._exceeded = exceeded
        #: Resident bytes up to which, and the time until which, no exact measurement is needed.
        self._next = (self._limit, 0.0)
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def stop(self) -> None:
        """Stop measuring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._check)

    def _check(self) -> None:
        if self._exceeds_limit():
            self._timer = None
            self._exceeded()
        else:
            self._wait()

    def _exceeds_limit(self) -> bool:
        pids = process_tree(self._pid)
        # Fast, and never less than the exact size.
        resident_bytes = sum(resident_size(pid) for pid in pids)
        if resident_bytes <= self._limit:
            return False
        allowed, until = self._next
        if resident_bytes <= allowed and time.monotonic() < until:
            return False
        exact = sum(anonymous_bytes(pid) for pid in pids)
        self._next = (resident_bytes + max(0, self._limit - exact) // 2, time.monotonic() + _EXACT_INTERVAL)
        return exact > self._limit


def process_tree(pid: int) -> list[int]:
    """Return the ids of a process and its descendants."""
    pids, todo = [], [pid]
    while todo:
        pids.append(parent := todo.pop())
        with contextlib.suppress(OSError):
            for thread in (_PROC / str(parent) / "task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
    return pids


def resident_size(pid: int) -> int:
    """Return the bytes of a process's pages in memory, including shared ones; 0 if it has ended."""
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def anonymous_bytes(pid: int) -> int:
    """Return the bytes of a process's anonymous memory, with its share of pages that others use too."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    sizes = {
        name: int(value.split()[0]) * 1024 for name, _, value in (line.partition(":") for line in lines[1:])
    }
    return sizes.get("Pss_Anon", sizes.get("Anonymous", 0)) + sizes.get("Pss_Shmem", 0)
