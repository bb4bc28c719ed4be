"""How watches end: with what was delivered, or with the word that nothing will be."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.errors import JobNotFoundError, QwhiskError, ResultStoreError, StreamError
from core.events import JobEvent, ResultEvent
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

#: Seconds for which a job that the provider does not know may still appear.
UNKNOWN_GRACE = 10.0
#: Failures of a job that may pass. Only the deadline ends these.
_PASSING = (StreamError, ResultStoreError, JobNotFoundError, StepError)
#: Failures of another kind after which a job is given up.
MAX_FAILURES = 5


class Completion:
    """Ends watches, and decides when one that fails is given up.

    Args:
        lanes, watches, runs: what is watched.
        retriever: tells the client.
        outcomes: brings what the worker threads have done.
        metrics: counts.
        clock: gives the time, in seconds since 1970.
        deadline: seconds after its submission at which a job is given up.
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
        """True if the job is past its deadline."""
        return now - event.submitted_at.timestamp() > self.deadline

    def delivered(self, tracked: TrackedJob, delivered: ResultEvent, now: float) -> None:
        """This was published: the run's end, or how far its loop is."""
        if delivered.final:
            self._run_progress.end(tracked.event)
            self._metrics.delivered.labels(delivered.status).inc()
        else:
            # The next step's event is in its topic: should this one come again meanwhile, it is past.
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
        """A job failed by itself; gives the seconds after which to try again."""
        now = self._clock()
        tracked.failures += 1
        if self._run_progress.is_past(tracked.event):
            self._tracker.finish(tracked)  # only the function's reply got lost: its next job is announced
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
        """Jobs whose account does not answer have an end too."""
        for account_worker in self._accounts:
            if not account_worker.scheduler.budget.failures:
                continue
            for tracked in list(account_worker.tracked.values()):
                if not tracked.busy and self.is_overdue(tracked.event, now):
                    message = f"No result within {self.deadline:.0f} s; no answer from the provider."
                    self.overdue(tracked, message)

    def overdue(self, tracked: TrackedJob, message: str) -> None:
        """The job is past its deadline."""
        self.fail_permanently(tracked, "deadline", message)

    def fail_permanently(self, tracked: TrackedJob, code: str, message: str) -> None:
        """Tell the client that there will be no result, and why."""
        log.error("giving up: %s", message, extra={"process_job_id": tracked.event.process_job_id})
        tracked.busy = True
        account_worker = self._accounts.of(tracked.event)
        account_worker.remove(tracked)
        account_worker.submit(lambda: self._fail_now(tracked, code, message))

    def _fail_now(self, tracked: TrackedJob, code: str, message: str) -> None:
        try:
            delivered = self._delivery.fail_permanently(tracked.event, code, message)
        except QwhiskError as error:
            log.error("the end of %s cannot be told: %s", tracked.event.process_job_id, error.message)
            self._callbacks.put(lambda: self._retry_later(tracked))
        except Exception:
            log.exception("the end of %s cannot be told", tracked.event.process_job_id)
            self._callbacks.put(lambda: self._retry_later(tracked))
        else:
            self._callbacks.put(lambda: self._failed_permanently(tracked, delivered))

    def _failed_permanently(self, tracked: TrackedJob, delivered: ResultEvent) -> None:
        if tracked in self._tracker:
            self.delivered(tracked, delivered, self._clock())

    def _retry_later(self, tracked: TrackedJob) -> None:
        """Later, and not at once for ever: it is looked at again first, which fails again, and so on."""
        if tracked not in self._tracker:
            return
        tracked.busy = False
        tracked.due = self._clock() + KEEP
        account_worker = self._accounts.of(tracked.event)
        account_worker.add(tracked, self._clock())
        account_worker.scheduler.back_off(tracked.key, tracked.due)
