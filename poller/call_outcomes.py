"""What follows from the outcome of a call: a look, a delivery or a failure, and how a job is completed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from core.errors import (
    JobNotFoundError,
    MessageTooLargeError,
    QwhiskError,
    ResultStoreError,
    StreamError,
    TopicUnknownError,
)
from core.protocol import JobEvent, ResultEvent
from core.provider import JobView
from core.tracing import add, trace_id
from poller.account import OPEN, Accounts, AccountWorker, CallOutcome, observation
from poller.delivery.step_reply import StepError, StepThrottledError, StepWaitsError
from poller.metrics import ACCOUNTS
from poller.notifier import ProgressNotifier
from poller.scheduling.call import Call
from poller.scheduling.delays import KEEP, failure_delay
from poller.state import CancellationRequest, Key, Stage, TrackedJob
from poller.tracker import JobTracker

log = logging.getLogger(__name__)

#: Seconds for which a job that the provider does not know may still appear. They begin when its event is
#: consumed, since the clock of its action may be wrong.
UNKNOWN_GRACE = 10.0
#: Transient failures of a job. They are retried until the deadline.
_TRANSIENT = (StreamError, ResultStoreError, JobNotFoundError, StepError)
#: The errors of a final event that can never be published.
UNDELIVERABLE = (MessageTooLargeError, TopicUnknownError)
#: A job fails for good after this many other failures.
MAX_FAILURES = 5


class Completion:
    """Completes jobs: delivered, failed for good, or past the deadline.

    Args:
        tracker: the jobs tracked here.
        accounts: publishes the final events in the accounts' threads.
        deadline: seconds after its submission at which a job fails for good.
    """

    def __init__(self, tracker: JobTracker, accounts: Accounts, deadline: float) -> None:
        self._tracker = tracker
        self._accounts = accounts
        self.deadline = deadline

    def is_overdue(self, event: JobEvent, now: float) -> bool:
        """Return whether the job is past its deadline."""
        return now - event.submitted_at.timestamp() > self.deadline

    def delivered(self, tracked: TrackedJob | CancellationRequest, delivered: ResultEvent) -> None:
        """Complete a job or a cancellation request whose outcome was published.

        Args:
            tracked: the job or the request.
            delivered: the published event: the run's final event, or the progress of its loop.
        """
        metrics = self._tracker.metrics
        if delivered.final:
            metrics.delivered.labels(delivered.status).inc()
        if isinstance(tracked, TrackedJob) and tracked.view is not None and tracked.view.finished is not None:
            lag = max(0.0, self._tracker.now() - tracked.view.finished.timestamp())
            metrics.lag.labels(tracked.event.backend_type).observe(lag)
            if tracked.expected is not None:
                error = tracked.view.finished.timestamp() - tracked.expected
                metrics.forecast_error.labels("late" if error > 0 else "early").observe(abs(error))
        log.info(
            "delivered" if delivered.final else "next step",
            extra={
                "process_job_id": tracked.event.process_job_id,
                "client_id": tracked.event.client_id,
                "status": delivered.status,
                "backend": tracked.event.backend,
                "duration": round(self._tracker.now() - tracked.event.submitted_at.timestamp(), 3),
                "trace": trace_id(tracked.event.traceparent),
            },
        )
        self._tracker.delivered(tracked, delivered)

    def failed(self, job: TrackedJob, error: QwhiskError) -> float:
        """Handle a failure of one job, which is not the account's.

        Args:
            job: the job.
            error: why it failed.

        Returns:
            The seconds after which to retry.
        """
        now = self._tracker.now()
        if not isinstance(error, StepThrottledError):
            job.failures += 1
        if self._tracker.is_past(job.event):
            self._tracker.finish(job)  # only the function's reply was lost: its next job is announced
        elif isinstance(error, JobNotFoundError) and now - job.consumed_at > UNKNOWN_GRACE:
            self.fail_permanently(job, "job_not_found", "The provider does not know this job any more.")
        elif isinstance(error, TopicUnknownError):
            self.undeliverable(job, error)
        elif isinstance(error, MessageTooLargeError):
            message = "The broker rejects the result because of its size."
            self.fail_permanently(job, "result_too_large", message)
        elif self.is_overdue(job.event, now):
            self.overdue(job, f"No result within {self.deadline:.0f} s; the last error: {error.message}")
        elif isinstance(error, StepThrottledError):
            return error.retry_after
        elif isinstance(error, _TRANSIENT) or job.failures < MAX_FAILURES:
            log.warning("%s", error.message, extra={"process_job_id": job.event.process_job_id})
        else:
            self.fail_permanently(job, error.code, error.message)
        return failure_delay(job.failures)

    def undeliverable(self, tracked: TrackedJob | CancellationRequest, error: QwhiskError) -> None:
        """End a run whose final event can never be published.

        Args:
            tracked: the job or the request.
            error: why.
        """
        log.error(
            "the final event cannot be published: %s",
            error.message,
            extra={"process_job_id": tracked.event.process_job_id},
        )
        self._tracker.metrics.undeliverable.labels(error.code).inc()
        self._tracker.end(tracked)

    def sweep(self, now: float) -> None:
        """End the jobs that are past their deadline and whose account does not answer.

        Args:
            now: the time in seconds since 1970.
        """
        for account_worker in self._accounts:
            if not account_worker.scheduler.budget.failures:
                continue
            for job in self._tracker.jobs_of(account_worker.scheduler):
                if self.is_overdue(job.event, now):
                    message = f"No result within {self.deadline:.0f} s; no answer from the provider."
                    self.overdue(job, message)

    def overdue(self, job: TrackedJob, message: str) -> None:
        """End a job that is past its deadline. The message is for its client."""
        self.fail_permanently(job, "deadline", message)

    def fail_permanently(self, job: TrackedJob, code: str, message: str) -> None:
        """Publish that there will be no result. If that fails, the job is tracked again after a pause.

        Args:
            job: the job.
            code: the error code of the final event.
            message: the reason, for the client.
        """
        log.error("job failed for good: %s", message, extra={"process_job_id": job.event.process_job_id})
        self._tracker.move(job, Stage.FAILING)
        account_worker = self._accounts.of(job.event)

        def published(delivered: ResultEvent | QwhiskError) -> None:
            if isinstance(delivered, QwhiskError):
                log.error(
                    "the final event of %s was not published: %s", job.event.process_job_id, delivered.message
                )
            if job not in self._tracker:
                return
            if isinstance(delivered, ResultEvent):
                self.delivered(job, delivered)
                return
            if isinstance(delivered, UNDELIVERABLE):
                self.undeliverable(job, delivered)
                return
            # The job's next failure leads back here, so the publication is retried.
            self._tracker.move(job, Stage.SCHEDULED)
            account_worker.scheduler.back_off(job.key, self._tracker.now() + KEEP)

        account_worker.run(
            lambda: account_worker.delivery.fail_permanently(job.event, code, message),
            published,
            f"publishing the final event of {job.event.process_job_id}",
        )


class CallOutcomeHandler:
    """Handles the outcomes of an account's calls: looks, fetched results and lists of backends.

    Args:
        tracker: the jobs tracked here.
        completion: completes jobs that are delivered or have failed.
        notifier: publishes progress and the list of backends.
        withdrawn: called with the event of a job that is not final and whose run has ended or is cancelled.
    """

    def __init__(
        self,
        tracker: JobTracker,
        completion: Completion,
        notifier: ProgressNotifier,
        withdrawn: Callable[[JobEvent], None] = lambda _: None,
    ) -> None:
        self._tracker = tracker
        self._completion = completion
        self._notifier = notifier
        self._withdrawn = withdrawn

    def handle(self, account_worker: AccountWorker, outcome: CallOutcome) -> None:
        """Handle the outcome of one call.

        Args:
            account_worker: the worker that made the call.
            outcome: the call's answer or error.
        """
        now, metrics = self._tracker.now(), self._tracker.metrics
        if isinstance(outcome.error, StepWaitsError):
            self._postponed(account_worker, outcome.call, outcome.error, now)
            return
        metrics.calls.labels(account_worker.name, outcome.call.kind).inc()
        metrics.seconds.labels(account_worker.name, outcome.call.kind).observe(outcome.seconds)
        if outcome.error is not None:
            self._failed(account_worker, outcome, outcome.error, now)
        elif outcome.call.kind == "list":
            self._listed(account_worker, outcome, now)
        elif outcome.delivered is not None:
            job = self._tracker.scheduled(outcome.call.keys[0])
            account_worker.scheduler.fetch_delivered(outcome.call.keys[0], outcome.asked)
            if job is not None:
                self._completion.delivered(job, outcome.delivered)
        else:
            self._looked(account_worker, outcome, now)

    def _looked(self, account_worker: AccountWorker, outcome: CallOutcome, now: float) -> None:
        scheduler, views = account_worker.scheduler, dict[Key, JobView]()
        for job in self._tracker.jobs_of(scheduler):
            view = outcome.views.get(job.event.job_id)
            if view is None:
                continue
            if job.view is None or job.view.status != view.status:
                # A look that found nothing new is no span: a job may wait for days.
                ended = outcome.asked + outcome.seconds
                facts = {"qwhisk.status": view.status}
                add("look at provider", "client", job.event.traceparent, outcome.asked, ended, facts)
            job.view = views[job.key] = view
            self._tracker.metrics.looks.labels(account_worker.name, view.status).inc()
            if self._tracker.is_past(job.event):
                self._tracker.finish(job)  # for example, a cancellation request published its final event
                if view.status in OPEN:
                    self._withdrawn(job.event)
            elif view.status in OPEN and job.event.pool is not None and self._tracker.is_cancelled(job.event):
                self._tracker.end(job)  # another poller publishes the final event
                self._withdrawn(job.event)
        full = len(outcome.views) >= scheduler.limits.page
        seen = {key: observation(view) for key, view in views.items()}
        scheduler.look_answered(outcome.call, seen, now, full, outcome.asked)
        for key, view in views.items():
            open_job = self._tracker.scheduled(key)
            if open_job is None or seen[key].final:
                continue
            open_job.failures = 0
            open_job.event.looked_at = datetime.fromtimestamp(outcome.asked, UTC)
            if self._completion.is_overdue(open_job.event, now):
                message = f"The job was not done within {self._completion.deadline:.0f} s."
                self._completion.overdue(open_job, message)
            else:
                self._notifier.notify(open_job, view.status, now)

    def _listed(self, account_worker: AccountWorker, outcome: CallOutcome, now: float) -> None:
        account_worker.scheduler.backends_listed(
            [(b.name, b.queue_length, b.operational, None) for b in outcome.backends], now, outcome.asked
        )
        self._notifier.publish_backends(account_worker)
        for job in self._tracker.jobs_of(account_worker.scheduler):
            if job.last_notified is not None and job.view is None:
                self._notifier.notify(job, "QUEUED", now)

    def _postponed(
        self, account_worker: AccountWorker, call: Call[Key], error: StepWaitsError, now: float
    ) -> None:
        """Handle a fetch that waits for OpenWhisk: no call was made, and nothing has failed."""
        job = self._tracker.scheduled(call.keys[0])
        delay = 0.0 if job is None else self._completion.failed(job, error)
        account_worker.scheduler.fetch_postponed(call, now + delay)

    def _failed(
        self, account_worker: AccountWorker, outcome: CallOutcome, error: QwhiskError, now: float
    ) -> None:
        self._tracker.metrics.failed(account_worker.name, error)
        call = outcome.call
        alone = call.kind == "fetch" or (call.kind == "look" and call.since is None)
        if isinstance(error, ACCOUNTS) or not alone:
            log.warning("%s: %s", account_worker.name, error.message)
            account_worker.scheduler.call_failed(
                call, now, getattr(error, "retry_after", None), outcome.asked
            )
            return
        job = self._tracker.scheduled(call.keys[0])
        delay = 0.0 if job is None else self._completion.failed(job, error)
        account_worker.scheduler.job_failed(call, now + delay, outcome.asked)
