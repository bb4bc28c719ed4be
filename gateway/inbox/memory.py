"""Bounds the memory that all inboxes of a process take together."""

from __future__ import annotations

import threading
from typing import Protocol

from core.errors import QwhiskError

#: The most bytes of all inboxes of a process.
MAX_BYTES = 96 * 1024 * 1024
#: The share of the bytes above which idle inboxes are closed, and above which no further inbox is opened.
PRESSED, FULL = 0.5, 0.95
#: Bytes below which an inbox is not reduced.
SMALL = 64 * 1024


class BusyError(QwhiskError):
    """The process has no memory for the request now."""

    code = "busy"


class Reducible(Protocol):
    """Something that takes memory and can take less."""

    @property
    def bytes(self) -> int:
        """The bytes that it takes."""

    def reduce(self, limit: int) -> None:
        """Take at most about `limit` bytes."""


class Memory:
    """The bytes that inboxes take. When they are too many, the largest inboxes are reduced.

    Args:
        limit: the most bytes.
    """

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._bytes: dict[Reducible, int] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """The bytes that are taken."""
        return self._total

    @property
    def pressed(self) -> bool:
        """Whether idle inboxes should be closed."""
        return self._total > PRESSED * self._limit

    def require(self) -> None:
        """Check that there is memory for another inbox.

        Raises:
            BusyError: there is none now.
        """
        if self._total > FULL * self._limit:
            raise BusyError("Too many events are kept in memory now. Try again later.")

    def record(self, inbox: Reducible) -> None:
        """Record the bytes that an inbox takes now. Not called while the inbox is locked."""
        with self._lock:
            self._count(inbox, inbox.bytes)
            while self._total > self._limit:
                largest = max(self._bytes, key=lambda each: self._bytes[each])
                before = self._bytes[largest]
                if before <= SMALL:
                    break
                largest.reduce(before // 2)
                self._count(largest, largest.bytes)
                if largest.bytes >= before:
                    break

    def forget(self, inbox: Reducible) -> None:
        """Record that an inbox is closed."""
        with self._lock:
            self._count(inbox, 0)

    def _count(self, inbox: Reducible, taken: int) -> None:
        self._total += taken - self._bytes.pop(inbox, 0)
        if taken:
            self._bytes[inbox] = taken
