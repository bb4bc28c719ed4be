"""Pages of a client's jobs, and the bounds of large responses."""

from __future__ import annotations

import base64
import binascii
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson
from flask import Response

from core.errors import InputError
from gateway.edge.exchange import exchange, json_parts
from gateway.edge.held_response import SLICE
from gateway.inbox.inbox import InboxEntry
from gateway.inbox.memory import BusyError
from gateway.limits import LimitError

#: The most jobs of a page.
MAX_JOBS = 1_000
#: The most bytes of a page. A single event may have almost as many.
MAX_BYTES = 1_000_000
#: The most characters of a cursor.
MAX_CURSOR = 400

#: The most bytes of all responses that their clients have not read yet. Those that are sent at once are not
#: counted.
MAX_UNREAD = 96 * 1024 * 1024
#: The most such responses of one client.
MAX_UNREAD_OF_CLIENT = 2
#: The most large results that are read from their store at the same time, and the seconds to wait for a turn.
MAX_READS, READ_WAIT = 1, 10.0

#: The place of a job in the list: when it was submitted, and its id.
Cursor = tuple[datetime, str]


@dataclass(frozen=True)
class Page:
    """Some of a client's jobs, and the cursor of the next page; None if this is the last."""

    entries: Sequence[InboxEntry]
    next: str | None

    def parts(self) -> list[bytes]:
        """Return the JSON of the page. The events are not copied."""
        parts = [b'{"jobs":[']
        for number, entry in enumerate(self.entries):
            parts += [b",", entry.json] if number else [entry.json]
        return [*parts, b'],"next":', orjson.dumps(self.next), b"}"]


def limit_of(raw: str | None) -> int:
    """Return the most jobs of the page.

    Raises:
        InputError: it is not a number from 1 to `MAX_JOBS`.
    """
    if raw is None:
        return MAX_JOBS
    if len(raw) > 4 or not (raw.isascii() and raw.isdigit()) or not 1 <= int(raw) <= MAX_JOBS:
        raise InputError(f"limit must be a number from 1 to {MAX_JOBS}.", field="limit")
    return int(raw)


def parse(raw: str | None) -> Cursor | None:
    """Return the place after which the page starts; None for the beginning.

    Raises:
        InputError: it is not the `next` of another page.
    """
    if raw is None:
        return None
    try:
        if len(raw) > MAX_CURSOR:
            raise ValueError
        submitted_at, process_job_id = orjson.loads(base64.urlsafe_b64decode(raw.encode("ascii")))
        place = datetime.fromisoformat(submitted_at)
        if place.tzinfo is None or not isinstance(process_job_id, str):
            raise ValueError
    except (ValueError, TypeError, binascii.Error):
        raise InputError("cursor must be the `next` of another page.", field="cursor") from None
    return place, process_job_id


def page(latest: Sequence[InboxEntry], limit: int, after: Cursor | None) -> Page:
    """Return a page of jobs, the most recently submitted first.

    Args:
        latest: the newest event of each job.
        limit: the most jobs.
        after: the place after which the page starts.
    """
    ordered = sorted(latest, key=_place, reverse=True)
    entries: list[InboxEntry] = []
    size = 0
    for entry in ordered:
        if after is not None and _place(entry) >= after:
            continue
        size += len(entry.json) + 1
        if len(entries) >= limit or (entries and size > MAX_BYTES):
            return Page(entries, _cursor(entries[-1]))
        entries.append(entry)
    return Page(entries, None)


def _place(entry: InboxEntry) -> Cursor:
    return entry.event.submitted_at, entry.event.process_job_id


def _cursor(entry: InboxEntry) -> str:
    submitted_at, process_job_id = _place(entry)
    return base64.urlsafe_b64encode(orjson.dumps([submitted_at.isoformat(), process_job_id])).decode()


class UnreadResponses:
    """Responses that are being sent, within bounds for each client and for all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0
        self._of_client: Counter[str] = Counter()
        self._reads = threading.BoundedSemaphore(MAX_READS)

    def large(self, client_id: str, read: Callable[[], bytes]) -> Response:
        """Return a response with a large result. Raises the errors of `response` and of `read`.

        Args:
            client_id: the client.
            read: reads the result.
        """
        if not self._reads.acquire(timeout=READ_WAIT):
            raise BusyError("Too many results are being read now. Try again later.")
        try:
            return self.response(client_id, [read()])
        finally:
            self._reads.release()

    def response(self, client_id: str, parts: Sequence[bytes]) -> Response:
        """Return a response with this JSON. If it is large, it counts until its client has received it.

        Raises:
            LimitError: the client does not read its other responses.
            BusyError: there is no memory for the response now.
        """
        size = sum(map(len, parts))
        if size <= SLICE:
            return json_parts(parts)
        with self._lock:
            if self._of_client[client_id] >= MAX_UNREAD_OF_CLIENT:
                raise LimitError("Read the responses to your other requests first.", 1)
            if self._bytes + size > MAX_UNREAD:
                raise BusyError("Too many responses are being sent now. Try again later.")
            self._of_client[client_id] += 1
            self._bytes += size
        exchange().at_end(partial(self._sent, client_id, size))
        return json_parts(parts)

    def _sent(self, client_id: str, size: int) -> None:
        with self._lock:
            self._bytes -= size
            self._of_client[client_id] -= 1
            if self._of_client[client_id] <= 0:
                del self._of_client[client_id]
