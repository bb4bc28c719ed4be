"""Publishes progress events to clients, and the list of backends to gateways."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from core.errors import QwhiskError
from core.kafka.publisher import Publisher
from core.kafka.topics import BACKENDS
from core.protocol import BackendList, ResultEvent, encode
from core.provider import Provider
from poller.accounts import Accounts
from poller.delivery.result_delivery import ResultDelivery
from poller.progress import LastNotified, is_news
from poller.scheduling.forecast import Forecast
from poller.tracked_job import TrackedJob

log = logging.getLogger(__name__)

#: Seconds of expected wait above which a client gets an estimate before the first look.
SOON = 5.0


class ProgressNotifier:
    """Publishes how jobs stand when that has changed enough. A progress event that fails is not retried.

    Args:
        accounts: the accounts whose threads publish, and whose schedulers have the forecasts.
        delivery: publishes the progress events.
        provider: has the list of backends.
        publisher: publishes the list of backends.
    """

    def __init__(
        self, accounts: Accounts, delivery: ResultDelivery, provider: Provider, publisher: Publisher
    ) -> None:
        self._accounts = accounts
        self._delivery = delivery
        self._provider = provider
        self._publisher = publisher

    def forecast(self, tracked: TrackedJob) -> Forecast | None:
        """Return the job's forecast; None for a simulator's job."""
        job = None if tracked.simulator else self._accounts.of(tracked.event).scheduler.job(tracked.key)
        return job.forecast if job is not None else None

    def first(self, tracked: TrackedJob, now: float) -> None:
        """Publish the first estimate of a job that was just consumed, if it is worth an event.

        Args:
            tracked: the job.
            now: the time in seconds since 1970.
        """
        forecast = self.forecast(tracked)
        if tracked.event.attempt > 0 and tracked.event.estimated_completion_time is not None:
            # The client's last event had an estimate close to the one that the requeued event carries.
            before = tracked.event.estimated_completion_time.timestamp()
            tracked.last_notified = LastNotified(
                "QUEUED", forecast and Forecast(forecast.position, before, 1.0), tracked.taken
            )
        elif forecast is not None and forecast.mean - now > SOON:
            self.notify(tracked, "QUEUED", now)

    def notify(self, tracked: TrackedJob, status: Any, now: float) -> None:
        """Publish the job's status and forecast, if they have changed enough since the last event.

        Args:
            tracked: the job.
            status: its status.
            now: the time in seconds since 1970.
        """
        forecast, event = self.forecast(tracked), tracked.event
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        if not is_news(
            tracked.last_notified, status, forecast, tracked.simulator, event.submitted_at.timestamp(), now
        ):
            return
        tracked.last_notified = LastNotified(status, forecast, now)
        progress = ResultEvent.of(event, status, queue_position=forecast.position if forecast else None)
        self._accounts.of(event).submit(lambda: self._notify_now(progress))

    def _notify_now(self, progress: ResultEvent) -> None:
        try:
            self._delivery.notify(progress)
        except QwhiskError as error:
            log.warning("progress not published: %s", error.message)

    def publish_backends(self) -> None:
        """Publish the list of backends that earlier calls returned. Blocks; makes no call to the provider."""
        try:
            listed = BackendList(backends=self._provider.backends(fresh=3_600.0))
            self._publisher.publish(BACKENDS, BACKENDS, encode(listed))
        except QwhiskError as error:
            log.warning("list of backends not published: %s", error.message)
