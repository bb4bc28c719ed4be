"""Completes jobs: delivered, failed for good, or past the deadline."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.errors import JobNotFoundError, QwhiskError, ResultStoreError, StreamError
from core.protocol import JobEvent, ResultEvent
from poller.accounts import Accounts
from poller.delivery.result_delivery import ResultDelivery
from poller.delivery.step_reply import StepError
from poller.loop_callbacks import LoopCallbacks
from poller.metrics import Metrics
from poller.run_progress import RunProgress
from poller.scheduling.delays import KEEP, failure_delay
from poller.tracked_job import TrackedJob
from poller.tracker import JobTracker

log = logging.getLogger(__name__)

#: Seconds after its submission for which a job that the provider does not know may still appear.
UNKNOWN_GRACE = 10.0
#: Transient failures of a job. They are retried until the deadline.
_PASSING = (StreamError, ResultStoreError, JobNotFoundError, StepError)
#: A job fails for good after this many other failures.
MAX_FAILURES = 5


class Completion:
    """Completes jobs, and decides when a failing job fails for good.

    Args:
        accounts: the accounts of the jobs.
        tracker: the jobs tracked here.
        run_progress: the newest step of each run.
        delivery: publishes the final events.
        callbacks: runs functions in the loop's thread.
        metrics: the poller's metrics.
        clock: returns the time in seconds since 1970.
        deadline: seconds after its submission at which a job fails for good.
    """

    def __init__(
        self,
        accounts: Accounts,
        tracker: JobTracker,
        run_progress: RunProgress,
        delivery: ResultDelivery,
        callbacks: LoopCallbacks,
        metrics: Metrics,
        clock: Callable[[], float],
        deadline: float,
    ) -> None:
        self._accounts = accounts
        self._tracker = tracker
        self._run_progress = run_progress
        self._delivery = delivery
        self._callbacks = callbacks
        self._metrics = metrics
        self._clock = clock
        self.deadline = deadline

    def is_overdue(self, event: JobEvent, now: float) -> bool:
        """Return whether the job is past its deadline."""
        return now - event.submitted_at.timestamp() > self.deadline

    def delivered(self, tracked: TrackedJob, delivered: ResultEvent, now: float) -> None:
        """Complete a job whose outcome was published.

        Args:
            tracked: the job.
            delivered: the published event: the run's final event, or the progress of its loop.
            now: the time in seconds since 1970.
        """
        if delivered.final:
            self._run_progress.end(tracked.event)
            self._metrics.delivered.labels(delivered.status).inc()
        else:
            # The next step's JobEvent is in its topic. If this step's event is delivered again, it is past.
            self._run_progress.note(delivered)
        if tracked.view is not None and tracked.view.finished is not None:
            lag = max(0.0, now - tracked.view.finished.timestamp())
            self._metrics.lag.labels(tracked.event.backend_type).observe(lag)
        log.info(
            "delivered" if delivered.final else "next step",
            extra={
                "process_job_id": tracked.event.process_job_id,
                "status": delivered.status,
                "backend": tracked.event.backend,
            },
        )
        self._tracker.finish(tracked)

    def failed(self, tracked: TrackedJob, error: QwhiskError) -> float:
        """Handle a failure of one job, which is not the account's.

        Args:
            tracked: the job.
            error: why it failed.

        Returns:
            The seconds after which to retry.
        """
        now = self._clock()
        tracked.failures += 1
        if self._run_progress.is_past(tracked.event):
            self._tracker.finish(tracked)  # only the function's reply was lost: its next job is announced
        elif (
            isinstance(error, JobNotFoundError)
            and now - tracked.event.submitted_at.timestamp() > UNKNOWN_GRACE
        ):
            self.fail_permanently(tracked, "job_not_found", "The provider does not know this job any more.")
        elif self.is_overdue(tracked.event, now):
            self.overdue(tracked, f"No result within {self.deadline:.0f} s; the last error: {error.message}")
        elif isinstance(error, _PASSING) or tracked.failures < MAX_FAILURES:
            log.warning("%s", error.message, extra={"process_job_id": tracked.event.process_job_id})
        else:
            self.fail_permanently(tracked, error.code, error.message)
        return failure_delay(tracked.failures)

    def sweep(self, now: float) -> None:
        """End the jobs that are past their deadline and whose account does not answer.

        Args:
            now: the time in seconds since 1970.
        """
        for account_worker in self._accounts:
            if not account_worker.scheduler.budget.failures:
                continue
            for tracked in list(account_worker.tracked.values()):
                if not tracked.busy and self.is_overdue(tracked.event, now):
                    message = f"No result within {self.deadline:.0f} s; no answer from the provider."
                    self.overdue(tracked, message)

    def overdue(self, tracked: TrackedJob, message: str) -> None:
        """End a job that is past its deadline. The message is for its client."""
        self.fail_permanently(tracked, "deadline", message)

    def fail_permanently(self, tracked: TrackedJob, code: str, message: str) -> None:
        """Publish that there will be no result.

        Args:
            tracked: the job.
            code: the error code of the final event.
            message: the reason, for the client.
        """
        log.error("job failed for good: %s", message, extra={"process_job_id": tracked.event.process_job_id})
        tracked.busy = True
        account_worker = self._accounts.of(tracked.event)
        account_worker.remove(tracked)
        account_worker.submit(lambda: self._fail_now(tracked, code, message))

    def _fail_now(self, tracked: TrackedJob, code: str, message: str) -> None:
        try:
            delivered = self._delivery.fail_permanently(tracked.event, code, message)
        except QwhiskError as error:
            log.error(
                "the final event of %s was not published: %s", tracked.event.process_job_id, error.message
            )
            self._callbacks.put(lambda: self._retry_later(tracked))
        except Exception:
            log.exception("the final event of %s was not published", tracked.event.process_job_id)
            self._callbacks.put(lambda: self._retry_later(tracked))
        else:
            self._callbacks.put(lambda: self._failed_permanently(tracked, delivered))

    def _failed_permanently(self, tracked: TrackedJob, delivered: ResultEvent) -> None:
        if tracked in self._tracker:
            self.delivered(tracked, delivered, self._clock())

    def _retry_later(self, tracked: TrackedJob) -> None:
        """Track the job again after a pause. Its next failure leads back here, so this is retried."""
        if tracked not in self._tracker:
            return
        tracked.busy = False
        tracked.due = self._clock() + KEEP
        account_worker = self._accounts.of(tracked.event)
        account_worker.add(tracked, self._clock())
        account_worker.scheduler.back_off(tracked.key, tracked.due)
