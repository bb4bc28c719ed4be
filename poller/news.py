"""What clients are told before the end, and gateways of the backends."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from core.errors import QwhiskError
from core.events import BackendList, ResultEvent, encode
from core.provider import Provider
from core.streams import Publisher
from core.topics import BACKENDS
from poller.forecast import Forecast
from poller.lanes import Lanes
from poller.progress import Told, is_news
from poller.retriever import Retriever
from poller.watch import Watch

log = logging.getLogger(__name__)

#: Seconds of expected wait from which on a client is told the first estimate before any look.
SOON = 5.0


class News:
    """Tells where jobs stand, where that is news. News are a courtesy: what fails is not tried again.

    Args:
        lanes: whose threads tell.
        retriever: reaches the clients.
        provider, publisher: for the list of backends.
    """

    def __init__(self, lanes: Lanes, retriever: Retriever, provider: Provider, publisher: Publisher) -> None:
        self._lanes = lanes
        self._retriever = retriever
        self._provider = provider
        self._publisher = publisher

    def forecast(self, watch: Watch) -> Forecast | None:
        """What is expected of the job; None for a simulator's."""
        job = None if watch.simulator else self._lanes.of(watch.event).desk.job(watch.key)
        return job.forecast if job is not None else None

    def first(self, watch: Watch, now: float) -> None:
        """The first word about a job that was just taken."""
        forecast = self.forecast(watch)
        if watch.event.attempt > 0 and watch.event.estimated_completion_time is not None:
            # What its client was told is as good as what it was put away with.
            before = watch.event.estimated_completion_time.timestamp()
            watch.told = Told("QUEUED", forecast and Forecast(forecast.position, before, 1.0), watch.taken)
        elif forecast is not None and forecast.mean - now > SOON:
            self.tell(watch, "QUEUED", now)

    def tell(self, watch: Watch, status: Any, now: float) -> None:
        """That it stands so; nothing where that is no news."""
        forecast, event = self.forecast(watch), watch.event
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        if not is_news(watch.told, status, forecast, watch.simulator, event.submitted_at.timestamp(), now):
            return
        watch.told = Told(status, forecast, now)
        progress = ResultEvent.model_construct(
            **event.__dict__ | {"state": None, "looked_at": None},
            status=status,
            queue_position=forecast.position if forecast else None,
        )
        self._lanes.of(event).submit(lambda: self._tell_now(progress))

    def _tell_now(self, progress: ResultEvent) -> None:
        try:
            self._retriever.tell(progress)
        except QwhiskError as error:
            log.warning("progress not told: %s", error.message)

    def publish_backends(self) -> None:
        """What the accounts' own calls have brought in: this asks for none. Blocks."""
        try:
            listed = BackendList(backends=self._provider.backends(fresh=3_600.0))
            self._publisher.publish(BACKENDS, BACKENDS, encode(listed))
        except QwhiskError as error:
            log.warning("list of backends not published: %s", error.message)
