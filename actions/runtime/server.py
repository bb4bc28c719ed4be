"""A small serial HTTP/1.1 server.

OpenWhisk sends a container one request at a time. They are served one after another on the main thread, where
signals, event loops and C libraries work as Python code expects. A general web server would add work to every
activation.
"""

from __future__ import annotations

import hmac
import selectors
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from core.openwhisk.action_server import KEY_HEADER, MAX_CODE, MAX_PAYLOAD

#: Bytes of a /run request: the parameters and the envelope around them.
MAX_RUN_BODY = MAX_PAYLOAD + 64 * 1024

#: Bytes of an /init request: the code, the envelope, and JSON's escapes.
MAX_INIT_BODY = MAX_CODE + 16 * 1024 * 1024

#: The request line and the headers, in bytes.
MAX_HEAD = 16 * 1024

#: Seconds that a client has to send the next bytes of a request.
IO_TIMEOUT = 10.0

#: Open connections; the platform uses one or two.
MAX_CONNECTIONS = 32

_CHUNK = 64 * 1024

#: Headers that browsers add to the requests of web pages, and the platform does not send. On a developer's
#: machine every page can send requests to this server. A request has settings too, such as the service to
#: which keys are sent.
_FROM_PAGES = frozenset(("origin", "sec-fetch-site"))

#: Header names are compared in lower case.
_KEY_HEADER = KEY_HEADER.lower()


class Reply(NamedTuple):
    """A JSON response. Not a dataclass, whose import would delay the start of every process."""

    status: int
    body: bytes


#: Returns the reply to a method, a path and a body. It must not raise.
Handler = Callable[[str, str, bytes], Reply]


class _Malformed(Exception):
    """The request cannot be answered, and its connection has to be closed.

    Args:
        status: of the response.
        message: of the response.
        unread: bytes that the client may still be sending.
    """

    def __init__(self, status: int, message: str, unread: int = _CHUNK) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.unread = unread


class SerialServer:
    """Listens from construction on; `serve` answers requests until `stop`.

    Args:
        host: the address to listen on.
        port: the port to listen on; 0 for any free port.
        handler: answers requests.
        key: the key that requests must have in the header `KEY_HEADER`; "" for no key.

    Raises:
        OSError: the address cannot be bound.
    """

    def __init__(self, host: str, port: int, handler: Handler, key: str = "") -> None:
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
        """The descriptor for `signal.set_wakeup_fd`, with which a signal ends the wait for requests."""
        return self._waker.fileno()

    def stop(self) -> None:
        """End `serve` after the current request. It only sets a flag, so it is safe in a signal handler."""
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
                        self._answer_ready(key.fileobj)
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
            return  # The client has closed the connection.
        connection.settimeout(IO_TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._add(connection)

    def _add(self, connection: socket.socket) -> None:
        """Serve a new connection from now on."""
        if len(self._connections) >= MAX_CONNECTIONS:
            connection.close()
            return
        self._connections[connection] = bytearray()
        self._selector.register(connection, selectors.EVENT_READ)

    def _close(self, connection: socket.socket) -> None:
        self._connections.pop(connection, None)
        self._selector.unregister(connection)
        connection.close()

    def _answer_ready(self, connection: socket.socket) -> None:
        """Answer a connection that can be read; close it if it does not stay open."""
        if not self._answer_all(connection, self._connections[connection]):
            self._close(connection)

    def _answer_all(self, connection: socket.socket, buffer: bytearray) -> bool:
        """Answer the requests of a connection; return whether it stays open."""
        try:
            keep = _answer(connection, buffer, self._handler, self._key)
            while keep and buffer and not self._stopped():
                keep = _answer(connection, buffer, self._handler, self._key)
        except _Malformed as exc:
            _reject(connection, exc)
            return False
        except OSError:
            return False  # The client has closed the connection, or has sent nothing for too long.
        return keep


def _answer(connection: socket.socket, buffer: bytearray, handler: Handler, key: bytes) -> bool:
    """Read and answer one request; return whether the connection stays open."""
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
        raise _Malformed(400, "The request is not HTTP/1.")
    method, target, version = words
    headers = _headers(head[1:])
    if not _FROM_PAGES.isdisjoint(headers):
        raise _Malformed(403, "An action is invoked by its platform, not by a web page.")
    # Before the body is read: a client without the key cannot occupy the server with a body.
    if key and not hmac.compare_digest(headers.get(_KEY_HEADER, "").encode("latin-1"), key):
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
            raise ConnectionError("the client closed the connection in the middle of a request")
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
    # One write: a second one would wait for the client's delayed acknowledgement of the first.
    connection.sendall(head.encode("latin-1") + reply.body)


def _reject(connection: socket.socket, malformed: _Malformed) -> None:
    """Send the error, then read for a while: closing with unread data would discard the response."""
    body = f'{{"error": "{malformed.message}"}}'.encode()
    try:
        _send(connection, Reply(malformed.status, body), keep=False)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1.0)
        left = min(malformed.unread, MAX_INIT_BODY)
        deadline = time.monotonic() + 2.0
        while left > 0 and time.monotonic() < deadline:
            received = len(connection.recv(_CHUNK))
            if not received:
                return
            left -= received
    except OSError:
        return  # The client has closed the connection.
