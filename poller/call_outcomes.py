"""Handles the outcomes of calls: looks, fetched results and lists of backends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from core.errors import QwhiskError
from poller.account import AccountWorker, CallOutcome, observation
from poller.completion import Completion
from poller.metrics import ACCOUNTS, Metrics
from poller.notifier import ProgressNotifier
from poller.run_progress import RunProgress
from poller.tracker import JobTracker

log = logging.getLogger(__name__)


class CallOutcomeHandler:
    """Handles the outcomes of an account's calls, in the loop's thread.

    Args:
        tracker: the jobs tracked here.
        run_progress: the newest step of each run.
        notifier: publishes how jobs stand.
        completion: completes jobs that are delivered or have failed.
        metrics: the poller's metrics.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        tracker: JobTracker,
        run_progress: RunProgress,
        notifier: ProgressNotifier,
        completion: Completion,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._tracker = tracker
        self._run_progress = run_progress
        self._notifier = notifier
        self._completion = completion
        self._metrics = metrics
        self._clock = clock

    def handle(self, account_worker: AccountWorker, outcome: CallOutcome) -> None:
        """Handle the outcome of one call.

        Args:
            account_worker: the worker that made the call.
            outcome: the call's answer or error.
        """
        now = self._clock()
        account_worker.ended(outcome.call)
        self._metrics.seconds.labels(account_worker.name, outcome.call.kind).observe(outcome.seconds)
        if outcome.error is not None:
            self._failed(account_worker, outcome, outcome.error, now)
        elif outcome.call.kind == "list":
            self._listed(account_worker, outcome, now)
        elif outcome.delivered is not None:
            tracked = account_worker.tracked.get(outcome.call.keys[0])
            account_worker.scheduler.fetch_delivered(outcome.call.keys[0], outcome.asked)
            if tracked is not None:
                self._completion.delivered(tracked, outcome.delivered, now)
        else:
            self._looked(account_worker, outcome, now)

    def _looked(self, account_worker: AccountWorker, outcome: CallOutcome, now: float) -> None:
        seen = {}
        for key, tracked in list(account_worker.tracked.items()):
            view = outcome.views.get(tracked.event.job_id)
            if view is None:
                continue
            tracked.view = view
            seen[key] = observation(view)
            self._metrics.looks.labels(account_worker.name, view.status).inc()
            if self._run_progress.is_past(tracked.event):
                self._tracker.finish(tracked)  # for example, a cancellation request published its final event
        full = len(outcome.views) >= account_worker.scheduler.limits.page
        account_worker.scheduler.look_answered(outcome.call, seen, now, full, outcome.asked)
        for key, seen_job in seen.items():
            looked = account_worker.tracked.get(key)
            if looked is None or seen_job.final:
                continue
            looked.failures = 0
            looked.event.looked_at = datetime.fromtimestamp(outcome.asked, UTC)
            if self._completion.is_overdue(looked.event, now):
                message = f"The job was not done within {self._completion.deadline:.0f} s."
                self._completion.overdue(looked, message)
            else:
                self._notifier.notify(looked, seen_job.status, now)

    def _listed(self, account_worker: AccountWorker, outcome: CallOutcome, now: float) -> None:
        account_worker.scheduler.backends_listed(
            [(b.name, b.queue_length, b.operational, None) for b in outcome.backends], now, outcome.asked
        )
        account_worker.submit(self._notifier.publish_backends)
        for tracked in account_worker.tracked.values():
            if tracked.last_notified is not None and tracked.view is None:
                self._notifier.notify(tracked, "QUEUED", now)

    def _failed(
        self, account_worker: AccountWorker, outcome: CallOutcome, error: QwhiskError, now: float
    ) -> None:
        self._metrics.failed(account_worker.name, error)
        call = outcome.call
        alone = call.kind == "fetch" or (call.kind == "look" and call.since is None)
        if isinstance(error, ACCOUNTS) or not alone:
            log.warning("%s: %s", account_worker.name, error.message)
            account_worker.scheduler.call_failed(
                call, now, getattr(error, "retry_after", None), outcome.asked
            )
            return
        tracked = account_worker.tracked.get(call.keys[0])
        delay = 0.0 if tracked is None else self._completion.failed(tracked, error)
        account_worker.scheduler.job_failed(call, now + delay, outcome.asked)
