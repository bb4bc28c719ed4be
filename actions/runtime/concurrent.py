"""The server of an action that may have several activations at a time in one container.

OpenWhisk sets `__OW_ALLOW_CONCURRENT=true` if the action's concurrency limit is above one. Each connection
then has a thread. As in OpenWhisk's other runtimes, the `__OW_*` variables are those of the latest
activation, and a line in the log cannot be attributed to one activation.
"""

from __future__ import annotations

import select
import socket
import threading

from actions.runtime.server import Handler, SerialServer

#: Open connections; more than the activations that OpenWhisk allows at a time in one container.
MAX_CONNECTIONS = 256


class ConcurrentServer(SerialServer):
    """Answers requests in parallel. After `stop`, `serve` returns once the current requests are answered."""

    def __init__(self, host: str, port: int, handler: Handler, key: str = "") -> None:
        """Listen; see `SerialServer`.

        Raises:
            OSError: the address cannot be bound.
        """
        super().__init__(host, port, handler, key)
        #: Connections that have a thread, and those of them with a request that is being answered.
        self._open = 0
        self._busy = 0
        self._change = threading.Condition()

    def serve(self) -> None:
        """Answer requests until `stop` is called."""
        super().serve()
        with self._change:
            self._change.wait_for(lambda: not self._busy)

    def _add(self, connection: socket.socket) -> None:
        with self._change:
            if self._open >= MAX_CONNECTIONS:
                connection.close()
                return
            self._open += 1
        threading.Thread(
            target=self._serve_connection, args=(connection,), name="activation", daemon=True
        ).start()

    def _serve_connection(self, connection: socket.socket) -> None:
        buffer = bytearray()
        with connection:
            keep = True
            while keep and not self._stopped():
                # Without a time limit: a connection stays open between activations.
                select.select([connection], [], [])
                keep = self._answer_received(connection, buffer)
        with self._change:
            self._open -= 1

    def _answer_received(self, connection: socket.socket, buffer: bytearray) -> bool:
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
