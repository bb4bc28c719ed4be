"""A pooler with an account in memory. Provider and pooler fail when the test says so."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

from core import provider
from core.errors import ProviderError, ProviderUnavailableError, QwhiskError
from core.kafka.topics import CANCEL, JOBS, POOL, POOLS
from core.protocol import JobEvent, PoolRecord, PoolSubmission, ResultEvent, decode
from core.provider import JobView, Primitive
from core.settings import KafkaSettings
from poller import cancellation
from poller.account import Accounts
from poller.delivery.result_delivery import ResultDelivery
from poller.job_consumer import ConsumedEvent, JobConsumer
from poller.pooling.delivery import PooledDelivery
from poller.pooling.policy import PoolLimits
from poller.pooling.pool_log import PoolLog
from poller.pooling.pooler import Pooler
from poller.pooling.submitter import PoolSubmitter
from poller.scheduling.call import Limits
from poller.state import Key, RunProgress
from testkit.quantum_account import InMemoryAccount
from tests.poller import fakes

#: What the next submissions do. `lost`: the job exists, but there is no answer. `unlisted`: no answer, and no
#: job. `late`: no answer, and the job appears later.
OUTCOMES = ("ok", "refused", "unavailable", "lost", "unlisted", "late")


class Account(InMemoryAccount):
    """Fails as `outcomes` says, one for each submission, and rejects jobs with a circuit of `poison`."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: deque[str] = deque()
        self.poison: set[int] = set()
        #: The widths of circuits for which the provider is not available, whatever else it accepts.
        self.crashing: set[int] = set()
        self.late: list[Callable[[], object]] = []
        self.attempts: list[int] = []
        #: Searches that fail before one succeeds.
        self.blind = 0
        #: Called once while a submission is on its way to the provider.
        self.meanwhile: Callable[[], object] | None = None

    def submit(
        self,
        pubs: Sequence[Any],
        backend: str,
        shots: int,
        tags: Sequence[str],
        primitive: Primitive = "sampler",
        simulator_options: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        self.attempts.append(len(pubs))
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        outcome = self.outcomes.popleft() if self.outcomes else "ok"
        if outcome == "refused" or any(pub[0].num_qubits in self.poison for pub in pubs):
            raise ProviderError("A circuit is not for this device.")
        if outcome == "unavailable" or any(pub[0].num_qubits in self.crashing for pub in pubs):
            raise ProviderUnavailableError("The provider is down.")
        if outcome == "unlisted":
            raise ProviderUnavailableError("No answer.", unclear=True)
        if outcome == "late":
            self.late.append(lambda: super(Account, self).submit(pubs, backend, shots, tags, primitive))
            raise ProviderUnavailableError("No answer.", unclear=True)
        job_id = super().submit(pubs, backend, shots, tags, primitive)
        if outcome == "lost":
            raise ProviderUnavailableError("No answer.", unclear=True)
        return job_id

    def tagged(self, *tags: str) -> list[JobView]:
        if self.blind:
            self.blind -= 1
            raise ProviderUnavailableError("The provider is down.")
        return super().tagged(*tags)


class StoredDelivery(PooledDelivery):
    """Reads circuits from the messages of a world, which has no broker.

    Args:
        world: the world.
    """

    def __init__(self, world: World) -> None:
        super().__init__(KafkaSettings("nowhere:9092"), world.publisher)
        self._world = world

    def _read(self, offset: int, event: JobEvent) -> PoolSubmission | None:
        return self._world.messages[offset]


class World:
    """One broker and one account, and the pooler that has the pool now.

    Args:
        limits: when to submit.
    """

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self.deadline = math.inf
        self.account, self.publisher = Account(), fakes.Publisher()
        self.provider = provider.Provider(self.account, self.account)
        self.now = 1_000_000.0
        #: The messages of the topic `pool`, and the offsets of those that are finished.
        self.messages: list[PoolSubmission] = []
        self.finished: set[int] = set()
        self.run_progress = RunProgress()
        #: The jobs that somebody has cancelled at the provider, and which of their participants know.
        self.cancelled_unasked: set[str] = set()
        self._told: set[tuple[str, Key]] = set()
        self.catch_up: Callable[[], None] = lambda: None
        #: The messages of the topic `pool` that the pooler has published.
        self._repeated = 0
        #: Work of threads that has not begun; None if it is done at once.
        self.held: list[Callable[[], None]] | None = None
        self.take_over()

    def take_over(self, first: int | None = None) -> None:
        """Replace the pooler: the last one was killed, and the messages that are not finished come again.

        Args:
            first: how many of them come at first; `redeliver` brings the others. None for all.
        """
        revoked = getattr(self, "pooler", None)
        if revoked is not None:
            revoked.revoke((POOL, 0))
        self.catch_up = lambda: None
        self._posted: deque[Callable[[], None]] = deque()
        delivery = ResultDelivery(
            self.provider,
            self.publisher,
            fakes.Documents(),
            fakes.Invoke({}),
            run_progress=self.run_progress,
            pooled=StoredDelivery(self),
        )
        self.delivery = delivery
        limits: dict[str, Limits | None] = {"hardware": None, "simulator": None}
        accounts = Accounts(self.provider, delivery, 1, limits, self.now, self._posted.append)
        for worker in accounts:
            worker.close()
            setattr(worker, "run", self._run)  # noqa: B010 - in this thread, and in order
        consumer = SimpleNamespace(finish=lambda partition, offset: self.finished.add(offset))
        self.pooler = Pooler(
            accounts,
            cast(JobConsumer, consumer),
            PoolSubmitter(self.publisher, pauses=(0.0,), announce_pauses=(0.0,)),
            self.run_progress,
            self.limits,
            self.deadline,
            self._open_log,
            self._posted.append,
            lambda: self.now,
        )
        # A commit covers all offsets below it, so the messages after one that is not finished come again too.
        committed = next(place for place in count() if place not in self.finished)
        open_messages = list(range(committed, len(self.messages)))
        self._undelivered = open_messages if first is None else open_messages[first:]
        for offset in open_messages[: len(open_messages) if first is None else first]:
            self.deliver(offset)
        if first is None:
            self._undelivered = []

    def redeliver(self) -> None:
        """Deliver the messages that `take_over` has left out."""
        undelivered, self._undelivered = self._undelivered, []
        for offset in undelivered:
            self.deliver(offset)

    def _run(self, work: Callable[[], Any], then: Callable[[Any], None], title: str) -> None:
        posted = self._posted

        def run() -> None:
            try:
                outcome = work()
            except QwhiskError as error:
                outcome = error
            posted.append(lambda: then(outcome))

        if self.held is None:
            run()
        else:
            self.held.append(run)

    def release(self) -> None:
        """Let the held threads do their work, whoever has the pool now."""
        held, self.held = self.held or [], None
        for run in held:
            run()

    def _open_log(self, received: Callable[[PoolRecord], None]) -> PoolLog:
        """A log that has read everything whenever it is asked."""
        read = 0

        def catch_up(_timeout: float = 0.0) -> None:
            nonlocal read
            records = self.records()
            for record in records[read:]:
                received(record)
            read = len(records)

        self.catch_up = catch_up
        return cast(PoolLog, SimpleNamespace(catch_up=catch_up, close=lambda: None))

    def records(self) -> list[PoolRecord]:
        """Return the published records."""
        return [decode(PoolRecord, value) for topic, _, value in self.publisher.sent if topic == POOLS]

    def announced(self) -> list[JobEvent]:
        """Return the published JobEvents."""
        return [decode(JobEvent, value) for topic, _, value in self.publisher.sent if topic == JOBS]

    def progress(self) -> list[ResultEvent]:
        """Return the clients' events."""
        return [
            decode(ResultEvent, value)
            for topic, _, value in self.publisher.sent
            if topic not in (CANCEL, JOBS, POOLS, POOL)
        ]

    def add(self, *submissions: PoolSubmission) -> None:
        """Publish participants, which the pooler consumes."""
        for submission in submissions:
            self.messages.append(submission)
            self.deliver(len(self.messages) - 1)

    def deliver(self, offset: int) -> None:
        """Let the pooler consume a message, maybe once more. It is in progress until it is finished."""
        self.finished.discard(offset)
        submission = self.messages[offset]
        self.pooler.consume(ConsumedEvent((POOL, 0), offset, submission.event, False, submission))

    def step(self, seconds: float = 0.0) -> None:
        """Let the time pass, and run the pooler's loop until it has nothing to do."""
        self.now += seconds
        for _ in range(100):
            while self._posted:
                self._posted.popleft()()
            self.catch_up()
            self.pooler.step(self.now)
            if not self._posted and not self._consume_repeated():
                return
        raise AssertionError("the pooler does not come to rest")

    def _consume_repeated(self) -> bool:
        """Let the pooler consume the messages that it has published itself; return whether there were any."""
        repeated = [value for topic, _, value in self.publisher.sent if topic == POOL][self._repeated :]
        self._repeated += len(repeated)
        self.add(*(decode(PoolSubmission, value) for value in repeated))
        return bool(repeated)

    def end_jobs(self, backend: str | None = None) -> None:
        """Let every job at the provider, or at one backend, end, and tell the pooler."""
        for event in {event.job_id: event for event in self.announced()}.values():
            if backend not in (None, event.backend):
                continue
            if self.account.look(event.job_id).status == "QUEUED":
                self.account.cancel(event.job_id)
            record = PoolRecord(
                state="ended",
                at=event.submitted_at,
                job_id=event.job_id,
                backend_type=event.backend_type,
                backend=event.backend,
            )
            self.publisher.send(POOLS, event.job_id, record.model_dump_json().encode())

    def cancel_unasked(self, job_id: str) -> None:
        """Let somebody cancel a job at the provider, and tell its participants."""
        self.account.cancel(job_id)
        self.cancelled_unasked.add(job_id)
        self.deliver_cancelled()

    def deliver_cancelled(self) -> None:
        """Deliver the jobs that somebody has cancelled to those of their participants that do not know."""
        for event in self.announced():
            told = event.job_id, (event.process_job_id, event.step)
            if event.job_id in self.cancelled_unasked and told not in self._told:
                self._told.add(told)
                self.delivery.deliver(event, self.account.look(event.job_id))

    def carry_out_searches(self) -> None:
        """Let the pollers search the jobs that were given up, once, and cancel them."""
        for request in self.publisher.requests():
            worker = next(iter(self.pooler._accounts))
            cancellation._make(worker, request, cancellation.FIND)

    def appear(self) -> None:
        """Let the provider accept the jobs whose submission it answered too late."""
        while self.account.late:
            self.account.late.pop()()

    def check(self, dice: random.Random | None = None) -> None:
        """Check that every announcement names the participant's own circuits."""
        for event in self.announced():
            assert event.pool is not None
            original = self.messages[event.pool.source]
            assert original.event.process_job_id == event.process_job_id
            pubs = self.account.submitted[event.job_id].pubs
            own = pubs[event.pool.first : event.pool.first + event.pool.count]
            widths = [pub[0].num_qubits for pub in own]
            assert widths == [int(name) for name in original.event.params["widths"]]
