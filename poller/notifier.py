"""Publishes progress events to clients if enough has changed, and the list of backends to gateways."""

from __future__ import annotations

from datetime import UTC, datetime

from core.kafka.publisher import Publisher
from core.kafka.topics import BACKENDS
from core.protocol import BackendList, ResultEvent, Status, binary_headers, encode
from poller.account import Accounts, AccountWorker, log_failure
from poller.scheduling.forecast import Forecast
from poller.state import LastNotified, TrackedJob
from poller.tracker import JobTracker

#: Seconds of expected wait above which a client gets an estimate before the first look.
SOON = 5.0
#: Seconds after its submission before which a simulator's job gets no progress event: most are done by then.
QUIET = 0.5
#: Seconds between two events with the same status, at least.
PAUSE = 2.0
#: A new completion time is published if it moved by more than this fraction of the remaining wait and by more
#: than this many seconds; a new position, if it moved by at least this fraction of the last one.
PART, SECONDS = 0.2, 2.0


class ProgressNotifier:
    """Publishes the states of jobs that have changed enough. A progress event that fails is not retried.

    Args:
        tracker: has the jobs' forecasts.
        accounts: publishes the events in the accounts' threads, and has the list of backends.
        publisher: publishes the list of backends.
    """

    def __init__(self, tracker: JobTracker, accounts: Accounts, publisher: Publisher) -> None:
        self._tracker = tracker
        self._accounts = accounts
        self._publisher = publisher

    def first(self, job: TrackedJob) -> None:
        """Publish the first estimate of a job that was just consumed, if it is worth an event."""
        forecast = self._tracker.forecast(job)
        if job.event.attempt > 0 and job.event.estimated_completion_time is not None:
            # The client's last event had an estimate close to the one that the requeued event carries.
            before = job.event.estimated_completion_time.timestamp()
            job.last_notified = LastNotified(
                "QUEUED", forecast and Forecast(forecast.position, before, 1.0), job.consumed_at
            )
        elif forecast is not None and forecast.mean - job.consumed_at > SOON:
            self.notify(job, "QUEUED", job.consumed_at)

    def notify(self, job: TrackedJob, status: Status, now: float) -> None:
        """Publish the job's status and forecast, if they have changed enough since the last event.

        Args:
            job: the job.
            status: its status.
            now: the time in seconds since 1970.
        """
        forecast, event = self._tracker.forecast(job), job.event
        if forecast is not None:
            event.estimated_completion_time = datetime.fromtimestamp(forecast.mean, UTC)
        if not is_news(
            job.last_notified, status, forecast, job.simulator, event.submitted_at.timestamp(), now
        ):
            return
        job.last_notified = LastNotified(status, forecast, now)
        progress = ResultEvent.of(event, status, queue_position=forecast.position if forecast else None)
        account_worker = self._accounts.of(event)
        account_worker.run(
            lambda: account_worker.delivery.notify(progress),
            log_failure("progress not published"),
            f"publishing progress of {event.process_job_id}",
        )

    def publish_backends(self, account_worker: AccountWorker) -> None:
        """Publish the list of backends that earlier calls returned.

        Args:
            account_worker: the account whose thread publishes it.
        """
        account_worker.run(
            self._publish_backends,
            log_failure("list of backends not published"),
            "publishing the list of backends",
        )

    def _publish_backends(self) -> None:
        listed = BackendList(backends=self._accounts.known_backends())
        data = encode(listed)
        self._publisher.publish(BACKENDS, BACKENDS, data, binary_headers(listed, data))


def is_news(
    last_notified: LastNotified | None,
    status: Status,
    forecast: Forecast | None,
    simulator: bool,
    submitted: float,
    now: float,
) -> bool:
    """Return whether the client should get a progress event.

    Args:
        last_notified: the last event; None if there was none.
        status: the job's status now.
        forecast: the job's forecast now; None for a simulator's job.
        simulator: whether the backend is a simulator.
        submitted: when the job was submitted, in seconds since 1970.
        now: the time in seconds since 1970.
    """
    if simulator and now - submitted < QUIET:
        return False
    if last_notified is None or last_notified.status != status:
        return True
    if now - last_notified.at < PAUSE:
        return False
    if forecast is None or last_notified.forecast is None:
        return forecast is not last_notified.forecast
    before = last_notified.forecast.position
    if forecast.position != before and abs(forecast.position - before) >= PART * before:
        return True
    moved = abs(forecast.mean - last_notified.forecast.mean)
    return moved > SECONDS and moved > PART * max(0.0, forecast.mean - now)
