"""One provider account: its scheduler, its worker threads and the calls that they make."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.errors import QwhiskError
from core.protocol import BackendInfo, ResultEvent
from core.provider import JobView, QuantumAccount
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Call, Limits
from poller.scheduling.job import JobObservation
from poller.scheduling.scheduler import Scheduler
from poller.tracked_job import Key, TrackedJob

log = logging.getLogger(__name__)

#: The statuses of a job that is not final.
OPEN = ("QUEUED", "RUNNING")


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
        report: called in a worker thread with the outcome of each call.
    """

    def __init__(
        self,
        name: str,
        account: QuantumAccount,
        limits: Limits,
        delivery: ResultDelivery,
        workers: int,
        now: float,
        report: Callable[[AccountWorker, CallOutcome], None],
    ) -> None:
        self.name = name
        self.account = account
        self.scheduler: Scheduler[Key] = Scheduler(limits, now)
        self.tracked: dict[Key, TrackedJob] = {}
        self._delivery = delivery
        self._report = report
        self._workers = workers
        self._looks = ThreadPoolExecutor(workers, thread_name_prefix=f"look-{name}")
        self._deliveries = ThreadPoolExecutor(workers, thread_name_prefix=f"deliver-{name}")
        self.looking = self.delivering = 0

    @property
    def busy(self) -> bool:
        """Whether a call is in progress."""
        return self.looking + self.delivering > 0

    def add(self, tracked: TrackedJob, now: float) -> None:
        """Start tracking a job of this account.

        Args:
            tracked: the job.
            now: the time in seconds since 1970.
        """
        event = tracked.event
        expected = event.estimated_completion_time
        self.tracked[tracked.key] = tracked
        self.scheduler.add(
            tracked.key,
            event.client_id,
            event.backend,
            tracked.simulator,
            event.submitted_at.timestamp(),
            event.queue_length_at_submit,
            now,
            expected.timestamp() if expected else None,
            event.looked_at.timestamp() if event.looked_at else None,
        )

    def remove(self, tracked: TrackedJob) -> None:
        """Stop tracking a job. A job that is not tracked is ignored."""
        if self.tracked.get(tracked.key) is tracked:
            del self.tracked[tracked.key]
            self.scheduler.remove(tracked.key)

    def start(self, now: float) -> list[Call[Key]]:
        """Start every call that is due while a worker thread is free.

        Args:
            now: the time in seconds since 1970.

        Returns:
            The calls that were started.
        """
        started: list[Call[Key]] = []
        while True:
            fetch, look = self.delivering < self._workers, self.looking < self._workers
            call = self.scheduler.next_call(now, fetch, look) if fetch or look else None
            if call is None:
                return started
            started.append(call)
            if call.kind == "fetch":
                self.delivering += 1
                self._deliveries.submit(self._make, call, self._fetch, now)
            else:
                self.looking += 1
                self._looks.submit(self._make, call, self._list if call.kind == "list" else self._look, now)

    def ended(self, call: Call[Key]) -> None:
        """Record that a call ended and its worker thread is free."""
        if call.kind == "fetch":
            self.delivering -= 1
        else:
            self.looking -= 1

    def submit(self, work: Callable[[], None]) -> None:
        """Run other work in a delivery thread, such as publishing progress or a cancellation."""
        self._deliveries.submit(work)

    def close(self) -> None:
        """Wait for the calls in progress and start no more."""
        for pool in (self._looks, self._deliveries):
            pool.shutdown(wait=True, cancel_futures=True)

    # --- in the worker threads ---------------------------------------------------------------------------

    def _make(self, call: Call[Key], work: Callable[[Call[Key], CallOutcome], None], asked: float) -> None:
        outcome = CallOutcome(call, asked)
        started = time.monotonic()
        try:
            work(call, outcome)
        except QwhiskError as error:
            outcome.error = error
        except Exception:
            log.exception("a %s call for %d jobs failed", call.kind, len(call.keys))
            outcome.error = QwhiskError("The poller failed; see its log.")
        outcome.seconds = time.monotonic() - started
        self._report(self, outcome)

    def _tracked(self, key: Key) -> TrackedJob:
        tracked = self.tracked.get(key)
        if tracked is None:
            raise QwhiskError("The job belongs to another poller now.")
        return tracked

    def _look(self, call: Call[Key], outcome: CallOutcome) -> None:
        if call.since is None:
            view = self.account.look(self._tracked(call.keys[0]).event.job_id)
            outcome.views = {view.job_id: view}
        else:
            since = datetime.fromtimestamp(call.since, UTC)
            outcome.views = self.account.look_since(since, call.newest_first)

    def _list(self, _: Call[Key], outcome: CallOutcome) -> None:
        outcome.backends = self.account.backends(fresh=0.0)

    def _fetch(self, call: Call[Key], outcome: CallOutcome) -> None:
        tracked = self._tracked(call.keys[0])
        assert tracked.view is not None
        outcome.delivered = self._delivery.deliver(
            tracked.event, tracked.view, tracked.failures, lambda: not tracked.revoked
        )


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
