"""The response of a view, held until it is known whether the request waits for a result.

It is sent as fast as the client reads, by the event loop and not by a thread.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from flask import Response

#: Bytes of a response above which it is sent while the view produces it.
MAX_HELD = 1024 * 1024
#: The most bytes that are sent at once. The next are sent when the client has received most of them.
SLICE = 64 * 1024

_CLOSE = (b"connection", b"close")

#: Sends an ASGI message to the client.
Send = Callable[[Any], Awaitable[None]]


class HeldResponse:
    """Receives the ASGI messages of a view.

    A response of up to `MAX_HELD` bytes is sent by `finish`, so that no thread waits for a slow client.

    Args:
        send: sends ASGI messages to the client.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._body = bytearray()
        self._parts: Sequence[bytes] = ()
        self._streaming = self._close = False
        self._headers: list[tuple[bytes, bytes]] = []
        self.status = 500

    @classmethod
    def of(cls, send: Send, response: Response) -> HeldResponse:
        """Return the answer that is this response."""
        answer = cls(send)
        answer.status = response.status_code
        answer._headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in response.headers.items()
        ]
        answer._body += response.get_data()
        return answer

    def close_connection(self) -> None:
        """End the connection with this response."""
        self._close = True

    def extend(self, parts: Sequence[bytes]) -> None:
        """Add parts to the body. They are not copied. The response's headers already state its length."""
        self._parts = parts

    def add_header(self, name: str, value: str) -> None:
        """Add a header to the response."""
        self._headers = [*self._headers, (name.lower().encode("latin-1"), value.encode("latin-1"))]

    def replace(
        self, status: int, body: bytes, headers: Mapping[str, str], without: Sequence[str] = ()
    ) -> None:
        """Replace the status and the body of a response that is held. The body is not copied.

        Args:
            status: the new status.
            body: the new body.
            headers: headers that replace those of the same names.
            without: the names of headers to remove.
        """
        self.status = status
        self._body.clear()
        self._parts = [body]
        new = {name.lower(): value for name, value in headers.items()} | {"content-length": str(len(body))}
        replaced = {name.encode("latin-1") for name in (*new, *without)}
        kept = [(name, value) for name, value in self._headers if name not in replaced]
        self._headers = [
            *kept,
            *((name.encode("latin-1"), value.encode("latin-1")) for name, value in new.items()),
        ]

    async def send_through(self, message: dict[str, Any]) -> None:
        """Send a message of another application at once, with the headers of the view's response too."""
        if message["type"] == "http.response.start":
            own = [(name, value) for name, value in message["headers"] if name != _CLOSE[0]]
            names = {name for name, _ in own} | {b"content-type", b"content-length"}
            own += [(name, value) for name, value in self._headers if name not in names]
            self.status, self._headers, self._streaming = message["status"], own, True
            await self._start()
            return
        await self._send(message)

    async def __call__(self, message: dict[str, Any]) -> None:
        """Handle a message of the view."""
        if message["type"] == "http.response.start":
            self.status, self._headers = message["status"], list(message["headers"])
            return
        if self._streaming:
            await self._send(message)
            return
        self._body += message["body"]
        if len(self._body) > MAX_HELD:
            self._streaming = True
            await self._start()
            await self._send({"type": "http.response.body", "body": bytes(self._body), "more_body": True})
            self._body.clear()
            if not message.get("more_body", False):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def finish(self) -> None:
        """Send what is held. Return when the client has received most of it, or has left."""
        if self._streaming:
            return
        await self._start()
        held = bytes(self._body)
        self._body.clear()
        previous = b""
        for piece in _slices([held, *self._parts]):
            if previous:
                await self._send_body(previous, more=True)
            previous = piece
        await self._send_body(previous, more=False)

    async def _send_body(self, data: bytes, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def _start(self) -> None:
        headers = [*self._headers, _CLOSE] if self._close else self._headers
        await self._send({"type": "http.response.start", "status": self.status, "headers": headers})


def _slices(parts: Sequence[bytes]) -> Iterator[bytes]:
    for part in parts:
        for start in range(0, len(part), SLICE):
            yield part[start : start + SLICE]
