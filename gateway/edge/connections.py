"""All HTTP connections of this process: how many there may be, and which are closed as too slow."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.limits import Concurrency

#: Seconds between two checks of all connections.
CHECK_INTERVAL = 1.0
#: The most unsent bytes of all connections. If there are more, those end first whose clients have received
#: too little for the longest time.
MAX_UNSENT = 32 * 1024 * 1024


class CheckedConnection(Protocol):
    """A connection that closes itself if it is too slow."""

    address: str

    def check(self, now: float) -> None:
        """Close the connection if a deadline has passed."""

    def unsent(self) -> tuple[float, int]:
        """Return since when the client has received too little, and the unsent bytes."""

    def idle(self) -> bool:
        """Return whether no request is in progress, or its client has not received what was sent."""

    def abort(self) -> None:
        """Close the connection at once."""


class Connections:
    """The open HTTP connections, oldest first. Used by the event loop's thread only.

    Args:
        most: the most connections. One more closes the oldest that has no request in progress, so that probes
            are always answered.
        per_address: the limit of each address, which includes its WebSockets.
    """

    def __init__(self, most: int, per_address: Concurrency) -> None:
        self._most = most
        self.per_address = per_address
        self._open: dict[CheckedConnection, None] = {}

    def __len__(self) -> int:
        """Return the number of open connections."""
        return len(self._open)

    def add(self, connection: CheckedConnection) -> bool:
        """Add a new connection; return False if there is no room for it."""
        if not self.per_address.acquire(connection.address):
            return False
        if len(self._open) >= self._most:
            idle = next((other for other in self._open if other.idle()), None)
            if idle is None:
                self.per_address.release(connection.address)
                return False
            idle.abort()
        self._open[connection] = None
        return True

    def remove(self, connection: CheckedConnection) -> bool:
        """Remove a connection; return False if it was not added. Its address must be released."""
        return self._open.pop(connection, self) is None

    async def check(self) -> None:
        """Check all connections every second, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            now = asyncio.get_running_loop().time()
            for connection in list(self._open):
                connection.check(now)
            self.limit_unsent()

    def limit_unsent(self) -> None:
        """End connections whose clients do not receive, until the rest has few unsent bytes."""
        waiting = [(*connection.unsent(), connection) for connection in self._open]
        total = sum(size for _, size, _ in waiting)
        for _, size, connection in sorted(waiting, key=lambda each: each[0]):
            if total <= MAX_UNSENT:
                break
            if size:
                connection.abort()
                total -= size
