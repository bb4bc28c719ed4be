"""Wishes to have jobs cancelled, carried to the provider call by call, out of the budget.

Most are clients'. Some are the actions' own, about jobs that no client was told of (`core/strays.py`): these
jobs are cancelled and lose their tags, and the client is told nothing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from core.errors import JobNotFoundError, QwhiskError
from core.events import JobEvent, ResultEvent
from core.provider import Account, JobView, run_tag, step_tag
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

#: Seconds between looks at a run that is to be cancelled: at least, as a part of those it has taken so far,
#: and at most.
CANCEL_MIN, CANCEL_BACKOFF, CANCEL_MAX = 0.2, 0.3, 10.0
#: Seconds for which a run whose newest job is done may still submit the next one: as long as its step is
#: asked for again after failures.
CANCEL_PATIENCE = 480.0

#: Seconds after a submission whose answer was lost for which its job is looked for: the provider may take it,
#: and list it, late. The pause between two looks doubles each time, from `STRAY_FIRST`.
STRAY_PATIENCE, STRAY_FIRST = 180.0, 1.0
#: Failures of another kind than the account's after which a stray is given up.
MAX_FAILURES = 20

FIND = ("find", "")


@dataclass
class Answer:
    """What one call gave: the run's newest job, the calls that follow, the end, or a failure."""

    asked: float
    newest: JobView | None = None
    following: list[tuple[str, str]] = field(default_factory=list)
    delivered: ResultEvent | None = None
    error: QwhiskError | None = None


class CancellationHandler:
    """Looks for the newest job of each run that is to be cancelled, cancels what is open, tells the end.

    A hybrid run may have no open job for a moment, between two steps: then it is looked for again.

    Args:
        lanes, watches: the accounts, and the wishes among what is watched.
        ending: of a wish, and of the jobs that it ends.
        retriever: tells the client.
        outcomes: brings what the worker threads have found.
        metrics: counts calls.
        clock: gives the time, in seconds since 1970.
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
        """When the next call is due."""
        return min(
            (tracked.due for tracked in self._tracker.cancellations if not tracked.busy), default=math.inf
        )

    def start(self, now: float) -> None:
        """Begin every call that is due and that the account's budget allows."""
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
        one = sought(event.job_id)
        if one is not None:
            answer.following = _follow_stray(account_worker.account, event, one, call)
            return
        if kind == "cancel":
            account_worker.account.cancel(job_id)
            return
        found = (
            account_worker.account.tagged(run_tag(event.process_job_id))
            if call == FIND
            else [account_worker.account.look(job_id)]
        )
        if not found:
            answer.following = [("look", event.job_id)]
            return
        answer.newest = found[0]
        answer.following = [("cancel", view.job_id) for view in found if view.status in OPEN]
        if answer.newest.status == "CANCELLED" and not answer.following:
            # Told at once: the job's own event may lie in a wait topic for minutes.
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
            self._tracker.finish(tracked)  # the run ended otherwise, and its own event tells how
        elif tracked.calls:
            tracked.due = now
            return
        elif (one := sought(tracked.event.job_id)) is not None:
            tracked.failures = 0
            looked = answer.asked - tracked.event.submitted_at.timestamp()
            if one.job_id is not None or looked > STRAY_PATIENCE:
                self._tracker.finish(tracked)
            tracked.due = now + max(STRAY_FIRST, now - tracked.taken)
        else:
            tracked.failures = 0
            tracked.due = now + _delay(now - tracked.taken)
        for own in self._tracker.of_run(tracked.event.process_job_id):
            account_worker.scheduler.look_now(own.key)

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
                "a stray is given up: %s",
                error.message,
                extra={"process_job_id": tracked.event.process_job_id},
            )
        if hopeless or self._completion.is_overdue(tracked.event, now):
            # The run has its own event, which tells how it ends.
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
    account: Account, event: JobEvent, one: Stray, call: tuple[str, str]
) -> list[tuple[str, str]]:
    """Make one call about a job that no client was told of; gives those that follow."""
    kind, job_id = call
    try:
        if kind == "cancel":
            account.cancel(job_id)
        elif kind == "untag":
            account.tag(job_id, [])
        elif one.job_id is not None:
            account.cancel(one.job_id)
            return [("untag", one.job_id)]
        else:
            tag = step_tag(event.process_job_id, event.step, one.attempt)
            # What is cancelled already but has its tags still would be found by them.
            found = account.tagged(tag)
            for view in found:
                # At once, and not as a call of its own: an action that takes it over counts on that.
                if view.status in OPEN:
                    account.cancel(view.job_id)
            return [("untag", view.job_id) for view in found]
    except JobNotFoundError:
        pass  # it is gone
    return []


def _too_late(newest: JobView, waited: float) -> bool:
    """True if the run has ended otherwise, and will not submit a further job."""
    return newest.status in ("DONE", "ERROR") and waited > CANCEL_PATIENCE


def _delay(waited: float) -> float:
    """Seconds until the next look, after `waited` seconds."""
    return min(CANCEL_MAX, max(CANCEL_MIN, CANCEL_BACKOFF * waited))
