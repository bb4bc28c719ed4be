"""A client's WebSocket in a test."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any

import simple_websocket
from simple_websocket import ConnectionClosed

from testkit.stack import Client


class WebSocket(simple_websocket.Client):  # type: ignore[misc]
    """A WebSocket that returns a frame at once even if it arrives together with the answer to the handshake.

    The package's own would return it when the next data arrives, such as a ping 25 seconds later.
    """

    def handshake(self) -> None:
        """Connect, and take the frames that have arrived already."""
        super().handshake()
        self.connected = self._handle_events()


class Listener:
    """Keeps the events that a client's WebSocket receives."""

    def __init__(self, client: Client, after: int | None = None) -> None:
        url = client.events_url + ("" if after is None else f"&after={after}")
        self.socket = WebSocket.connect(url)
        self.frames: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while True:
                self.frames.append(json.loads(self.socket.receive()))
        except ConnectionClosed:
            return

    def events(self) -> list[dict[str, Any]]:
        return [frame["event"] for frame in self.frames]

    def finals(self) -> list[str]:
        return [e["process_job_id"] for e in self.events() if e["status"] in ("DONE", "ERROR", "CANCELLED")]

    def close(self) -> None:
        # OSError: the server has just closed it.
        with suppress(ConnectionClosed, OSError):
            self.socket.close()
        self._thread.join(10)
        self.socket.thread.join(10)
        self.socket.sock.close()
