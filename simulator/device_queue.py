"""The queue of one device: jobs of this service and of other users, by arrival or by fair share.

It is a pure function of the time: nothing here sleeps, so tests run it in virtual time.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Literal

from .fair_share import FairShare
from .settings import QueueSettings

#: Mean service times without an observation after which the length is drawn at random instead of simulated.
FORGET_SERVICES = 200.0
#: Number of recent jobs whose waiting times give averages and percentiles.
REMEMBERED_WAITS = 200
#: Standard deviation of the logarithm of the duration of other users' jobs.
SPREAD = 0.5


@dataclass(frozen=True)
class QueueEvent:
    """A job of this service starts or finishes."""

    kind: Literal["started", "finished"]
    job_id: str
    at: float


@dataclass(eq=False)
class QueueEntry:
    """One job in the queue. `job_id` is None for those of other users.

    `service` is None for a job of this service until its result is computed, and `expected` is the forecast.
    """

    job_id: str | None
    arrived: float
    service: float | None
    user: str = ""
    expected: float = 0.0
    started: float | None = None
    computed: float | None = None

    def finish(self) -> float | None:
        """Return when it leaves the device, or None if that is unknown."""
        if self.started is None or self.service is None:
            return None
        return max(self.started + self.service, self.computed or self.started)


@dataclass(frozen=True)
class QueueForecast:
    """The forecast for a job: the number of jobs before it, and when it starts and ends, in seconds."""

    position: int
    start: float
    completion: float


class DeviceQueue:
    """One device's queue.

    Args:
        settings: Its load.
        now: The time, in seconds.
        salt: Makes the queues of several devices with one seed differ.
    """

    def __init__(self, settings: QueueSettings, now: float, salt: str = "") -> None:
        seed = None if settings.seed is None else f"{settings.seed}/{salt}"
        self._random = random.Random(seed)
        self._service_mean = settings.service_seconds / settings.speed_up
        self._arrival_rate = settings.arrivals_per_second * settings.speed_up
        self._speed_up = settings.speed_up
        self._entries: deque[QueueEntry] = deque()
        self._waits: deque[float] = deque(maxlen=REMEMBERED_WAITS)
        self._now = now
        self._next_arrival: float | None = None
        self._paused = False
        self._shares: FairShare | None = None
        if settings.order == "fair_share":
            load = settings.arrivals_per_second * settings.service_seconds
            self._shares = FairShare(settings.users, load, settings.speed_up, self._random, now)
        length = settings.initial_length
        self._populate(self._settled_length() if length is None else length, now)

    @property
    def length(self) -> int:
        """Number of jobs waiting or running."""
        return len(self._entries)

    def has_own_jobs(self) -> bool:
        """Return whether a job of this service is in the queue."""
        return any(entry.job_id is not None for entry in self._entries)

    def submit(
        self, job_id: str, now: float, user: str = "", expected: float | None = None
    ) -> list[QueueEvent]:
        """Add a job of this service.

        Args:
            job_id: Its id.
            now: The time.
            user: Its user, for the fair-share order.
            expected: For how many seconds of device time it will probably occupy the device.
        """
        events = self.advance(now)
        seconds = self._service_mean if expected is None else expected / self._speed_up
        self._entries.append(QueueEntry(job_id, now, None, f"own-{user}", seconds))
        return events + self._start_next(now)

    def cancel(self, job_id: str, now: float) -> list[QueueEvent]:
        """Remove a job of this service, waiting or running."""
        events = self.advance(now)
        if self._entries and self._entries[0].job_id == job_id:
            self._charge(self._entries[0], now)
        self._entries = deque(entry for entry in self._entries if entry.job_id != job_id)
        return events + self._start_next(now)

    def pause(self, paused: bool, now: float) -> list[QueueEvent]:
        """Stop starting jobs, or resume it. The running job continues."""
        events = self.advance(now)
        self._paused = paused
        return events + self._start_next(now)

    def set_computed(self, job_id: str, now: float, service_seconds: float) -> list[QueueEvent]:
        """Record that a running job has its result. It leaves once its time on the device is over."""
        events = self.advance(now)
        if self._entries and self._entries[0].job_id == job_id:
            self._entries[0].service = service_seconds / self._speed_up
            self._entries[0].computed = now
        return events + self.advance(now)

    def advance(self, now: float) -> list[QueueEvent]:
        """Advance to a time.

        Returns:
            The events of this service's jobs, in order.
        """
        if (
            now - self._now > FORGET_SERVICES * self._service_mean
            and not self._paused
            and not self.has_own_jobs()
        ):
            # After a long time without observation the length has its stationary distribution again.
            self._entries.clear()
            if self._shares is not None:
                self._shares.settle(now)
            self._populate(self._settled_length(), now)
        events: list[QueueEvent] = []
        while (moment := self.next_change()) is not None and moment <= now:
            self._now = max(self._now, moment)
            if self._entries and self._entries[0].finish() == moment:
                entry = self._entries.popleft()
                self._charge(entry, moment)
                if entry.job_id is not None:
                    events.append(QueueEvent("finished", entry.job_id, moment))
            else:
                self._entries.append(self._draw_entry(moment))
            # The rate of arrivals depends on the length. Exponential waiting has no memory, so it may start
            # again.
            self._next_arrival = self._draw_arrival(moment)
            events += self._start_next(moment)
        self._now = max(self._now, now)
        return events

    def next_change(self) -> float | None:
        """Return the time of the next event; None if there is none."""
        moments = [self._next_arrival] if self._next_arrival is not None else []
        if self._entries and (finish := self._entries[0].finish()) is not None:
            moments.append(finish)
        return min(moments, default=None)

    def waits(self) -> dict[str, float]:
        """Return the waiting times of recent jobs, in seconds: average and percentiles."""
        ordered = sorted(self._waits) or [self.length * self._service_mean]
        last = len(ordered) - 1
        return {
            "average": sum(ordered) / len(ordered),
            "p50": ordered[round(0.5 * last)],
            "p95": ordered[round(0.95 * last)],
        }

    def forecasts(self, now: float) -> dict[str, QueueForecast]:
        """Return the forecasts for all jobs of this service, by their ids."""
        running = [entry for entry in self._entries if entry.started is not None]
        waiting = [entry for entry in self._entries if entry.started is None]
        ordered = waiting if self._shares is None else self._shares.order(waiting, running, now)
        forecasts = {}
        free = now
        for position, entry in enumerate([*running, *ordered]):
            start = free if entry.started is None else entry.started
            # The duration of other users' jobs is not known before they end, except in the simulation.
            end = None if entry.job_id is None else entry.finish()
            free = max(start + entry.expected, now) if end is None else end
            if entry.job_id is not None:
                forecasts[entry.job_id] = QueueForecast(position, start, free)
        return forecasts

    def _charge(self, entry: QueueEntry, now: float) -> None:
        if self._shares is not None and entry.started is not None:
            self._shares.charge(entry.user, (now - entry.started) * self._speed_up, now)

    def _draw_entry(self, arrived: float) -> QueueEntry:
        service = self._draw_service()
        user = "" if self._shares is None else self._shares.draw_user()
        return QueueEntry(None, arrived, service, user, self._service_mean)

    def _start_next(self, now: float) -> list[QueueEvent]:
        if self._paused or not self._entries or self._entries[0].started is not None:
            return []
        if self._shares is not None:
            index = self._shares.next(self._entries, now)
            chosen = self._entries[index]
            del self._entries[index]
            self._entries.appendleft(chosen)
        entry = self._entries[0]
        entry.started = now
        self._waits.append(now - entry.arrived)
        return [] if entry.job_id is None else [QueueEvent("started", entry.job_id, now)]

    def _populate(self, length: int, now: float) -> None:
        for index in range(length):
            # Arrivals in the past, one service time apart.
            arrived = now - (length - index) * self._service_mean
            self._entries.append(self._draw_entry(arrived))
        self._now = now
        self._start_next(now)
        self._next_arrival = self._draw_arrival(now)

    def _settled_length(self) -> int:
        # With this arrival rate the length has a Poisson distribution: exactly for exponential service
        # (Reynolds, Operations Research 16, 1968), approximately for this one.
        mean = self._arrival_rate * self._service_mean
        length, left = 0, self._random.expovariate(1.0)
        while left < mean:
            length += 1
            left += self._random.expovariate(1.0)
        return length

    def _draw_service(self) -> float:
        # The mean of the logarithm follows from the mean of the duration in the settings.
        return self._service_mean * self._random.lognormvariate(-(SPREAD**2) / 2, SPREAD)

    def _draw_arrival(self, now: float) -> float | None:
        if self._arrival_rate <= 0:
            return None
        return now + self._random.expovariate(self._arrival_rate / (len(self._entries) + 1))
