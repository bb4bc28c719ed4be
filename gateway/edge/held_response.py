"""The response of a view, held until it is known whether the request waits for a result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from flask import Response

#: Bytes of a response above which it is sent while the view produces it.
MAX_HELD = 1024 * 1024

_CLOSE = (b"connection", b"close")


class HeldResponse:
    """Receives the ASGI messages of a view.

    A response of up to `MAX_HELD` bytes is sent by `finish`, so that no thread waits for a slow client.

    Args:
        send: sends ASGI messages to the client.
    """

    def __init__(self, send: Callable[[Any], Awaitable[None]]) -> None:
        self._send = send
        self._body = bytearray()
        self._streaming = self._close = False
        self._headers: list[tuple[bytes, bytes]] = []
        self.status = 500

    @classmethod
    def of(cls, send: Callable[[Any], Awaitable[None]], response: Response) -> HeldResponse:
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

    def replace(self, status: int, body: bytes, without: Sequence[bytes]) -> None:
        """Replace the status and the JSON of a response that is held.

        Args:
            status: the new status.
            body: the new body.
            without: the names of headers to remove.
        """
        self.status = status
        self._body[:] = body
        kept = [(name, value) for name, value in self._headers if name not in (b"content-length", *without)]
        self._headers = [*kept, (b"content-length", str(len(body)).encode())]

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
        """Send what is held."""
        if self._streaming:
            return
        await self._start()
        await self._send({"type": "http.response.body", "body": bytes(self._body), "more_body": False})

    async def _start(self) -> None:
        headers = [*self._headers, _CLOSE] if self._close else self._headers
        await self._send({"type": "http.response.start", "status": self.status, "headers": headers})
