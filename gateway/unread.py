"""Bounds the large responses that their clients have not received yet."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from flask import Response

from core.client_sources import source_of
from gateway.edge.exchange import Exchange, exchange, json_parts
from gateway.edge.held_response import SLICE
from gateway.inbox.memory import BusyError
from gateway.limits import LimitError

#: The most bytes of all responses that their clients have not received yet. Responses of up to `SLICE` bytes
#: are not counted: they are sent at once.
MAX_UNREAD = 96 * 1024 * 1024
#: The most bytes of one source and of one client, which may have several pages open. A single response may be
#: larger.
MAX_UNREAD_OF_SOURCE, MAX_UNREAD_OF_CLIENT = 48 * 1024 * 1024, 16 * 1024 * 1024
#: The most large results that are read from their store at the same time, and the seconds to wait for a turn.
MAX_READS, READ_WAIT = 1, 10.0


@dataclass(eq=False)
class _UnreadResponse:
    source: str
    client_id: str
    size: int
    #: Ends its connection.
    abort: Callable[[], None]


class UnreadResponses:
    """The large responses that are being sent. Thread-safe.

    Sources share the bytes: when they are used up, a response of the source that uses the most is dropped in
    favor of one that uses less. So clients that do not read cannot stop the others, however many they are.

    Args:
        waiting: a context for waits, which use no processor time.
    """

    def __init__(self, waiting: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._waiting = waiting
        self._lock = threading.Lock()
        self._total = 0
        self._by_source: Counter[str] = Counter()
        self._by_client: Counter[str] = Counter()
        #: Oldest first.
        self._responses: dict[_UnreadResponse, None] = {}
        self._reads = threading.BoundedSemaphore(MAX_READS)

    @property
    def total(self) -> int:
        """The bytes of all counted responses."""
        return self._total

    def large(self, client_id: str, read: Callable[[], bytes]) -> Response:
        """Return a response with a large result. Raises the errors of `response` and of `read`.

        Args:
            client_id: the client.
            read: reads the result.
        """
        with self._waiting():
            if not self._reads.acquire(timeout=READ_WAIT):
                raise BusyError("Too many results are being read now. Try again later.")
            try:
                return self.response(client_id, [read()])
            finally:
                self._reads.release()

    def response(self, client_id: str, parts: Sequence[bytes]) -> Response:
        """Return a response with this JSON. If it is large, it counts until its client has received it.

        Raises:
            LimitError: the client or its source does not read its other responses.
            BusyError: there is no memory for the response now.
        """
        self.count(client_id, sum(map(len, parts)), exchange())
        return json_parts(parts)

    def count(self, client_id: str, size: int, exchange: Exchange) -> None:
        """Count a response, if it is large, until its exchange ends.

        Args:
            client_id: the client.
            size: the bytes of the response.
            exchange: the request and its response.

        Raises:
            LimitError: the client or its source does not read its other responses.
            BusyError: there is no memory for the response now.
        """
        if size <= SLICE:
            return
        response = _UnreadResponse(source_of(client_id), client_id, size, exchange.abort)
        with self._lock:
            for used, limit in (
                (self._by_client[client_id], MAX_UNREAD_OF_CLIENT),
                (self._by_source[response.source], MAX_UNREAD_OF_SOURCE),
            ):
                if used and used + size > limit:
                    raise LimitError("Read the responses to your other requests first.", 1)
            victims = self._victims(response)
            for victim in victims:
                self._remove(victim)
            self._responses[response] = None
            self._change(response, size)
        exchange.at_end(partial(self._ended, response))
        for victim in victims:
            victim.abort()

    def _victims(self, response: _UnreadResponse) -> list[_UnreadResponse]:
        """Return the responses to drop for a new one.

        Raises:
            BusyError: no source uses more than the new response's.
        """
        total, by_source, oldest = self._total, Counter(self._by_source), list(self._responses)
        victims: list[_UnreadResponse] = []
        while total + response.size > MAX_UNREAD:
            source, used = max(by_source.items(), key=lambda item: item[1], default=("", 0))
            if used <= by_source[response.source] + response.size:
                raise BusyError("Too many responses are being sent now. Try again later.")
            victim = next(other for other in oldest if other.source == source)
            oldest.remove(victim)
            victims.append(victim)
            by_source[source] -= victim.size
            total -= victim.size
        return victims

    def _ended(self, response: _UnreadResponse) -> None:
        with self._lock:
            if response in self._responses:
                self._remove(response)

    def _remove(self, response: _UnreadResponse) -> None:
        del self._responses[response]
        self._change(response, -response.size)

    def _change(self, response: _UnreadResponse, size: int) -> None:
        self._total += size
        for counter, name in ((self._by_source, response.source), (self._by_client, response.client_id)):
            counter[name] += size
            if counter[name] <= 0:
                del counter[name]
