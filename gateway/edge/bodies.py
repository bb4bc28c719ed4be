"""Reads request bodies before a view is called, with a deadline and within a number of bytes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from gateway.inbox.memory import BusyError
from gateway.limits import LimitError

#: The most bytes of a request's body. OpenWhisk accepts 1 MB of parameters, including the envelope.
MAX_BODY = 1_000_000
#: Seconds for a whole body.
BODY_TIMEOUT = 30.0
#: The most bytes of a rejected body that are read and discarded. Closing a connection with unread data resets
#: it, and then the client may not get the error.
MAX_DISCARDED = 16 * 1024 * 1024
#: The most bytes of all bodies that are kept at the same time, and of those of one address.
MAX_KEPT, MAX_KEPT_PER_ADDRESS = 48 * 1024 * 1024, 16 * 1024 * 1024
#: Seconds after which a request for which an address had no room should be sent again.
RETRY_AFTER = 5.0

Receive = Callable[[], Awaitable[Any]]


class DisconnectedError(Exception):
    """The client has closed the connection."""


class BodyTimeoutError(Exception):
    """The body is not complete in time."""


@dataclass
class RequestBody:
    """What was read of a body.

    Attributes:
        data: the body; empty if it is too large.
        length: its bytes; more than `MAX_BODY` if it is too large.
        complete: whether all of it was read.
    """

    data: bytes
    length: int
    complete: bool

    async def receive(self) -> dict[str, Any]:
        """Return the body as the one ASGI message of a request."""
        return {"type": "http.request", "body": self.data, "more_body": False}


class Bodies:
    """The bodies of all requests in progress. Used by the event loop's thread only.

    Args:
        per_address: the most bytes for each address; 0 for no limit.
    """

    def __init__(self, per_address: int = MAX_KEPT_PER_ADDRESS) -> None:
        self._per_address = per_address
        self._kept = 0
        self._by_address: Counter[str] = Counter()

    @asynccontextmanager
    async def read(
        self, receive: Receive, headers: dict[bytes, bytes], address: str
    ) -> AsyncIterator[RequestBody]:
        """Read a body. Its bytes count, and are kept, for the duration of the context.

        Args:
            receive: returns the next ASGI message.
            headers: the request's headers.
            address: the address of the client, as limits count it.

        Raises:
            DisconnectedError: the client has closed the connection.
            BodyTimeoutError: the body is not complete in time.
            LimitError: the address has no room for it.
            BusyError: there is no room for it now.
        """
        declared = int(headers.get(b"content-length", b"0"))
        if declared > MAX_BODY and b"expect" in headers:
            # The client waits for permission to send it.
            yield RequestBody(b"", declared, False)
            return
        kept = 0

        def keep(size: int) -> None:
            nonlocal kept
            kept += size
            self._kept += size
            self._by_address[address] += size
            if not self._by_address[address]:
                del self._by_address[address]

        try:
            try:
                async with asyncio.timeout(BODY_TIMEOUT):
                    body = await self._receive(receive, declared, address, keep)
            except TimeoutError:
                raise BodyTimeoutError from None
            try:
                yield body
            finally:
                body.data = b""
        finally:
            keep(-kept)

    async def _receive(
        self, receive: Receive, declared: int, address: str, keep: Callable[[int], None]
    ) -> RequestBody:
        data, length, more = bytearray(), 0, True
        while more and length <= MAX_DISCARDED:
            message = await receive()
            if message["type"] != "http.request":
                raise DisconnectedError
            more = message["more_body"]
            length += len(message["body"])
            if max(length, declared) <= MAX_BODY:
                data += message["body"]
                keep(len(message["body"]))
                self._check(address)
            else:
                data.clear()
        return RequestBody(bytes(data), max(length, declared), not more)

    def _check(self, address: str) -> None:
        if self._per_address and self._by_address[address] > self._per_address:
            raise LimitError("The requests in progress from this address have too many bytes.", RETRY_AFTER)
        if self._kept > MAX_KEPT:
            raise BusyError("The requests in progress have too many bytes. Try again later.")
