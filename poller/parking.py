"""Events that can wait are put into a wait topic, from which any poller may take them again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from core.errors import EventError
from core.events import encode
from core.streams import Publisher
from poller.lanes import Lanes
from poller.metrics import Metrics
from poller.news import News
from poller.outcomes import Outcomes
from poller.schedule import Plan
from poller.watch import Watch
from poller.watches import Watches

log = logging.getLogger(__name__)


class Parking:
    """Puts events away.

    Args:
        lanes, watches: where they are watched until then, and again where the broker does not take them.
        news: knows what is expected of each.
        publisher: reaches the wait topics.
        outcomes: brings the broker's answer.
        metrics: counts them.
        clock: gives the time, in seconds since 1970.
    """

    def __init__(
        self,
        lanes: Lanes,
        watches: Watches,
        news: News,
        publisher: Publisher,
        outcomes: Outcomes,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._lanes = lanes
        self._watches = watches
        self._news = news
        self._publisher = publisher
        self._outcomes = outcomes
        self._metrics = metrics
        self._clock = clock

    def park(self, watch: Watch, plan: Plan) -> None:
        """Put the event away as planned; it is committed once the broker has it."""
        assert plan.topic is not None
        event = watch.event.model_copy(update={"attempt": watch.event.attempt + 1})
        forecast = self._news.forecast(watch)
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        try:
            data = encode(event)
        except EventError as error:
            # With its estimate it is longer than it came, and no longer fits: it waits here instead.
            log.warning("%s", error.message, extra={"process_job_id": event.process_job_id})
            return
        watch.leaving = True
        self._lanes.of(event).remove(watch)
        self._metrics.requeued.labels(plan.topic).inc()
        sent = self._publisher.send(plan.topic, event.process_job_id, data)
        self._outcomes.when_sent(sent, lambda: self._watches.finish(watch), lambda: self._stay(watch))

    def _stay(self, watch: Watch) -> None:
        """The broker did not take the event: it is watched here again."""
        if watch not in self._watches:
            return
        if not self._watches.is_current(watch):
            self._watches.finish(watch)  # it came back although nobody acknowledged it
            return
        watch.leaving = False
        self._lanes.of(watch.event).add(watch, self._clock())
