"""The provider accounts: for each its scheduler, its worker threads and the calls that they make."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from core.errors import QwhiskError
from core.protocol import BackendInfo, BackendType, JobEvent, ResultEvent
from core.provider import JobView, Provider, QuantumAccount
from core.tracing import span
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Call, Limits
from poller.scheduling.job import JobObservation
from poller.scheduling.scheduler import Scheduler
from poller.state import Key, Stage, TrackedJob

log = logging.getLogger(__name__)

#: The statuses of a job that is not final.
OPEN = ("QUEUED", "RUNNING")
#: Seconds for which a list of backends is published again without a new call.
BACKENDS_FRESH = 3_600.0

T = TypeVar("T")


@dataclass
class CallOutcome:
    """The outcome of one call to the provider: its answer or its error."""

    call: Call[Key]
    #: When the call was started, in seconds since 1970.
    asked: float
    views: dict[str, JobView] = field(default_factory=dict)
    backends: list[BackendInfo] = field(default_factory=list)
    delivered: ResultEvent | None = None
    error: QwhiskError | None = None
    #: How long the call took.
    seconds: float = 0.0


class AccountWorker:
    """An account and its worker threads. Each account has its own, so a slow one does not delay the others.

    Looks and deliveries use separate threads, so that a slow function does not delay looks.

    Args:
        name: the account's name in logs and metrics.
        account: the connection to the provider.
        limits: what the account allows.
        delivery: fetches and delivers the results.
        workers: the number of threads for looks, and the number for deliveries.
        now: the time in seconds since 1970.
        post: runs a function in the loop's thread.
    """

    def __init__(
        self,
        name: str,
        account: QuantumAccount,
        limits: Limits,
        delivery: ResultDelivery,
        workers: int,
        now: float,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self.name = name
        self.account = account
        self.delivery = delivery
        self.scheduler: Scheduler[Key] = Scheduler(limits, now)
        self._post = post
        self._workers = workers
        self._looks = ThreadPoolExecutor(workers, thread_name_prefix=f"look-{name}")
        self._deliveries = ThreadPoolExecutor(workers, thread_name_prefix=f"deliver-{name}")
        self._looking = self._delivering = 0

    @property
    def busy(self) -> bool:
        """Whether a call is in progress."""
        return self._looking + self._delivering > 0

    def start(
        self,
        now: float,
        job_of: Callable[[Key], TrackedJob | None],
        handle: Callable[[AccountWorker, CallOutcome], None],
    ) -> None:
        """Start every call that is due while a worker thread is free.

        Args:
            now: the time in seconds since 1970.
            job_of: returns the job of a step.
            handle: called in the loop's thread with the outcome of each call.
        """
        while True:
            fetch, look = self._delivering < self._workers, self._looking < self._workers
            call = self.scheduler.next_call(now, fetch, look) if fetch or look else None
            if call is None:
                return
            job = None if call.since is not None or not call.keys else job_of(call.keys[0])
            if call.kind == "fetch":
                self._delivering += 1
            else:
                self._looking += 1
            pool = self._deliveries if call.kind == "fetch" else self._looks
            pool.submit(self._make, call, job, now, handle)

    def run(self, work: Callable[[], T], then: Callable[[T | QwhiskError], None], title: str) -> None:
        """Run other blocking work in a delivery thread, such as publishing progress or a cancellation.

        Args:
            work: the work.
            then: called in the loop's thread with the result or the error.
            title: describes the work in the log.
        """

        def run() -> None:
            result = _attempt(work, title)
            self._post(lambda: then(result))

        self._deliveries.submit(run)

    def close(self) -> None:
        """Wait for the calls in progress and start no more."""
        for pool in (self._looks, self._deliveries):
            pool.shutdown(wait=True, cancel_futures=True)

    # --- in the worker threads ------------------------------------------------------------------------------

    def _make(
        self,
        call: Call[Key],
        job: TrackedJob | None,
        asked: float,
        handle: Callable[[AccountWorker, CallOutcome], None],
    ) -> None:
        outcome, started = CallOutcome(call, asked), time.monotonic()
        failure = _attempt(partial(self._call, job, outcome), f"a {call.kind} call for {len(call.keys)} jobs")
        outcome.error = failure
        outcome.seconds = time.monotonic() - started
        self._post(lambda: self._handle(outcome, handle))

    def _handle(self, outcome: CallOutcome, handle: Callable[[AccountWorker, CallOutcome], None]) -> None:
        if outcome.call.kind == "fetch":
            self._delivering -= 1
        else:
            self._looking -= 1
        handle(self, outcome)

    def _call(self, job: TrackedJob | None, outcome: CallOutcome) -> None:
        call = outcome.call
        if call.kind == "list":
            outcome.backends = self.account.backends(fresh=0.0)
        elif call.since is not None:
            since = datetime.fromtimestamp(call.since, UTC)
            outcome.views = self.account.look_since(since, call.newest_first)
        elif job is None or job.stage is not Stage.SCHEDULED:
            raise QwhiskError("The job belongs to another poller now.")
        elif call.kind == "look":
            view = self.account.look(job.event.job_id)
            outcome.views = {view.job_id: view}
        else:
            assert job.view is not None
            with span("deliver", parent=job.event.traceparent):
                outcome.delivered = self.delivery.deliver(
                    job.event, job.view, job.failures, lambda: not job.is_revoked
                )


class Accounts:
    """The AccountWorker of each account.

    Args:
        provider: the provider of the accounts.
        delivery: fetches and delivers the results.
        workers: for each account, the number of threads for looks, and the number for deliveries.
        limits: what the accounts for `hardware` and `simulator` allow; None for the defaults.
        now: the time in seconds since 1970.
        post: runs a function in the loop's thread.
    """

    def __init__(
        self,
        provider: Provider,
        delivery: ResultDelivery,
        workers: int,
        limits: dict[str, Limits | None],
        now: float,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._provider = provider
        self._workers: dict[QuantumAccount, AccountWorker] = {}
        for name, allowed in limits.items():
            account = provider.account(name)
            if account not in self._workers:
                self._workers[account] = AccountWorker(
                    name, account, allowed or Limits(), delivery, workers, now, post
                )

    def __iter__(self) -> Iterator[AccountWorker]:
        return iter(self._workers.values())

    def of(self, event: JobEvent) -> AccountWorker:
        """Return the worker of the account that the job belongs to."""
        return self.of_type(event.backend_type)

    def of_type(self, backend_type: BackendType) -> AccountWorker:
        """Return the worker of the account for a type of backends."""
        return self._workers[self._provider.account(backend_type)]

    def scheduler_of(self, event: JobEvent) -> Scheduler[Key]:
        """Return the scheduler of the account that the job belongs to."""
        return self.of(event).scheduler

    def known_backends(self) -> list[BackendInfo]:
        """Return the backends that earlier calls listed. Makes no call to the provider."""
        return self._provider.backends(fresh=BACKENDS_FRESH)

    @property
    def busy(self) -> bool:
        """Whether a call is in progress."""
        return any(account_worker.busy for account_worker in self)

    def wake(self, now: float) -> float:
        """Return when the next call is due, in seconds since 1970."""
        return min(account_worker.scheduler.next_wake(now) for account_worker in self)

    def share(self, part: float) -> None:
        """Set this poller's share of each account's limit.

        Args:
            part: the share, as a fraction of the limit. Pollers share limits as they share the partitions.
        """
        for account_worker in self:
            allowed, budget = account_worker.scheduler.limits.per_minute, account_worker.scheduler.budget
            if allowed is not None and (share := max(2, round(allowed * part))) != budget.per_minute:
                budget.share(share)

    def close(self) -> None:
        """Wait for the calls in progress and start no more."""
        for account_worker in self:
            account_worker.close()


def _attempt(work: Callable[[], T], title: str) -> T | QwhiskError:
    """Return the result of `work`, or its error. An unexpected error is logged."""
    try:
        return work()
    except QwhiskError as error:
        return error
    except Exception:
        log.exception("%s failed", title)
        return QwhiskError("The poller failed; see its log.")


def log_failure(failure: str) -> Callable[[object], None]:
    """Return a function that logs the error of other work (`AccountWorker.run`) that nothing depends on.

    Args:
        failure: what did not happen.
    """

    def then(outcome: object) -> None:
        if isinstance(outcome, QwhiskError):
            log.warning("%s: %s", failure, outcome.message)

    return then


def observation(view: JobView) -> JobObservation:
    """Convert the provider's view of a job to the scheduler's input."""
    return JobObservation(
        view.status,
        view.status not in OPEN,
        _seconds(view.created),
        _seconds(view.running),
        _seconds(view.finished),
        view.queue_position,
        _seconds(view.estimated_completion),
        view.estimated_running_seconds,
    )


def _seconds(instant: datetime | None) -> float | None:
    return None if instant is None else instant.timestamp()
