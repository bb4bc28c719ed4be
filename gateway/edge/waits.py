"""Requests that wait for a result: coroutines that are woken by new events."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from gateway.inbox.inbox import Inbox, InboxEntry


class Waits:
    """Wakes coroutines when their client's inbox has a new event."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._by_topic: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._closed = False

    def __len__(self) -> int:
        """Return the number of waiting coroutines."""
        return sum(map(len, list(self._by_topic.values())))

    def on_event(self, topic: str) -> None:
        """Handle a new event in the inbox of a topic. May be called by any thread."""
        if topic in self._by_topic and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, topic)

    def _wake(self, topic: str) -> None:
        for event in self._by_topic.get(topic, ()):
            event.set()

    def close(self) -> None:
        """End all waits, and those that start later. Called by the event loop's thread."""
        self._closed = True
        for topic in list(self._by_topic):
            self._wake(topic)

    async def final(self, inbox: Inbox, process_job_id: str, seconds: float) -> InboxEntry | None:
        """Return the job's final event, waiting for it; else its newest event.

        Args:
            inbox: the client's events.
            process_job_id: the job.
            seconds: the longest wait.
        """

        def is_final() -> bool:
            entry = inbox.job(process_job_id)
            return entry is not None and entry.event.final

        await self.until(inbox, is_final, seconds)
        return inbox.job(process_job_id)

    async def until(self, inbox: Inbox, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition on an inbox, and return whether it holds.

        Args:
            inbox: the client's events.
            holds: the condition.
            seconds: the longest wait.
        """
        self._loop = asyncio.get_running_loop()
        changed = asyncio.Event()
        # Before the first look, so that no event is missed.
        self._by_topic[inbox.topic].add(changed)
        inbox.enter()
        try:
            async with asyncio.timeout(seconds):
                while not (self._closed or inbox.closed or holds()):
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            pass
        finally:
            inbox.leave()
            self._by_topic[inbox.topic].discard(changed)
            if not self._by_topic[inbox.topic]:
                del self._by_topic[inbox.topic]
        return holds()
