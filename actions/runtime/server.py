"""A small serial HTTP/1.1 server.

OpenWhisk sends a container one request at a time. Serving them one after another on the main thread keeps
the action where Python code expects to be (signals, event loops, C libraries), and leaves out everything a
general web server would do between the socket and `main`.
"""

from __future__ import annotations

import hmac
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

#: /run: OpenWhisk allows 1 MB of parameters; the rest is for the envelope around them.
MAX_RUN_BODY = 1024 * 1024 + 64 * 1024

#: /init: OpenWhisk allows 48 MB of code; the rest is for the envelope and JSON's escapes.
MAX_INIT_BODY = 64 * 1024 * 1024

#: The request line and the headers, in bytes.
MAX_HEAD = 16 * 1024

#: A client that has begun a request gets this long, in seconds, to go on with it.
IO_TIMEOUT = 10.0

#: Open connections. The platform uses one or two.
MAX_CONNECTIONS = 32

_CHUNK = 64 * 1024

#: What browsers add to the requests of web pages. The platform sends neither. On a developer's machine this
#: server is within reach of every page, and what a request brings are settings too: where to send the keys.
_FROM_PAGES = frozenset(("origin", "sec-fetch-site"))

#: The header that has the platform's key, where the platform has given one.
KEY_HEADER = "x-qwhisk-action-key"


@dataclass(frozen=True, slots=True)
class Reply:
    """A JSON response."""

    status: int
    body: bytes


#: Method, path and body in; a reply out. Must not raise.
Handler = Callable[[str, str, bytes], Reply]


class _Malformed(Exception):
    """What arrived cannot be answered on a connection that stays open."""

    def __init__(self, status: int, message: str, unread: int = _CHUNK) -> None:
        """
        Args:
            status: of the answer.
            message: what is wrong.
            unread: bytes that the client may still be sending.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.unread = unread


class Server:
    """Listens from construction on; `serve` answers requests until `stop`."""

    def __init__(self, host: str, port: int, handler: Handler, key: str = "") -> None:
        """
        Args:
            host: the address to listen on.
            port: the port to listen on; 0 for any free one.
            handler: answers requests.
            key: what a request must have in `KEY_HEADER`; "" for no key.

        Raises:
            OSError: the address cannot be bound.
        """
        self._handler = handler
        self._key = key.encode("utf-8", "surrogateescape")
        self._listener = socket.create_server((host, port), backlog=128)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._connections: dict[socket.socket, bytearray] = {}

    @property
    def wake_descriptor(self) -> int:
        """For `signal.set_wakeup_fd`, so that a signal ends the wait for requests."""
        return self._waker.fileno()

    def stop(self) -> None:
        """End `serve` after the request in hand. Only sets a flag: safe in a signal handler."""
        self._stopping = True

    def _stopped(self) -> bool:
        return self._stopping

    def serve(self) -> None:
        """Answer requests until `stop` is called."""
        try:
            while not self._stopped():
                for key, _ in self._selector.select():
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj is self._wake:
                        self._wake.recv(_CHUNK)
                    elif isinstance(key.fileobj, socket.socket):
                        self._converse(key.fileobj)
                    if self._stopped():
                        break
        finally:
            for connection in list(self._connections):
                self._close(connection)
            self._selector.close()
            for opened in (self._listener, self._wake, self._waker):
                opened.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # gone again before it was accepted
        connection.settimeout(IO_TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        """See to a new connection."""
        if len(self._connections) >= MAX_CONNECTIONS:
            connection.close()
            return
        self._connections[connection] = bytearray()
        self._selector.register(connection, selectors.EVENT_READ)

    def _close(self, connection: socket.socket) -> None:
        self._connections.pop(connection, None)
        self._selector.unregister(connection)
        connection.close()

    def _converse(self, connection: socket.socket) -> None:
        """Answer what this connection has sent."""
        if not self._answer_all(connection, self._connections[connection]):
            self._close(connection)

    def _answer_all(self, connection: socket.socket, buffer: bytearray) -> bool:
        """Answer what a connection has sent; return whether it stays open."""
        try:
            keep = _answer(connection, buffer, self._handler, self._key)
            while keep and buffer and not self._stopped():
                keep = _answer(connection, buffer, self._handler, self._key)
        except _Malformed as exc:
            _refuse(connection, exc)
            return False
        except OSError:
            return False  # the client left, or stalled; nobody to tell
        return keep


def _answer(connection: socket.socket, buffer: bytearray, handler: Handler, key: bytes) -> bool:
    """Read one request, answer it; return whether the connection stays open."""
    while (end := buffer.find(b"\r\n\r\n")) < 0:
        if len(buffer) > MAX_HEAD:
            raise _Malformed(431, "The request's headers are too long.")
        received = connection.recv(_CHUNK)
        if not received:
            return False
        buffer += received
    head = buffer[:end].decode("latin-1").split("\r\n")
    del buffer[: end + 4]
    words = head[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise _Malformed(400, "That is not an HTTP/1 request.")
    method, target, version = words
    headers = _headers(head[1:])
    if not _FROM_PAGES.isdisjoint(headers):
        raise _Malformed(403, "An action is invoked by its platform, not by a web page.")
    # Before the body: whoever has no key cannot keep this server busy with one.
    if key and not hmac.compare_digest(headers.get(KEY_HEADER, "").encode("latin-1"), key):
        raise _Malformed(403, "An action is invoked by its platform, which has the key.")
    path = target.partition("?")[0]
    body = _body(connection, buffer, headers, MAX_INIT_BODY if path == "/init" else MAX_RUN_BODY)
    keep = _keeps(version, headers.get("connection", "").lower())
    _send(connection, handler(method, path, body), keep)
    return keep


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise _Malformed(400, "A header has no colon.")
        headers[name.strip().lower()] = value.strip()
    return headers


def _body(connection: socket.socket, buffer: bytearray, headers: dict[str, str], limit: int) -> bytes:
    if "transfer-encoding" in headers:
        raise _Malformed(411, "Send the body with a Content-Length.")
    declared = headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or len(declared) > 18:
        raise _Malformed(400, "The Content-Length is not a number.")
    length = int(declared)
    waits = headers.get("expect", "").lower() == "100-continue"
    if length > limit:
        unread = 0 if waits else length - len(buffer)
        raise _Malformed(413, f"The request is larger than allowed: {length} > {limit} bytes.", unread)
    if waits and len(buffer) < length:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(buffer) < length:
        received = connection.recv(max(_CHUNK, length - len(buffer)))
        if not received:
            raise ConnectionError("the client left in the middle of a request")
        buffer += received
    body = bytes(buffer[:length])
    del buffer[:length]
    return body


def _keeps(version: str, connection: str) -> bool:
    return connection == "keep-alive" if version == "HTTP/1.0" else connection != "close"


def _send(connection: socket.socket, reply: Reply, keep: bool) -> None:
    head = (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(reply.body)}\r\n"
        f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    # One write: a head and a body sent apart would meet the client's delayed acknowledgement.
    connection.sendall(head.encode("latin-1") + reply.body)


def _refuse(connection: socket.socket, malformed: _Malformed) -> None:
    """Say what is wrong, then read on a little: closing on unread data would destroy the answer."""
    body = f'{{"error": "{malformed.message}"}}'.encode()
    try:
        _send(connection, Reply(malformed.status, body), keep=False)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1.0)
        left = min(malformed.unread, MAX_INIT_BODY)
        give_up = time.monotonic() + 2.0
        while left > 0 and time.monotonic() < give_up:
            received = len(connection.recv(_CHUNK))
            if not received:
                return
            left -= received
    except OSError:
        return  # the client left; it does not want the answer
