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
from poller.call import Call, Limits
from poller.desk import Desk
from poller.device import Sighting
from poller.retriever import Retriever
from poller.watch import Key, Watch

log = logging.getLogger(__name__)

#: How a job stands that is not final.
OPEN = ("QUEUED", "RUNNING")


@dataclass
class Found:
    """What a call gave, or why it gave nothing."""

    call: Call
    #: When the call was made, in seconds since 1970.
    asked: float
    views: dict[str, JobView] = field(default_factory=dict)
    backends: list[BackendInfo] = field(default_factory=list)
    delivered: ResultEvent | None = None
    error: QwhiskError | None = None
    #: What it took.
    seconds: float = 0.0


class Lane:
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
        retriever: Retriever,
        workers: int,
        now: float,
        report: Callable[[Lane, Found], None],
    ) -> None:
        self.name = name
        self.account = account
        self.desk = Desk(limits, now)
        self.watches: dict[Key, Watch] = {}
        self._retriever = retriever
        self._report = report
        self._workers = workers
        self._looks = ThreadPoolExecutor(workers, thread_name_prefix=f"look-{name}")
        self._deliveries = ThreadPoolExecutor(workers, thread_name_prefix=f"deliver-{name}")
        self.looking = self.delivering = 0

    @property
    def busy(self) -> bool:
        """True while a call is under way."""
        return self.looking + self.delivering > 0

    def add(self, watch: Watch, now: float) -> None:
        """Watch a job of this account."""
        event = watch.event
        expected = event.estimated_completion_time
        self.watches[watch.key] = watch
        self.desk.add(
            watch.key,
            event.client_id,
            event.backend,
            watch.simulator,
            # A simulator's job is measured from when it was taken: clocks of two machines differ by more.
            event.submitted_at.timestamp(),
            event.queue_length_at_submit,
            now,
            expected.timestamp() if expected else None,
            event.looked_at.timestamp() if event.looked_at else None,
        )

    def remove(self, watch: Watch) -> None:
        """Watch it no longer."""
        if self.watches.get(watch.key) is watch:
            del self.watches[watch.key]
            self.desk.drop(watch.key)

    def start(self, now: float) -> list[Call]:
        """Begin every call that is due; gives them."""
        begun: list[Call] = []
        while True:
            fetch, look = self.delivering < self._workers, self.looking < self._workers
            call = self.desk.next_call(now, fetch, look) if fetch or look else None
            if call is None:
                return begun
            begun.append(call)
            if call.kind == "fetch":
                self.delivering += 1
                self._deliveries.submit(self._make, call, self._fetch, now)
            else:
                self.looking += 1
                self._looks.submit(self._make, call, self._list if call.kind == "list" else self._look, now)

    def ended(self, call: Call) -> None:
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

    def _make(self, call: Call, work: Callable[[Call, Found], None], asked: float) -> None:
        found = Found(call, asked)
        begun = time.monotonic()
        try:
            work(call, found)
        except QwhiskError as error:
            found.error = error
        except Exception:
            log.exception("a call of kind %s about %d jobs failed", call.kind, len(call.keys))
            found.error = QwhiskError("The poller failed; see its log.")
        found.seconds = time.monotonic() - begun
        self._report(self, found)

    def _watch(self, key: object) -> Watch:
        watch = self.watches.get(key)  # type: ignore[call-overload]
        if watch is None:
            raise QwhiskError("The job is another poller's by now.")
        assert isinstance(watch, Watch)
        return watch

    def _look(self, call: Call, found: Found) -> None:
        if call.since is None:
            view = self.account.look(self._watch(call.keys[0]).event.job_id)
            found.views = {view.job_id: view}
        else:
            since = datetime.fromtimestamp(call.since, UTC)
            found.views = self.account.look_since(since, call.newest_first)

    def _list(self, _: Call, found: Found) -> None:
        found.backends = self.account.backends(fresh=0.0)

    def _fetch(self, call: Call, found: Found) -> None:
        watch = self._watch(call.keys[0])
        assert watch.view is not None
        found.delivered = self._retriever.deliver(
            watch.event, watch.view, watch.failures, lambda: not watch.lost
        )


def sighting(view: JobView) -> Sighting:
    """A look as the scheduler takes it."""
    return Sighting(
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
