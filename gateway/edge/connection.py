"""One WebSocket: its protocol, its unsent data, and its position in the client's events."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from typing import Any

import h11
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage
from wsproto.utilities import ProtocolError

from core.protocol import SUBPROTOCOL, structured
from core.tracing import span
from gateway.auth.tokens import ClientSession
from gateway.inbox.inbox import Inbox, InboxEntry
from gateway.links import shown

#: Unsent bytes above which no further events are taken from the inbox.
HIGH_WATER = 256 * 1024
#: The most bytes that a client may send between two pings. It needs to send only pongs.
MAX_CHATTER = 64 * 1024
#: Seconds for which a client may receive nothing of the unsent data.
STALLED = 30.0
#: Seconds between pings, and seconds without any answer after which a client counts as disconnected.
PING, SILENT = 25.0, 60.0
#: Seconds for sending what is left once the connection is being closed.
CLOSE_TIMEOUT = 10.0

#: Close codes (RFC 6455 section 7.4.1): going away, protocol error, policy violation, try again later.
AWAY, PROTOCOL, POLICY, LATER = 1001, 1002, 1008, 1013

_CHUNK = 64 * 1024
#: The headers of a handshake.
_HANDSHAKE = re.compile(r"host|upgrade|connection|sec-websocket-.*", re.IGNORECASE)


class HandshakeError(Exception):
    """The request is not a valid WebSocket handshake. The message says why."""


class Connection:
    """One client's WebSocket. Not thread-safe.

    Args:
        sock: the connection, after its HTTP request was read.
        headers: the headers of that request.
        inbox: the client's events.
        last: the id of the last event that the client has seen; -1 for none.
        session: the client's session.
        prefix: the prefix of the links in events.
        on_close: called when the connection is closed.
    """

    def __init__(
        self,
        sock: socket.socket,
        headers: list[tuple[str, str]],
        inbox: Inbox,
        last: int,
        session: ClientSession,
        prefix: str = "",
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.sock = sock
        self.inbox = inbox
        self.last = last
        self.session = session
        self._prefix = prefix
        self.on_close = on_close
        self._ws = WSConnection(ConnectionType.SERVER)
        self._out = bytearray()
        self._chatter = 0
        now = time.monotonic()
        self._heard = self._pinged = now
        #: When the client last received something, or had nothing to receive.
        self.moved = now
        self.closing = False
        #: When `tick` first saw that the connection is being closed.
        self._closing_since: float | None = None
        try:
            handshake = [(k.encode(), v.encode()) for k, v in headers if _HANDSHAKE.fullmatch(k)]
            self._ws.initiate_upgrade_connection(handshake, "/")
            [request] = list(self._ws.events())
            if not isinstance(request, Request):
                raise ProtocolError("no upgrade")
            # Clients that do not request CloudEvents get the shorter form.
            self._cloud_events = SUBPROTOCOL in request.subprotocols
            chosen = SUBPROTOCOL if self._cloud_events else None
            # No compression: its tables would take more memory than the rest of a connection.
            self._out += self._ws.send(AcceptConnection(subprotocol=chosen))
        except (ProtocolError, h11.ProtocolError, ValueError) as error:
            raise HandshakeError(str(error)) from None

    def fill(self) -> int:
        """Add unseen events to the unsent data, up to its limit, and return how many."""
        count = 0
        if self.closing:
            return count
        for entry in self.inbox.since(self.last):
            if len(self._out) >= HIGH_WATER:
                break
            self._push(entry)
            self.last = entry.id
            count += 1
        return count

    def _push(self, entry: InboxEntry) -> None:
        """Add an event to the unsent data."""
        # Once: an event is pushed to each connection of its client, and to those that reconnect later.
        trace, entry.event.traceparent = entry.event.traceparent, None
        with span("push event", "producer", trace):
            self._say(TextMessage(data=self._frame(entry)))

    def _frame(self, entry: InboxEntry) -> str:
        """Return the message with an event."""
        job = shown(entry, self._prefix)
        if self._cloud_events:
            return structured(entry.event, job, str(entry.id)).decode()
        return f'{{"id":{entry.id},"event":{job.decode()}}}'

    def pump(self) -> tuple[int, bool]:
        """Fill and flush until the client or the inbox has no more.

        Returns:
            The number of events, and the result of `flush`.
        """
        count = 0
        while True:
            taken = self.fill()
            count += taken
            alive = self.flush()
            if not alive or not taken or self._out:
                return count, alive

    def flush(self) -> bool:
        """Send what can be sent without waiting.

        Returns:
            False if the connection has ended.

        Raises:
            OSError: the connection is broken.
        """
        while self._out:
            try:
                sent = self.sock.send(memoryview(self._out)[:_CHUNK])
            except BlockingIOError:
                return True
            del self._out[:sent]
            self.moved = time.monotonic()
        return not self.closing

    @property
    def unsent(self) -> int:
        """The bytes of unsent data."""
        return len(self._out)

    def receive(self) -> None:
        """Read what the client sent. Pongs and the close frame count; anything else is ignored.

        Raises:
            OSError: the connection is broken.
        """
        try:
            data = self.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionResetError
        self._heard = time.monotonic()
        self._chatter += len(data)
        if self._chatter > MAX_CHATTER:
            self.close(POLICY, "too much said")
            return
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                if isinstance(event, Ping):
                    self._say(event.response())
                elif isinstance(event, CloseConnection):
                    if not self.closing:
                        self._say(event.response())
                    self.closing = True
        except ProtocolError:
            self.close(PROTOCOL, "not a WebSocket frame")

    def tick(self, now: float) -> None:
        """Send pings, and close connections that are silent, stalled or expired.

        Raises:
            ConnectionResetError: the client does not answer or does not receive.
        """
        if self.closing:
            if self._closing_since is None:
                self._closing_since = now
            elif now - self._closing_since > CLOSE_TIMEOUT:
                raise ConnectionResetError
            return
        if now - self._heard > SILENT or (self._out and now - self.moved > STALLED):
            raise ConnectionResetError
        if time.time() >= self.session.expires_at.timestamp():
            self.close(POLICY, "the session has ended")
            self._closing_since = now
        elif self.inbox.closed:
            self.close(AWAY, "connect again")
            self._closing_since = now
        elif now - self._pinged >= PING:
            self._pinged, self._chatter = now, 0
            self._say(Ping())
        if not self._out:
            self.moved = now

    def close(self, code: int, reason: str) -> None:
        """Send a close frame. The connection ends when it is sent."""
        if not self.closing:
            self.closing = True
            self._say(CloseConnection(code=code, reason=reason))

    def _say(self, event: Any) -> None:
        try:
            self._out += self._ws.send(event)
        except ProtocolError:
            self.closing = True  # the client has already sent its close frame
