"""One WebSocket: its protocol, what is still to be sent, and where its client is in its events."""

from __future__ import annotations

import re
import socket
import time
from typing import Any

import h11
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Request, TextMessage
from wsproto.utilities import ProtocolError

from gateway.auth.tokens import ClientSession
from gateway.inbox.inbox import Inbox

#: Bytes waiting to be sent from which on no further events are taken; they stay in the inbox meanwhile.
HIGH_WATER = 256 * 1024
#: Bytes that a client may send between two pings. It has nothing to say but pongs.
MAX_CHATTER = 64 * 1024
#: Seconds for which a client may take nothing of what is to be sent.
STALLED = 30.0
#: Seconds between pings, and without any answer after which a client is gone.
PING, SILENT = 25.0, 60.0

#: Close codes (RFC 6455 section 7.4.1): going away, protocol error, policy violation, try again later.
AWAY, PROTOCOL, POLICY, LATER = 1001, 1002, 1008, 1013

_CHUNK = 64 * 1024
#: The headers that matter to a handshake.
_HANDSHAKE = re.compile(r"host|upgrade|connection|sec-websocket-.*", re.IGNORECASE)


class HandshakeError(Exception):
    """The request is no WebSocket handshake; the message says what is wrong with it."""


class Connection:
    """One client's WebSocket. Used by one thread only.

    Args:
        sock: the connection, its HTTP request read.
        headers: that request's.
        inbox: the client's events.
        last: id of the last event that the client has seen; -1 for none.
        session: whose it is.
    """

    def __init__(
        self,
        sock: socket.socket,
        headers: list[tuple[str, str]],
        inbox: Inbox,
        last: int,
        session: ClientSession,
    ) -> None:
        self.sock = sock
        self.inbox = inbox
        self.last = last
        self.session = session
        self._ws = WSConnection(ConnectionType.SERVER)
        self._out = bytearray()
        self._chatter = 0
        now = time.monotonic()
        self._heard = self._moved = self._pinged = now
        self.closing = False
        try:
            own = [(k.encode(), v.encode()) for k, v in headers if _HANDSHAKE.fullmatch(k)]
            self._ws.initiate_upgrade_connection(own, "/")
            [request] = list(self._ws.events())
            if not isinstance(request, Request):
                raise ProtocolError("no upgrade")
            # No compression: its tables would take more memory than everything else of a connection.
            self._out += self._ws.send(AcceptConnection())
        except (ProtocolError, h11.ProtocolError, ValueError) as error:
            raise HandshakeError(str(error)) from None

    def fill(self) -> int:
        """Take the events that the client has not seen, as many as may wait here; gives how many."""
        count = 0
        if self.closing:
            return count
        for entry in self.inbox.since(self.last):
            if len(self._out) >= HIGH_WATER:
                break
            self._say(TextMessage(data=f'{{"id":{entry.id},"event":{entry.json.decode()}}}'))
            self.last = entry.id
            count += 1
        return count

    def pump(self) -> tuple[int, bool]:
        """Take and send until the client or the inbox has had enough; how many events, and as `flush`."""
        count = 0
        while True:
            taken = self.fill()
            count += taken
            alive = self.flush()
            if not alive or not taken or self._out:
                return count, alive

    def flush(self) -> bool:
        """Send what can be sent now; False if the connection is finished with. OSError if it is broken."""
        while self._out:
            try:
                sent = self.sock.send(memoryview(self._out)[:_CHUNK])
            except BlockingIOError:
                return True
            del self._out[:sent]
            self._moved = time.monotonic()
        return not self.closing

    @property
    def unsent(self) -> bool:
        """True while something waits to be sent."""
        return bool(self._out)

    def receive(self) -> None:
        """Read what the client sent: pongs and its goodbye; all else is ignored. OSError if it is gone."""
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
        """What time asks for: pings, and the end of those that are silent, stalled or expired."""
        if self.closing:
            return
        if now - self._heard > SILENT or (self._out and now - self._moved > STALLED):
            raise ConnectionResetError
        if time.time() >= self.session.expires_at.timestamp():
            self.close(POLICY, "the session has ended")
        elif self.inbox.closed:
            self.close(AWAY, "connect again")
        elif now - self._pinged >= PING:
            self._pinged, self._chatter = now, 0
            self._say(Ping())
        if not self._out:
            self._moved = now

    def close(self, code: int, reason: str) -> None:
        """Say goodbye; the connection ends when that is sent."""
        if not self.closing:
            self.closing = True
            self._say(CloseConnection(code=code, reason=reason))

    def _say(self, event: Any) -> None:
        try:
            self._out += self._ws.send(event)
        except ProtocolError:
            self.closing = True  # the client has said goodbye already
