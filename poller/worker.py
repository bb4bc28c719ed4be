"""The poller's loop: consume events, start the calls that are due, requeue, commit.

One thread owns the consumers and all state. Each account's worker threads (`poller/account.py`) make the
calls that its scheduler (`poller/scheduling/scheduler.py`) chooses, and hand the outcomes back to that
thread.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial

from core.kafka.errors import KafkaException
from core.kafka.publisher import Publisher
from core.provider import Provider
from core.settings import KafkaSettings
from poller.account import Accounts
from poller.call_outcomes import CallOutcomeHandler, Completion
from poller.cancellation import CancellationHandler
from poller.delivery.result_delivery import ResultDelivery
from poller.job_consumer import JobConsumer
from poller.metrics import Metrics
from poller.notifier import ProgressNotifier
from poller.pooling.abandoned import AbandonedPools
from poller.pooling.arrivals import PooledArrivals
from poller.pooling.policy import PoolLimits
from poller.pooling.pool_log import PoolLog
from poller.pooling.pooler import Pooler
from poller.pooling.submitter import PoolSubmitter
from poller.scheduling.call import Limits
from poller.state import UsageCounter
from poller.tracker import JobTracker

log = logging.getLogger(__name__)

#: Events tracked at once; consuming is paused while there are as many. Jobs beyond an account's own limit are
#: requeued, so this is reached only while the broker does not acknowledge.
MAX_TRACKED = 6_000
#: Seconds to wait for a message, at most: in general, and while calls are in progress.
IDLE, BUSY = 0.1, 0.005
#: Seconds between searches for jobs that are past the deadline.
SWEEP = 10.0


class LoopCallbacks:
    """Functions that other threads hand to the loop's thread.

    `put` is thread-safe. Only the loop calls `run_pending`.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def __bool__(self) -> bool:
        return not self._queue.empty()

    def put(self, function: Callable[[], None]) -> None:
        """Queue a function for the loop's next iteration."""
        self._queue.put(function)

    def run_pending(self) -> None:
        """Call the queued functions. An error in one is logged and does not stop the others.

        Raises:
            KafkaException: a librdkafka call failed. The remaining functions stay queued.
        """
        while self:
            try:
                self._queue.get()()
            except KafkaException:
                raise
            except Exception:
                log.exception("an outcome was not handled; its event is consumed again after a restart")


class Poller:
    """One member of the consumer groups `pollers` and `pollers.wait`.

    Args:
        kafka: how to reach the broker.
        provider: the provider of the jobs.
        delivery: fetches and delivers the results.
        publisher: publishes requeued events and the list of backends.
        workers: for each account, the number of threads for looks, and the number for deliveries.
        deadline: seconds after its submission at which a job fails for good.
        hardware: what the account for devices allows; None for the defaults.
        simulator: what the account for simulators allows; None for the defaults.
        pool: when pooled jobs are submitted; None for the defaults.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        provider: Provider,
        delivery: ResultDelivery,
        publisher: Publisher,
        workers: int = 4,
        deadline: float = 7 * 86_400.0,
        hardware: Limits | None = None,
        simulator: Limits | None = None,
        pool: PoolLimits | None = None,
    ) -> None:
        # A monotonic clock in seconds since 1970: the system clock is read once.
        self._epoch = time.time() - time.monotonic()
        self.last_step = time.monotonic()
        self._swept = self._now()
        self._publisher = publisher
        self.metrics = Metrics()
        delivery.usage = UsageCounter(
            lambda source, seconds: self.metrics.quantum_seconds.labels(source).inc(seconds)
        )
        self.callbacks = LoopCallbacks()
        limits = {"hardware": hardware, "simulator": simulator}
        self.accounts = Accounts(provider, delivery, workers, limits, self._now(), self.callbacks.put)
        self.job_consumer = JobConsumer(
            kafka,
            publisher,
            self.callbacks.put,
            self._revoked,
            lambda topic: self.metrics.dead_letters.labels(topic).inc(),
        )
        self.tracker = JobTracker(
            self.accounts.scheduler_of, self.job_consumer, delivery.run_progress, self.metrics, self._now
        )
        self.notifier = ProgressNotifier(self.tracker, self.accounts, publisher)
        self.completion = Completion(self.tracker, self.accounts, deadline)
        self.abandoned = AbandonedPools(self.accounts, publisher, self._now)
        self.call_outcomes = CallOutcomeHandler(
            self.tracker, self.completion, self.notifier, self.abandoned.add
        )
        self.cancellations = CancellationHandler(self.tracker, self.accounts, self.completion)
        #: Made at the first pooled jobs.
        self.arrivals: PooledArrivals | None = None
        self.pooler: Pooler | None = None
        self._make_arrivals = partial(
            PooledArrivals, self.tracker, self.accounts, self.job_consumer, self.abandoned
        )
        self._make_pooler = partial(
            Pooler,
            self.accounts,
            self.job_consumer,
            PoolSubmitter(publisher),
            delivery.run_progress,
            pool or PoolLimits(),
            deadline,
            partial(PoolLog, kafka),
            self.callbacks.put,
            self._now,
        )

    def _now(self) -> float:
        """Return the time in seconds since 1970."""
        return self._epoch + time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Run until `stop` is set, then close.

        Args:
            stop: may be set by any thread or signal handler.
        """
        while not stop.is_set():
            try:
                self.step(time.monotonic())
            except KafkaException as error:
                log.error("Kafka: %s", error)
                stop.wait(0.5)
        self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Wait for the calls in progress, commit, and leave the consumer groups.

        Args:
            timeout: seconds to wait for outstanding acknowledgements.
        """
        self.accounts.close()
        self.callbacks.run_pending()
        self.job_consumer.close()
        if self.pooler is not None:
            self.pooler.close()
        self._publisher.close(timeout)

    def step(self, monotonic: float) -> None:
        """Run one iteration: outcomes, new messages, calls that are due, requeueing, commits.

        Args:
            monotonic: the time on the monotonic clock.

        Raises:
            KafkaException: a librdkafka call failed. Nothing is lost; the next iteration continues.
        """
        self.last_step = monotonic
        now = self._epoch + monotonic
        self.callbacks.run_pending()
        self.job_consumer.regulate(
            full=self._in_progress() >= MAX_TRACKED,
            pool_full=self.pooler is not None and not self.pooler.has_room,
        )
        self.poll(now)
        for request in self.tracker.due_requests(now):
            self.cancellations.start(request, now)
        if self.pooler is not None:
            self.pooler.step(now)
        if self.abandoned.failed:
            self.abandoned.step(now)
        self.accounts.share(self.job_consumer.share())
        for account_worker in self.accounts:
            account_worker.start(now, self.tracker.scheduled, self.call_outcomes.handle)
            for key, seconds in account_worker.scheduler.to_requeue(now):
                if (job := self.tracker.scheduled(key)) is not None:
                    self.tracker.requeue(job, seconds)
        if now - self._swept >= SWEEP:
            self._swept = now
            self.completion.sweep(now)
        self.job_consumer.commit()

    def poll(self, now: float) -> None:
        """Track the jobs and cancellation requests that are available, waiting until the next call is due.

        Args:
            now: the time in seconds since 1970.
        """
        polled = self.job_consumer.poll(self._wait_seconds(now))
        # After the poll, in which partitions may be revoked.
        for consumed in [*polled, *(self.arrivals.due(now) if self.arrivals else ())]:
            if consumed.submission is not None:
                self.pooler = self._make_pooler() if self.pooler is None else self.pooler
                self.pooler.consume(consumed)
                continue
            if consumed.event.pool is not None and not consumed.cancel:
                self.arrivals = self.arrivals or self._make_arrivals()
                if self.arrivals.hold(consumed):
                    continue
            job = self.tracker.consume(consumed)
            if job is not None:
                if self.completion.is_overdue(job.event, job.consumed_at):
                    self.accounts.scheduler_of(job.event).look_now(job.key)
                self.notifier.first(job)

    def _wait_seconds(self, now: float) -> float:
        """Return the seconds to wait for a message."""
        if self.accounts.busy or self.callbacks:
            return BUSY
        due = min(self.accounts.wake(now), self.tracker.next_request_at())
        if self.pooler is not None:
            due = min(due, self.pooler.next_at())
        return max(0.0, min(IDLE, due - now))

    def _in_progress(self) -> int:
        """Return the number of jobs and requests that are not finished, without those in the pool."""
        return len(self.tracker) + (0 if self.arrivals is None else len(self.arrivals))

    def _revoked(self, partition: tuple[str, int]) -> None:
        self.tracker.revoke(partition)
        if self.arrivals is not None:
            self.arrivals.revoke(partition)
        if self.pooler is not None:
            self.pooler.revoke(partition)

    @property
    def ready(self) -> bool:
        """Whether both consumer groups are joined."""
        return bool(self.job_consumer.joined.is_set())
