"""Moves events that can wait to a wait topic, from which any poller may consume them later."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from core.errors import EventError
from core.kafka.publisher import Publisher
from core.protocol import encode
from poller.accounts import Accounts
from poller.loop_callbacks import LoopCallbacks
from poller.metrics import Metrics
from poller.notifier import ProgressNotifier
from poller.tracked_job import TrackedJob
from poller.tracker import JobTracker
from poller.wait_topics import WaitPlan

log = logging.getLogger(__name__)


class Requeuer:
    """Moves events to wait topics.

    Args:
        accounts: the accounts of the jobs.
        tracker: the jobs tracked here.
        notifier: has the forecasts of the jobs.
        publisher: publishes to the wait topics.
        callbacks: runs functions in the loop's thread.
        metrics: the poller's metrics.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        accounts: Accounts,
        tracker: JobTracker,
        notifier: ProgressNotifier,
        publisher: Publisher,
        callbacks: LoopCallbacks,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._tracker = tracker
        self._notifier = notifier
        self._publisher = publisher
        self._callbacks = callbacks
        self._metrics = metrics
        self._clock = clock

    def requeue(self, tracked: TrackedJob, plan: WaitPlan) -> None:
        """Publish the event to a wait topic and commit it once the broker has acknowledged that.

        An event that is too large with its estimate stays here.

        Args:
            tracked: the job.
            plan: the wait topic; `plan.topic` must not be None.
        """
        assert plan.topic is not None
        event = tracked.event.model_copy(update={"attempt": tracked.event.attempt + 1})
        forecast = self._notifier.forecast(tracked)
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        try:
            data = encode(event)
        except EventError as error:
            # The estimate makes it longer than the consumed event, and too long: it waits here instead.
            log.warning("%s", error.message, extra={"process_job_id": event.process_job_id})
            return
        tracked.leaving = True
        self._accounts.of(event).remove(tracked)
        self._metrics.requeued.labels(plan.topic).inc()
        sent = self._publisher.send(plan.topic, event.process_job_id, data)
        self._callbacks.when_sent(sent, lambda: self._tracker.finish(tracked), lambda: self._stay(tracked))

    def _stay(self, tracked: TrackedJob) -> None:
        """Track the job here again: the broker did not acknowledge the event."""
        if tracked not in self._tracker:
            return
        if not self._tracker.is_current(tracked):
            self._tracker.finish(tracked)  # it was delivered although the broker did not acknowledge it
            return
        tracked.leaving = False
        self._accounts.of(tracked.event).add(tracked, self._clock())
