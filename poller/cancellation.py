"""Carries out cancellation requests. Each call to the provider is charged to the account's budget.

Most requests come from clients. Others come from actions, about jobs that no client knows of
(`core/strays.py`): these jobs are cancelled and their tags are removed, and the client is not notified.
Erasures of a finished run's data (`core/erasure.py`) are carried out in the same way.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial

from core.erasure import erasure_of
from core.errors import JobNotFoundError, QwhiskError
from core.protocol import POOLED_JOB, JobEvent, ResultEvent
from core.provider import JobView, QuantumAccount, run_tag, step_tag
from core.strays import Stray, sought
from poller.account import OPEN, Accounts, AccountWorker
from poller.call_outcomes import UNDELIVERABLE, Completion
from poller.delivery.step_reply import is_loop
from poller.erasure import ERASE_PATIENCE, follow_erasure
from poller.metrics import ACCOUNTS
from poller.scheduling.delays import failure_delay
from poller.state import CancellationRequest, Stage
from poller.tracker import JobTracker

log = logging.getLogger(__name__)

#: The pause between two looks at a run that is to be cancelled: its minimum in seconds, the fraction of the
#: time since the request, and its maximum in seconds.
CANCEL_MIN, CANCEL_BACKOFF, CANCEL_MAX = 0.2, 0.3, 10.0
#: Seconds for which a run whose newest job is done may still submit the next one: as long as a failed step is
#: retried.
CANCEL_PATIENCE = 480.0

#: Seconds for which the job of a submission whose answer was lost is searched: the provider may accept or
#: list it late. They begin when the request is consumed, since the clock of its action may be wrong. The
#: pause between two searches starts at `STRAY_FIRST` seconds and doubles each time.
STRAY_PATIENCE, STRAY_FIRST = 180.0, 1.0
#: The search for a stray job ends after this many failures that are not the account's.
MAX_FAILURES = 20

FIND = ("find", "")


@dataclass
class Answer:
    """The answer to one call.

    Attributes:
        newest: the run's newest job; None if there is none.
        following: the calls to make next, each a kind and a job id.
        delivered: the final event, if it was published.
        ended: whether nothing more is to be done.
    """

    newest: JobView | None = None
    following: list[tuple[str, str]] = field(default_factory=list)
    delivered: ResultEvent | None = None
    ended: bool = False


class CancellationHandler:
    """Finds the newest job of each run to be cancelled, cancels its open jobs and publishes the final event.

    A hybrid run has no open job between two steps. The search is then repeated.

    Args:
        tracker: the jobs and cancellation requests tracked here.
        accounts: the accounts that make the calls.
        completion: completes requests that are carried out.
    """

    def __init__(self, tracker: JobTracker, accounts: Accounts, completion: Completion) -> None:
        self._tracker = tracker
        self._accounts = accounts
        self._completion = completion

    def start(self, request: CancellationRequest, now: float) -> None:
        """Start the next call for a request if the account's budget allows it, else postpone it.

        Args:
            request: the request, whose next call is due.
            now: the time in seconds since 1970.
        """
        account_worker = self._accounts.of(request.event)
        if not account_worker.scheduler.budget.charge(now):
            request.due = account_worker.scheduler.budget.ready_at(now)
            return
        call = request.calls.pop(0) if request.calls else FIND
        self._tracker.move(request, Stage.CALLING)
        self._tracker.metrics.calls.labels(account_worker.name, call[0]).inc()
        account_worker.run(
            partial(_make, account_worker, request.event, call),
            lambda answer: self._answered(account_worker, request, answer, now),
            f"cancelling {request.event.process_job_id}",
        )

    def _answered(
        self,
        account_worker: AccountWorker,
        request: CancellationRequest,
        answer: Answer | QwhiskError,
        asked: float,
    ) -> None:
        if request not in self._tracker:
            return
        self._tracker.move(request, Stage.WAITING)
        now = self._tracker.now()
        if isinstance(answer, QwhiskError):
            self._failed(account_worker, request, answer, asked, now)
            return
        account_worker.scheduler.budget.succeeded(asked)
        request.calls += answer.following
        waited = now - request.consumed_at
        if answer.ended:
            self._tracker.finish(request)
        elif answer.delivered is not None:
            self._completion.delivered(request, answer.delivered)
        elif request.calls:
            request.due = now
            return
        elif answer.newest is not None and (
            _too_late(answer.newest, waited) or self._tracker.has_ended(request.event)
        ):
            self._tracker.finish(request)  # the run ended in another way, and its own JobEvent reports how
        elif erasure_of(request.event.job_id) is not None:
            request.failures = 0
            if waited > ERASE_PATIENCE:
                self._tracker.finish(request)  # the provider lists deleted jobs for long
            request.due = now + _delay(waited)
        elif (target := sought(request.event.job_id)) is not None:
            request.failures = 0
            if target.job_id is not None or asked - request.consumed_at > STRAY_PATIENCE:
                self._tracker.finish(request)
            request.due = now + max(STRAY_FIRST, waited)
        else:
            request.failures = 0
            request.due = now + _delay(waited)
        for job in self._tracker.of_run(request.event.process_job_id):
            account_worker.scheduler.look_now(job.key)

    def _failed(
        self,
        account_worker: AccountWorker,
        request: CancellationRequest,
        error: QwhiskError,
        asked: float,
        now: float,
    ) -> None:
        request.failures += 1
        request.calls.clear()
        self._tracker.metrics.failed(account_worker.name, error)
        if isinstance(error, UNDELIVERABLE):
            self._completion.undeliverable(request, error)
            return
        account = isinstance(error, ACCOUNTS)
        extra = {"process_job_id": request.event.process_job_id}
        hopeless = (
            sought(request.event.job_id) is not None and not account and request.failures > MAX_FAILURES
        )
        if hopeless:
            log.error("gave up the search for a stray job: %s", error.message, extra=extra)
        if hopeless or self._completion.is_overdue(request.event, now):
            # The run's own JobEvent reports how it ends.
            if erasure_of(request.event.job_id) is not None:
                log.error("gave up the deletion of jobs at the provider: %s", error.message, extra=extra)
            self._tracker.finish(request)
            return
        log.warning("not carried out: %s", error.message, extra=extra)
        request.due = now + failure_delay(request.failures)
        if account:
            retry_after = getattr(error, "retry_after", None)
            request.due = max(request.due, account_worker.scheduler.budget.failed(now, retry_after, asked))


def _make(account_worker: AccountWorker, event: JobEvent, call: tuple[str, str]) -> Answer:
    """Make one call. Blocks, in a worker thread.

    Args:
        account_worker: the account that makes it.
        event: the request.
        call: the call, a kind and a job id.

    Raises:
        QwhiskError: the call failed.
    """
    kind, job_id = call
    account = account_worker.account
    erasure = erasure_of(event.job_id)
    if erasure is not None:
        following, ended = follow_erasure(account, event, erasure, call)
        return Answer(following=following, ended=ended)
    target = sought(event.job_id)
    if target is not None:
        return Answer(following=_follow_stray(account, event, target, call))
    if event.pool is not None or event.job_id == POOLED_JOB:
        # Other clients' circuits are in the same job, so that it goes on. `AbandonedPools` cancels it.
        return Answer(delivered=account_worker.delivery.withdraw(event))
    if kind == "cancel":
        account.cancel(job_id)
        return Answer()
    views = account.tagged(run_tag(event.process_job_id)) if call == FIND else [account.look(job_id)]
    if not views:
        return Answer(following=[("look", event.job_id)])
    newest = views[0]
    following = [("cancel", view.job_id) for view in views if view.status in OPEN]
    if newest.status != "CANCELLED" or following:
        return Answer(newest, following)
    # Published at once: the job's own event may stay in a wait topic for minutes.
    # The request may be of an earlier step than the newest job.
    step = max(event.step, len(views) - 1) if is_loop(event) else event.step
    event = event.model_copy(update={"job_id": newest.job_id, "step": step})
    return Answer(newest, following, account_worker.delivery.deliver(event, newest))


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
                        # First, so that no action uses a cancelled job as the step's, however late the last
                        # tags are removed. If this poller ends now, these two find the job again.
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
