"""The events of one client, from its topic. The topic is the log, and its offsets are the ids of the events.

An event is kept as the job that clients see (`core.protocol.PublicJob`), and is sent as it is kept.

Every replica that serves the client reads the whole topic, so all replicas show the same events without any
state of their own.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.errors import EventError
from core.protocol import JobEvent, PublicJob, ResultEvent, decode, encode_public, read_trace
from gateway.inbox.digest import digest_of
from gateway.inbox.erasures import ErasedJobs, erased_job
from gateway.inbox.memory import Memory

#: The most events of one client that are kept. The oldest are removed first.
MAX_EVENTS = 5_000
#: The most bytes of one client's events that are kept.
MAX_BYTES = 32 * 1024 * 1024
#: Bytes of an entry besides its JSON, measured.
ENTRY_BYTES = 3_000


@dataclass(frozen=True)
class InboxEntry:
    """One event that the client may see.

    Args:
        id: its offset.
        event: the event without its large fields, such as `params` and `result`.
        json: the job as clients see it, complete.
        request: the digest of the job's input; None if no event had the input.
    """

    id: int
    event: ResultEvent
    json: bytes
    request: bytes | None = None

    @property
    def bytes(self) -> int:
        """The memory that it takes."""
        return len(self.json) + ENTRY_BYTES

    def job_event(self) -> JobEvent:
        """Return the job of the event."""
        shown = PublicJob.model_validate_json(self.json)
        complete = {
            "params": shown.params,
            "circuit": shown.circuit,
            "previous_jobs": [job for job in shown.provider_jobs if job.job_id != self.event.job_id],
        }
        return self.event.model_copy(update=complete).job_event()


class Inbox:
    """The visible events of one topic. One thread appends; any number wait."""

    def __init__(
        self,
        topic: str,
        end: int = 0,
        on_event: Callable[[str], None] | None = None,
        memory: Memory | None = None,
    ) -> None:
        """
        Args:
            topic: the client's topic.
            end: the topic's end offset now.
            on_event: called with the topic after each new event, while a WebSocket has entered.
            memory: bounds the memory of all inboxes; None for a bound of this inbox alone.
        """
        self._memory = memory
        self.topic = topic
        self._on_event = on_event
        self._entered = 0
        #: The end of the topic when the inbox was opened. Until it is reached, past events are being read.
        self._end = end
        self._position = 0
        #: Whether the topic is read. A client's first job creates its topic. Before that, there is nothing to
        #: read.
        self.followed = False
        self._entries: list[InboxEntry] = []
        self._bytes = 0
        self._latest: dict[str, InboxEntry] = {}
        #: The ids of the entries of each job. Without them each erasure would search all entries.
        self._ids: dict[str, list[int]] = {}
        self._erased = ErasedJobs()
        self._changed = threading.Condition()
        self._waiting = 0
        self._used = time.monotonic()
        self.closed = False

    @property
    def position(self) -> int:
        """The offset of the next message."""
        return self._position

    def follow(self, end: int) -> None:
        """Record that the topic is read, and its end offset now."""
        with self._changed:
            self._end = end
            self.followed = True

    def append(
        self, offset: int, data: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> None:
        """Add a message of the topic. Events after a job's final event, or of an erased job, are not shown.

        Args:
            offset: the message's offset.
            data: the message's value.
            headers: the message's headers.
        """
        entry, erased = None, erased_job(data)
        try:
            event = decode(ResultEvent, data)
            # Not of past events: their traces ended before this replica read the topic.
            if event.final and offset >= self._end:
                read_trace(event, headers)
            # The largest parts are kept only once, in the JSON that is sent.
            request = self._request(event)
            entry = InboxEntry(offset, event.without_large_fields(), encode_public(event), request)
        except EventError:
            # Not an event: only the position changes.
            entry = None
        with self._changed:
            if erased is not None:
                self._erase(erased)
            if entry is not None:
                self._complete(entry)
            if entry is not None and self._shown(entry):
                self._entries.append(entry)
                self._latest[entry.event.process_job_id] = entry
                self._ids.setdefault(entry.event.process_job_id, []).append(entry.id)
                self._bytes += entry.bytes
                self._reduce(MAX_BYTES)
            self._position = offset + 1
            self._changed.notify_all()
            on_event = self._on_event if self._entered else None
        if self._memory is not None:
            self._memory.record(self)
        if on_event is not None:
            on_event(self.topic)

    def _erase(self, process_job_id: str) -> None:
        """Remove a job's events."""
        self._erased.add(process_job_id)
        self._latest.pop(process_job_id, None)
        for entry_id in self._ids.pop(process_job_id, ()):
            self._bytes -= self._entries.pop(self._index(entry_id)).bytes

    def _index(self, entry_id: int) -> int:
        return bisect_left(self._entries, entry_id, key=lambda entry: entry.id)

    def _complete(self, entry: InboxEntry) -> None:
        """Add the digest to a job's newest event if this event is the first that has the input."""
        before = self._latest.get(entry.event.process_job_id)
        if before is not None and before.request is None and entry.request is not None:
            completed = replace(before, request=entry.request)
            self._latest[entry.event.process_job_id] = completed
            self._entries[self._index(before.id)] = completed

    def _request(self, event: ResultEvent) -> bytes | None:
        """Return the digest of the job's input, computed once for each job."""
        job = event.process_job_id
        with self._changed:
            before = self._latest.get(job)
        if before is not None and before.request is not None:
            return before.request
        # The pollers omit the input of a final event that is too large for a message.
        return digest_of(event.params) if event.params or not event.final else None

    @property
    def bytes(self) -> int:
        """The memory that the events take."""
        return self._bytes + self._erased.bytes

    def reduce(self, limit: int) -> None:
        """Remove events until they take at most `limit` bytes. The newest event is kept.

        Events that a newer one of the same job has replaced are removed first, then the oldest.
        """
        with self._changed:
            self._reduce(limit)

    def _reduce(self, limit: int) -> None:
        if len(self._entries) <= MAX_EVENTS and self._bytes <= limit:
            return
        kept = [entry for entry in self._entries if self._latest[entry.event.process_job_id] is entry]
        total, first = sum(entry.bytes for entry in kept), 0
        while first < len(kept) - 1 and (len(kept) - first > MAX_EVENTS or total > limit):
            total -= kept[first].bytes
            del self._latest[kept[first].event.process_job_id]
            first += 1
        self._entries, self._bytes = kept[first:], total
        self._ids = {entry.event.process_job_id: [entry.id] for entry in self._entries}

    def _shown(self, entry: InboxEntry) -> bool:
        if entry.event.process_job_id in self._erased:
            return False
        before = self._latest.get(entry.event.process_job_id)
        if before is None:
            return True
        if before.event.final or entry.event.final:
            # The first final event counts, whichever step it names: a cancellation request names an earlier
            # step.
            return not before.event.final
        if entry.event.step < before.event.step:
            return False
        return entry.event.step != before.event.step or not _is_late(entry.event, before.event)

    def caught_up(self, timeout: float) -> bool:
        """Wait until the past events are read; return False if `timeout` seconds are not enough."""
        return self._wait(lambda: self._position >= self._end, timeout)

    def after(self, last: int, timeout: float) -> list[InboxEntry]:
        """Return the events with an id above `last`, waiting up to `timeout` seconds for the first."""
        self._wait(lambda: bool(self._entries) and self._entries[-1].id > last, timeout)
        return self.since(last)

    def since(self, last: int) -> list[InboxEntry]:
        """Return the events with an id above `last`, without waiting."""
        with self._changed:
            return self._entries[bisect_right(self._entries, last, key=lambda entry: entry.id) :]

    def latest(self) -> list[InboxEntry]:
        """Return the newest event of every job, the most recently submitted job first."""
        with self._changed:
            return sorted(self._latest.values(), key=lambda entry: entry.event.submitted_at, reverse=True)

    def job(self, process_job_id: str) -> InboxEntry | None:
        """Return the newest event of one job; None if there is none."""
        with self._changed:
            return self._latest.get(process_job_id)

    def is_erased(self, process_job_id: str) -> bool:
        """Return whether the data of a job was erased."""
        with self._changed:
            return process_job_id in self._erased

    def erasing(self, process_job_id: str, timeout: float) -> bool:
        """Wait until the erasure of a job has arrived; return False if `timeout` seconds are not enough."""
        return self._wait(lambda: process_job_id in self._erased, timeout)

    def in_flight(self) -> int:
        """Return the number of jobs without a final event."""
        with self._changed:
            return sum(not entry.event.final for entry in self._latest.values())

    def appearing(self, process_job_id: str, timeout: float) -> InboxEntry | None:
        """Return the job's newest event, waiting up to `timeout` seconds for its first."""
        self._wait(lambda: process_job_id in self._latest, timeout)
        return self.job(process_job_id)

    def final(self, process_job_id: str, timeout: float) -> InboxEntry | None:
        """Return the job's final event, waiting up to `timeout` seconds; else its newest event."""

        def is_final() -> bool:
            entry = self._latest.get(process_job_id)
            return entry is not None and entry.event.final

        self._wait(is_final, timeout)
        return self.job(process_job_id)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        with self._changed:
            self._waiting += 1
            try:
                return bool(self._changed.wait_for(lambda: self.closed or condition(), timeout))
            finally:
                self._waiting -= 1
                self._used = time.monotonic()

    def idle(self) -> float:
        """Return the seconds since the inbox was last used; 0 while it is in use."""
        with self._changed:
            return 0.0 if self._waiting or self._entered else time.monotonic() - self._used

    def enter(self) -> None:
        """Call `on_event` for new events until `leave` is called as often."""
        with self._changed:
            self._entered += 1

    def leave(self) -> None:
        """End one `enter`."""
        with self._changed:
            self._entered -= 1
            self._used = time.monotonic()

    def touch(self) -> None:
        """Record that the inbox is used."""
        with self._changed:
            self._used = time.monotonic()

    def close(self) -> None:
        """Wake all waiting threads. No more events are added."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
            on_event = self._on_event if self._entered else None
        if self._memory is not None:
            self._memory.forget(self)
        if on_event is not None:
            on_event(self.topic)


def _is_late(event: ResultEvent, before: ResultEvent) -> bool:
    """Return whether an event of the same step is older than the one that was read before it.

    The gateway's first event may arrive after the poller's, and the progress of a loop after that of the next
    step's own job.
    """
    if event.status not in ("POOLED", "QUEUED"):
        return False
    if event.status == before.status:
        return before.queue_position is not None and event.queue_position is None
    # Circuits whose pooled job has failed are in the pool again: that is an attempt more.
    return not event.attempt if event.status == "POOLED" else before.status == "RUNNING"
