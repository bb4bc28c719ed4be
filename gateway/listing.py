"""Pages of a client's jobs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from core.errors import InputError
from gateway.inbox.inbox import InboxEntry
from gateway.links import shown

#: The most jobs of a page.
MAX_JOBS = 1_000
#: The most bytes of a page. A single event may have almost as many.
MAX_BYTES = 1_000_000
#: The most characters of a cursor.
MAX_CURSOR = 400

#: The place of a job in the list: when it was submitted, and its id.
Cursor = tuple[datetime, str]


@dataclass(frozen=True)
class Page:
    """Some of a client's jobs, and the cursor of the next page; None if this is the last."""

    entries: Sequence[InboxEntry]
    next: str | None

    def parts(self, prefix: str = "") -> list[bytes]:
        """Return the JSON of the page. The events are not copied.

        Args:
            prefix: the prefix of the links in events.
        """
        parts = [b'{"jobs":[']
        for number, entry in enumerate(self.entries):
            event = shown(entry, prefix)
            parts += [b",", event] if number else [event]
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
