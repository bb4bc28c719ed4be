"""What looks, results and lists of backends gave, and what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from core.errors import QwhiskError
from poller.ending import Ending
from poller.lane import Found, Lane, sighting
from poller.metrics import ACCOUNTS, Metrics
from poller.news import News
from poller.runs import Runs
from poller.watches import Watches

log = logging.getLogger(__name__)


class Findings:
    """Deals with what the calls of a lane gave, in the loop's thread.

    Args:
        watches, runs: what is watched.
        news: told where jobs stand.
        ending: ends what is done or has failed.
        metrics: counts.
        clock: gives the time, in seconds since 1970.
    """

    def __init__(
        self,
        watches: Watches,
        runs: Runs,
        news: News,
        ending: Ending,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._watches = watches
        self._runs = runs
        self._news = news
        self._ending = ending
        self._metrics = metrics
        self._clock = clock

    def settle(self, lane: Lane, found: Found) -> None:
        """Deal with one call's finding or failure."""
        now = self._clock()
        lane.ended(found.call)
        self._metrics.seconds.labels(lane.name, found.call.kind).observe(found.seconds)
        if found.error is not None:
            self._failed(lane, found, found.error, now)
        elif found.call.kind == "list":
            self._listed(lane, found, now)
        elif found.delivered is not None:
            watch = lane.watches.get(found.call.keys[0])  # type: ignore[call-overload]
            lane.desk.fetched(found.call.keys[0], found.asked)
            if watch is not None:
                self._ending.delivered(watch, found.delivered, now)
        else:
            self._looked(lane, found, now)

    def _looked(self, lane: Lane, found: Found, now: float) -> None:
        seen = {}
        for key, watch in list(lane.watches.items()):
            view = found.views.get(watch.event.job_id)
            if view is None:
                continue
            watch.view = view
            seen[key] = sighting(view)
            self._metrics.looks.labels(lane.name, view.status).inc()
            if self._runs.is_past(watch.event):
                self._watches.finish(watch)  # as after a wish to cancel, which told the end by itself
        full = len(found.views) >= lane.desk.limits.page
        lane.desk.looked(found.call, seen, now, full, found.asked)
        for key, one in seen.items():
            looked = lane.watches.get(key)
            if looked is None or one.final:
                continue
            looked.failures = 0
            looked.event.looked_at = datetime.fromtimestamp(found.asked, UTC)
            if self._ending.is_overdue(looked.event, now):
                message = f"The job was not done within {self._ending.deadline:.0f} s."
                self._ending.overdue(looked, message)
            else:
                self._news.tell(looked, one.status, now)

    def _listed(self, lane: Lane, found: Found, now: float) -> None:
        lane.desk.listed(
            [(b.name, b.queue_length, b.operational, None) for b in found.backends], now, found.asked
        )
        lane.submit(self._news.publish_backends)
        for watch in lane.watches.values():
            if watch.told is not None and watch.view is None:
                self._news.tell(watch, "QUEUED", now)

    def _failed(self, lane: Lane, found: Found, error: QwhiskError, now: float) -> None:
        self._metrics.failed(lane.name, error)
        call = found.call
        alone = call.kind == "fetch" or (call.kind == "look" and call.since is None)
        if isinstance(error, ACCOUNTS) or not alone:
            log.warning("%s: %s", lane.name, error.message)
            lane.desk.failed(call, now, getattr(error, "retry_after", None), found.asked)
            return
        watch = lane.watches.get(call.keys[0])  # type: ignore[call-overload]
        delay = 0.0 if watch is None else self._ending.failed(watch, error)
        lane.desk.again(call, now + delay, found.asked)
