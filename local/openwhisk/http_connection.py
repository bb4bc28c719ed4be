"""A persistent HTTP connection to an action process.

It sends one request at a time to qwhisk's own server on the same machine, or in a container there. An HTTP
library would take about as much CPU time as the rest of an invocation.
"""

from __future__ import annotations

import asyncio

from core.openwhisk.action_server import KEY_HEADER

#: The head of a response, in bytes.
_MAX_HEAD = 16 * 1024


class HttpConnectionError(Exception):
    """The connection ended, or the response is not HTTP. The process cannot be used again."""


class BodyTooLarge(HttpConnectionError):
    """The response's body is larger than the caller accepts.

    Attributes:
        length: of the body, in bytes.
        beginning: of the body, as many bytes as the caller accepts.
    """

    def __init__(self, length: int, beginning: bytes) -> None:
        super().__init__(f"a response of {length} bytes")
        self.length = length
        self.beginning = beginning


class HttpConnection(asyncio.Protocol):
    """A client connection; `post` sends one request and returns its response.

    Args:
        key: the key that every request must have; "" for no key.
    """

    def __init__(self, key: str = "") -> None:
        self._headers = f"{KEY_HEADER}: {key}\r\n" if key else ""
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._buffer = bytearray()
        self._status = 0
        self._length = -1
        self._limit = 0

    @classmethod
    async def connect(cls, host: str, port: int, key: str = "") -> HttpConnection:
        """Connect to a process.

        Args:
            host: its address.
            port: its port.
            key: see the constructor.

        Raises:
            OSError: no process listens there.
        """
        _, connection = await asyncio.get_running_loop().create_connection(lambda: cls(key), host, port)
        return connection

    async def post(self, path: str, body: bytes, limit: int) -> tuple[int, bytes]:
        """Send a JSON body.

        Args:
            path: of the URL.
            body: of the request.
            limit: bytes of the response's body.

        Returns:
            The status and the body of the response.

        Raises:
            BodyTooLarge: the response is larger than `limit` bytes.
            HttpConnectionError: the connection ended before the response was complete.
        """
        if self._transport is None or not self.open:
            raise HttpConnectionError("the connection is closed")
        waiting: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        self._limit = limit
        head = (
            f"POST {path} HTTP/1.1\r\nHost: action\r\nContent-Type: application/json\r\n"
            f"{self._headers}Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        try:
            return await waiting
        finally:
            self._waiting = None

    @property
    def open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._buffer += data
        try:
            if self._length < 0 and not self._read_head():
                return
        except HttpConnectionError as exc:
            self._fail(exc)
            return
        if self._length > self._limit and len(self._buffer) >= self._limit:
            self._fail(BodyTooLarge(self._length, bytes(self._buffer[: self._limit])))
        elif len(self._buffer) >= self._length:
            body = bytes(self._buffer[: self._length])
            del self._buffer[: self._length]
            self._length = -1
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result((self._status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        self._fail(
            HttpConnectionError(f"the connection was closed: {exc}" if exc else "the connection was closed")
        )

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise HttpConnectionError("the head of the response has no end")
            return False
        lines = bytes(self._buffer[:end]).decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        try:
            self._status = int(lines[0].split(" ")[1])
            fields = (line.partition(":") for line in lines[1:])
            length = next(value.strip() for name, _, value in fields if name.lower() == "content-length")
            if not (length.isascii() and length.isdigit()):
                raise ValueError(length)
            self._length = int(length)
        except (IndexError, ValueError, StopIteration):
            raise HttpConnectionError("the response is not HTTP with a Content-Length") from None
        return True

    def _fail(self, error: HttpConnectionError) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        if self._transport is not None:
            self._transport.abort()
