"""One HTTP connection: uvicorn's protocol with deadlines for the client."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from gateway.edge.connections import Connections
from gateway.limits import network_of
from gateway.problems import problem

#: Seconds for a complete request head, and for the rest of a body after its response was sent.
HEAD_TIMEOUT = 10.0
#: Seconds within which a client must receive `MIN_RECEIVED` bytes of a response.
STALLED = 30.0
MIN_RECEIVED = 16 * 1024
#: Seconds for the unsent data of a connection that is being closed.
CLOSE_TIMEOUT = 10.0

#: The most bytes that are read of a connection at once (asyncio: 256 KiB). What was read is in memory before
#: the application counts it, of all connections that send at the same time.
MAX_READ = 64 * 1024

_RESPONDING = (h11.SEND_RESPONSE, h11.SEND_BODY)


def _last_words(status: int, detail: str, code: str) -> bytes:
    """Return a whole response that ends its connection."""
    response = problem(status, detail, code)
    head = [f"HTTP/1.1 {response.status}", "Connection: close"]
    head += [f"{name}: {value}" for name, value in response.headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + response.get_data()


_INVALID = _last_words(400, "This is not a valid HTTP request.", "http_400")
_TOO_MANY = _last_words(429, "Too many connections from this address. Close some.", "too_many_requests")


class HttpProtocol(H11Protocol):
    """An HTTP connection that is closed if its client is too slow.

    The state of the application must have the `connections` of the process.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, "connection": self}, _loop)
        self._all: Connections = app_state["connections"]
        self.address = ""
        self._added = self._detached = False
        #: Since when a request is incomplete (seconds of the loop's clock); None if none is.
        self._incomplete_since: float | None = None
        self._closing_since: float | None = None
        #: The unsent bytes when the client last received enough of them, and when that was.
        self._unsent: tuple[int, float] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, or reject it if there are too many."""
        super().connection_made(transport)
        # asyncio has no public name for it.
        transport.max_size = MAX_READ  # type: ignore[attr-defined]
        self.address = network_of(self.client[0] if self.client else "")
        self._incomplete_since = self.loop.time()
        self._added = self._all.add(self)
        if not self._added:
            transport.write(_TOO_MANY)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and free its memory.

        The protocol, its state and its request refer to one another. Python would keep them, with what was
        read, until it next searches for such cycles, which may be thousands of connections later.
        """
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        if self.cycle is not None:
            self.cycle.body = bytearray()
            self.cycle = None  # type: ignore[assignment]
        self.app_state = {}
        self.scope = None  # type: ignore[assignment]
        if self._all.remove(self) and not self._detached:
            self._all.per_address.release(self.address)

    def data_received(self, data: bytes) -> None:
        """Parse what the client sent."""
        if not self._added:
            return
        super().data_received(data)
        self._note_progress()

    def on_response_complete(self) -> None:
        """Prepare for the next request."""
        super().on_response_complete()
        self._note_progress()

    def resume_writing(self) -> None:
        """Note that the client has received most of the unsent data."""
        self._unsent = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """Answer what is not HTTP. A response that has begun ends without its rest."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        self.conn.send_failed()
        self.transport.write(_INVALID)
        self.transport.close()

    def _note_progress(self) -> None:
        """Start or stop the deadline of the request that the client is sending."""
        kept_alive = self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is not None
        if self.conn.our_state in _RESPONDING or (kept_alive and not self.conn.trailing_data[0]):
            self._incomplete_since = None
        elif self._incomplete_since is None:
            self._incomplete_since = self.loop.time()

    def idle(self) -> bool:
        """Return whether no request is in progress, or its client has not received what was sent."""
        return self.conn.our_state not in _RESPONDING or bool(self.transport.get_write_buffer_size())

    def unsent(self) -> tuple[float, int]:
        """Return since when the client has received too little, and the unsent bytes."""
        size = self.transport.get_write_buffer_size()
        return (self.loop.time() if self._unsent is None else self._unsent[1]), size

    def check(self, now: float) -> None:
        """Close the connection if a deadline has passed.

        Args:
            now: seconds of the event loop's clock.
        """
        if self.transport.is_closing():
            if self._closing_since is None:
                self._closing_since = now
            elif now - self._closing_since > CLOSE_TIMEOUT:
                self.abort()
            return
        if self._incomplete_since is not None and now - self._incomplete_since > HEAD_TIMEOUT:
            self.abort()
            return
        size = self.transport.get_write_buffer_size()
        if not size:
            self._unsent = None
        elif self._unsent is None or self._unsent[0] - size >= MIN_RECEIVED:
            self._unsent = (size, now)
        elif now - self._unsent[1] > STALLED:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once. The application gets a disconnection."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.abort()

    def duplicate(self) -> socket.socket:
        """Return another descriptor of the connection, which stays open after `detach`."""
        sock = socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno()))
        sock.setblocking(False)
        return sock

    def detach(self) -> None:
        """End HTTP on this connection without closing it. The address stays counted."""
        self._detached = True
        self.abort()
