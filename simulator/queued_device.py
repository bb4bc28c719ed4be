"""A device's queue in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .backends import Backend
from .clock import Clock
from .device_queue import DeviceQueue, QueueEvent
from .job_documents import JobForecast
from .settings import QueueSettings


class QueuedDevice:
    """A backend with a queue. It reports each event of its queue when the event is due.

    Args:
        backend: The backend.
        settings: The load of its queue.
        clock: The service's clock.
        on_event: Called on the event loop's thread with the device and each event.
    """

    def __init__(
        self,
        backend: Backend,
        settings: QueueSettings,
        clock: Clock,
        on_event: Callable[[QueuedDevice, QueueEvent], None],
    ) -> None:
        self._clock = clock
        self._positions = settings.positions
        self._queue = DeviceQueue(settings, clock(), backend.name)
        self._on_event = on_event
        self._timer: asyncio.TimerHandle | None = None
        #: Outcomes of jobs whose time on the device is not over.
        self.outcomes: dict[str, tuple[dict[str, Any], bytes]] = {}

    def state(self) -> tuple[int, dict[str, float]]:
        """Return the queue's length and recent waiting times in seconds, after an update."""
        self.advance()
        return self._queue.length, self._queue.waits()

    def advance(self) -> None:
        """Update the queue to the current time."""
        self._handle(self._queue.advance(self._clock()))

    def forecasts(self) -> dict[str, JobForecast]:
        """Return the forecasts for all jobs of this service in the queue, after an update."""
        self.advance()
        return {
            job_id: JobForecast(item.position if self._positions else None, item.start, item.completion)
            for job_id, item in self._queue.forecasts(self._clock()).items()
        }

    def submit(self, job_id: str, user: str = "", expected: float | None = None) -> None:
        """Add a job of a user. `expected` is its probable time on the device in seconds."""
        self._handle(self._queue.submit(job_id, self._clock(), user, expected))

    def cancel(self, job_id: str) -> None:
        """Remove a job, waiting or running."""
        self.outcomes.pop(job_id, None)
        self._handle(self._queue.cancel(job_id, self._clock()))

    def pause(self, paused: bool) -> None:
        """Stop starting jobs, or resume it."""
        self._handle(self._queue.pause(paused, self._clock()))

    def set_computed(self, job_id: str, seconds: float) -> None:
        """Record that a running job has its result, and its seconds on the device."""
        self._handle(self._queue.set_computed(job_id, self._clock(), seconds))

    def close(self) -> None:
        """Report no more events, unless a method is called."""
        if self._timer is not None:
            self._timer.cancel()

    def _handle(self, events: list[QueueEvent]) -> None:
        """Report events, and set the timer of the next one."""
        for event in events:
            self._on_event(self, event)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # Without a job of this service the queue is updated when its state is requested.
        if self._queue.has_own_jobs() and (moment := self._queue.next_change()) is not None:
            delay = max(moment - self._clock(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self.advance)
