"""The server of an action that may have several activations at a time in one container.

OpenWhisk says so by `__OW_ALLOW_CONCURRENT=true`, where the action's concurrency limit is above one. Each
connection has a thread then; `__OW_*` variables are those of the activation that came last, and lines in the
log are nobody's in particular, as in OpenWhisk's other runtimes.
"""

from __future__ import annotations

import select
import socket
import threading

from actions.runtime.server import Handler, Server

#: Open connections: OpenWhisk's limit of activations at a time in one container, and some.
MAX_CONNECTIONS = 256


class ConcurrentServer(Server):
    """Answers requests side by side; `serve` returns when those in hand after `stop` are answered."""

    def __init__(self, host: str, port: int, handler: Handler, key: str = "") -> None:
        """See `Server`.

        Raises:
            OSError: the address cannot be bound.
        """
        super().__init__(host, port, handler, key)
        self._attended = 0
        self._busy = 0
        self._change = threading.Condition()

    def serve(self) -> None:
        """Answer requests until `stop` is called."""
        super().serve()
        with self._change:
            self._change.wait_for(lambda: not self._busy)

    def _take(self, connection: socket.socket) -> None:
        with self._change:
            if self._attended >= MAX_CONNECTIONS:
                connection.close()
                return
            self._attended += 1
        threading.Thread(target=self._attend, args=(connection,), name="activation", daemon=True).start()

    def _attend(self, connection: socket.socket) -> None:
        buffer = bytearray()
        with connection:
            keep = True
            while keep and not self._stopped():
                # As long as it takes: a connection is kept between activations.
                select.select([connection], [], [])
                keep = self._answer_one(connection, buffer)
        with self._change:
            self._attended -= 1

    def _answer_one(self, connection: socket.socket, buffer: bytearray) -> bool:
        with self._change:
            if self._stopped():
                return False
            self._busy += 1
        try:
            return self._answer_all(connection, buffer)
        finally:
            with self._change:
                self._busy -= 1
                self._change.notify_all()
