"""Carries out cancellation requests. Each call to the provider is charged to the account's budget.

Most requests come from clients. Others come from actions, about jobs that no client knows of
(`core/strays.py`): these jobs are cancelled and their tags are removed, and the client is not notified.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from core.errors import JobNotFoundError, QwhiskError
from core.protocol import JobEvent, ResultEvent
from core.provider import JobView, QuantumAccount, run_tag, step_tag
from core.strays import Stray, sought
from poller.account import OPEN, AccountWorker
from poller.accounts import Accounts
from poller.completion import Completion
from poller.delivery.result_delivery import ResultDelivery
from poller.loop_callbacks import LoopCallbacks
from poller.metrics import ACCOUNTS, Metrics
from poller.scheduling.delays import failure_delay
from poller.tracked_job import TrackedJob
from poller.tracker import JobTracker

log = logging.getLogger(__name__)

#: The pause between two looks at a run that is to be cancelled: its minimum in seconds, the fraction of the
#: time since the request, and its maximum in seconds.
CANCEL_MIN, CANCEL_BACKOFF, CANCEL_MAX = 0.2, 0.3, 10.0
#: Seconds for which a run whose newest job is done may still submit the next one: as long as a failed step is
#: retried.
CANCEL_PATIENCE = 480.0

#: Seconds after a submission whose answer was lost for which its job is searched: the provider may accept or
#: list it late. The pause between two searches starts at `STRAY_FIRST` seconds and doubles each time.
STRAY_PATIENCE, STRAY_FIRST = 180.0, 1.0
#: The search for a stray job ends after this many failures that are not the account's.
MAX_FAILURES = 20

FIND = ("find", "")


@dataclass
class Answer:
    """The answer to one call.

    Attributes:
        asked: when the call was started, in seconds since 1970.
        newest: the run's newest job; None if none was found.
        following: the calls to make next, each a kind and a job id.
        delivered: the final event, if it was published.
        error: why the call failed; None if it succeeded.
    """

    asked: float
    newest: JobView | None = None
    following: list[tuple[str, str]] = field(default_factory=list)
    delivered: ResultEvent | None = None
    error: QwhiskError | None = None


class CancellationHandler:
    """Finds the newest job of each run to be cancelled, cancels its open jobs and publishes the final event.

    A hybrid run has no open job between two steps. The search is then repeated.

    Args:
        accounts: the accounts that make the calls.
        tracker: the jobs and cancellation requests tracked here.
        completion: completes requests that are carried out.
        delivery: publishes the final events.
        callbacks: runs functions in the loop's thread.
        metrics: the poller's metrics.
        clock: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        accounts: Accounts,
        tracker: JobTracker,
        completion: Completion,
        delivery: ResultDelivery,
        callbacks: LoopCallbacks,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._accounts = accounts
        self._tracker = tracker
        self._completion = completion
        self._delivery = delivery
        self._callbacks = callbacks
        self._metrics = metrics
        self._clock = clock

    def wake(self) -> float:
        """Return when the next call is due, in seconds since 1970; infinity if none is."""
        return min(
            (tracked.due for tracked in self._tracker.cancellations if not tracked.busy), default=math.inf
        )

    def start(self, now: float) -> None:
        """Start every call that is due and that the account's budget allows.

        Args:
            now: the time in seconds since 1970.
        """
        for tracked in self._tracker.cancellations:
            if tracked.busy or tracked.due > now:
                continue
            account_worker = self._accounts.of(tracked.event)
            if not account_worker.scheduler.budget.take(now):
                tracked.due = account_worker.scheduler.budget.ready_at(now)
                continue
            call = tracked.calls.pop(0) if tracked.calls else FIND
            tracked.busy = True
            self._metrics.calls.labels(account_worker.name, call[0]).inc()
            account_worker.submit(partial(self._make, account_worker, tracked, call, now))

    def _make(
        self, account_worker: AccountWorker, tracked: TrackedJob, call: tuple[str, str], asked: float
    ) -> None:
        answer = Answer(asked)
        try:
            self._ask(account_worker, tracked, call, answer)
        except QwhiskError as error:
            answer.error = error
        except Exception:
            log.exception("cancelling %s failed", tracked.event.process_job_id)
            answer.error = QwhiskError("The poller failed; see its log.")
        self._callbacks.put(lambda: self._answered(account_worker, tracked, answer))

    def _ask(
        self, account_worker: AccountWorker, tracked: TrackedJob, call: tuple[str, str], answer: Answer
    ) -> None:
        kind, job_id = call
        event = tracked.event
        stray = sought(event.job_id)
        if stray is not None:
            answer.following = _follow_stray(account_worker.account, event, stray, call)
            return
        if kind == "cancel":
            account_worker.account.cancel(job_id)
            return
        views = (
            account_worker.account.tagged(run_tag(event.process_job_id))
            if call == FIND
            else [account_worker.account.look(job_id)]
        )
        if not views:
            answer.following = [("look", event.job_id)]
            return
        answer.newest = views[0]
        answer.following = [("cancel", view.job_id) for view in views if view.status in OPEN]
        if answer.newest.status == "CANCELLED" and not answer.following:
            # Published at once: the job's own event may stay in a wait topic for minutes.
            event = event.model_copy(update={"job_id": answer.newest.job_id})
            answer.delivered = self._delivery.deliver(event, answer.newest)

    def _answered(self, account_worker: AccountWorker, tracked: TrackedJob, answer: Answer) -> None:
        if tracked not in self._tracker:
            return
        now, tracked.busy = self._clock(), False
        if answer.error is not None:
            self._failed(account_worker, tracked, answer.error, answer.asked, now)
            return
        account_worker.scheduler.budget.succeeded(answer.asked)
        tracked.calls += answer.following
        if answer.delivered is not None:
            self._completion.delivered(tracked, answer.delivered, now)
        elif answer.newest is not None and _too_late(answer.newest, now - tracked.taken):
            self._tracker.finish(tracked)  # the run ended in another way, and its own JobEvent reports how
        elif tracked.calls:
            tracked.due = now
            return
        elif (stray := sought(tracked.event.job_id)) is not None:
            tracked.failures = 0
            looked = answer.asked - tracked.event.submitted_at.timestamp()
            if stray.job_id is not None or looked > STRAY_PATIENCE:
                self._tracker.finish(tracked)
            tracked.due = now + max(STRAY_FIRST, now - tracked.taken)
        else:
            tracked.failures = 0
            tracked.due = now + _delay(now - tracked.taken)
        for job in self._tracker.of_run(tracked.event.process_job_id):
            account_worker.scheduler.look_now(job.key)

    def _failed(
        self, account_worker: AccountWorker, tracked: TrackedJob, error: QwhiskError, asked: float, now: float
    ) -> None:
        tracked.failures += 1
        tracked.calls.clear()
        self._metrics.failed(account_worker.name, error)
        account = isinstance(error, ACCOUNTS)
        hopeless = (
            sought(tracked.event.job_id) is not None and not account and tracked.failures > MAX_FAILURES
        )
        if hopeless:
            log.error(
                "gave up the search for a stray job: %s",
                error.message,
                extra={"process_job_id": tracked.event.process_job_id},
            )
        if hopeless or self._completion.is_overdue(tracked.event, now):
            # The run's own JobEvent reports how it ends.
            self._tracker.finish(tracked)
            return
        log.warning(
            "not cancelled: %s", error.message, extra={"process_job_id": tracked.event.process_job_id}
        )
        tracked.due = now + failure_delay(tracked.failures)
        if account:
            retry_after = getattr(error, "retry_after", None)
            tracked.due = max(tracked.due, account_worker.scheduler.budget.failed(now, retry_after, asked))


def _follow_stray(
    account: QuantumAccount, event: JobEvent, stray: Stray, call: tuple[str, str]
) -> list[tuple[str, str]]:
    """Make one call about a job that no client knows of.

    Args:
        account: the account that makes the call.
        event: the request.
        stray: which jobs it is about.
        call: the call, a kind and a job id.

    Returns:
        The calls to make next.
    """
    kind, job_id = call
    try:
        if kind == "cancel":
            account.cancel(job_id)
        elif kind == "untag":
            account.tag(job_id, [])
        elif stray.job_id is not None:
            account.cancel(stray.job_id)
            return [("untag", stray.job_id)]
        else:
            run = run_tag(event.process_job_id)
            tag = step_tag(event.process_job_id, event.step, stray.attempt)
            # The run's own tag distinguishes step 1 of the run `a` from the run `a-1`. A cancelled job that
            # still has its tags would be found again.
            views = account.tagged(tag, run)
            for view in views:
                # Cancelled at once, not as a separate call: an action that takes the job over relies on it.
                if view.status in OPEN:
                    if stray.attempt:
                        # First, so that no action takes a cancelled job for the step's, however late the
                        # last tags are taken away. It is found by these two again if this poller ends now.
                        account.tag(view.job_id, [run, tag])
                    account.cancel(view.job_id)
            return [("untag", view.job_id) for view in views]
    except JobNotFoundError:
        pass  # the provider no longer knows the job
    return []


def _too_late(newest: JobView, waited: float) -> bool:
    """Return whether the run ended in another way and will submit no further job."""
    return newest.status in ("DONE", "ERROR") and waited > CANCEL_PATIENCE


def _delay(waited: float) -> float:
    """Return the seconds until the next look, after `waited` seconds."""
    return min(CANCEL_MAX, max(CANCEL_MIN, CANCEL_BACKOFF * waited))
