"""One account: its scheduler, its worker threads, and the calls they make."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.errors import QwhiskError
from core.events import BackendInfo, ResultEvent
from core.provider import Account, JobView
from poller.delivery.result_delivery import ResultDelivery
from poller.scheduling.call import Call, Limits
from poller.scheduling.job import JobObservation
from poller.scheduling.scheduler import Scheduler
from poller.tracked_job import Key, TrackedJob

log = logging.getLogger(__name__)

#: How a job stands that is not final.
OPEN = ("QUEUED", "RUNNING")


@dataclass
class CallOutcome:
    """What a call gave, or why it gave nothing."""

    call: Call[Key]
    #: When the call was made, in seconds since 1970.
    asked: float
    views: dict[str, JobView] = field(default_factory=dict)
    backends: list[BackendInfo] = field(default_factory=list)
    delivered: ResultEvent | None = None
    error: QwhiskError | None = None
    #: What it took.
    seconds: float = 0.0


class AccountWorker:
    """An account with worker threads of its own: a slow account delays no other.

    Looks and deliveries have separate threads, so that functions that are slow to answer delay no look.

    Args:
        name: of the account, for logs and metrics.
        account: the connection.
        limits: what it allows.
        retriever: delivers the results.
        workers: threads for looks, and as many for deliveries.
        now: the time, in seconds since 1970.
        report: hands a finding to the loop's thread.
    """

    def __init__(
        self,
        name: str,
        account: Account,
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
        """True while a call is under way."""
        return self.looking + self.delivering > 0

    def add(self, tracked: TrackedJob, now: float) -> None:
        """Watch a job of this account."""
        event = tracked.event
        expected = event.estimated_completion_time
        self.tracked[tracked.key] = tracked
        self.scheduler.add(
            tracked.key,
            event.client_id,
            event.backend,
            tracked.simulator,
            # A simulator's job is measured from when it was taken: clocks of two machines differ by more.
            event.submitted_at.timestamp(),
            event.queue_length_at_submit,
            now,
            expected.timestamp() if expected else None,
            event.looked_at.timestamp() if event.looked_at else None,
        )

    def remove(self, tracked: TrackedJob) -> None:
        """Watch it no longer."""
        if self.tracked.get(tracked.key) is tracked:
            del self.tracked[tracked.key]
            self.scheduler.remove(tracked.key)

    def start(self, now: float) -> list[Call[Key]]:
        """Begin every call that is due; gives them."""
        begun: list[Call[Key]] = []
        while True:
            fetch, look = self.delivering < self._workers, self.looking < self._workers
            call = self.scheduler.next_call(now, fetch, look) if fetch or look else None
            if call is None:
                return begun
            begun.append(call)
            if call.kind == "fetch":
                self.delivering += 1
                self._deliveries.submit(self._make, call, self._fetch, now)
            else:
                self.looking += 1
                self._looks.submit(self._make, call, self._list if call.kind == "list" else self._look, now)

    def ended(self, call: Call[Key]) -> None:
        """The call was made, and its thread is free for the next."""
        if call.kind == "fetch":
            self.delivering -= 1
        else:
            self.looking -= 1

    def submit(self, work: Callable[[], None]) -> None:
        """Have something else delivered: progress, or the end of a job that is given up."""
        self._deliveries.submit(work)

    def close(self) -> None:
        """Wait for what is under way; begin nothing more."""
        for pool in (self._looks, self._deliveries):
            pool.shutdown(wait=True, cancel_futures=True)

    # --- in the worker threads ---------------------------------------------------------------------------

    def _make(self, call: Call[Key], work: Callable[[Call[Key], CallOutcome], None], asked: float) -> None:
        outcome = CallOutcome(call, asked)
        begun = time.monotonic()
        try:
            work(call, outcome)
        except QwhiskError as error:
            outcome.error = error
        except Exception:
            log.exception("a call of kind %s about %d jobs failed", call.kind, len(call.keys))
            outcome.error = QwhiskError("The poller failed; see its log.")
        outcome.seconds = time.monotonic() - begun
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
    """A look as the scheduler takes it."""
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
