"""The poller's loop: take events, make the calls that are due, deliver or put back, commit what is done.

One thread owns the consumers and all state; each account's worker threads (`account`) make the
calls that its scheduler (`scheduling.scheduler`) chooses. `step(now)` is one iteration.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from core.kafka.publisher import Publisher
from core.provider import Provider
from core.settings import KafkaSettings
from core.strays import MAX_JOB_ID, stray
from poller.account import AccountWorker, CallOutcome
from poller.accounts import Accounts
from poller.call_outcomes import CallOutcomeHandler
from poller.cancellation import CancellationHandler
from poller.completion import Completion
from poller.delivery.result_delivery import ResultDelivery
from poller.job_consumer import JobConsumer
from poller.loop_callbacks import LoopCallbacks
from poller.metrics import Metrics
from poller.notifier import ProgressNotifier
from poller.requeue import Requeuer
from poller.scheduling.call import Limits
from poller.tracked_job import TrackedJob
from poller.tracker import JobTracker
from poller.wait_topics import choose_wait_topic

log = logging.getLogger(__name__)

#: Events held here at once; while there are more, no further ones are taken. What is too much for an
#: account's own limit waits in a wait topic, so this is reached only while the broker does not acknowledge.
MAX_WATCHES = 6_000
#: Seconds the loop sleeps at most, and while calls are under way.
IDLE, BUSY = 0.1, 0.005
#: Seconds between searches for jobs that are past the deadline.
SWEEP = 10.0


class Poller:
    """One member of the consumer group `pollers`.

    Args:
        kafka: how to reach the broker.
        provider: where the jobs are.
        retriever: delivers the results.
        publisher: for events that are put back.
        workers: threads that look, and as many that deliver, for each account.
        deadline: seconds after its submission at which a job is given up.
        hardware, simulator: what the accounts allow.
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
    ) -> None:
        # One clock that never jumps: the system's is asked once.
        self._epoch = time.time() - time.monotonic()
        self.last_step = time.monotonic()
        self._swept = self._now()
        self._publisher = publisher
        self._run_progress = delivery.run_progress
        self.metrics = Metrics()
        self.callbacks = LoopCallbacks()
        limits = {"hardware": hardware, "simulator": simulator}
        self.accounts = Accounts(provider, delivery, workers, limits, self._now(), self._outcome)
        self.job_consumer = JobConsumer(kafka, publisher, self.callbacks.put, self._revoked)
        self.tracker = JobTracker(self.accounts, self.job_consumer.finish)
        self.notifier = ProgressNotifier(self.accounts, delivery, provider, publisher)
        self.requeuer = Requeuer(
            self.accounts, self.tracker, self.notifier, publisher, self.callbacks, self.metrics, self._now
        )
        self.completion = Completion(
            self.accounts,
            self.tracker,
            self._run_progress,
            delivery,
            self.callbacks,
            self.metrics,
            self._now,
            deadline,
        )
        self.call_outcomes = CallOutcomeHandler(
            self.tracker, self._run_progress, self.notifier, self.completion, self.metrics, self._now
        )
        self.cancellations = CancellationHandler(
            self.accounts, self.tracker, self.completion, delivery, self.callbacks, self.metrics, self._now
        )

    def _now(self) -> float:
        """Seconds since 1970."""
        return self._epoch + time.monotonic()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then hand over in order."""
        while not stop.is_set():
            try:
                self.step(time.monotonic())
            except KafkaException as error:
                log.error("Kafka: %s", error)
                stop.wait(0.5)
        self.close()

    def close(self, timeout: float = 5.0) -> None:
        """Let the workers end, commit, leave the group."""
        self.accounts.close()
        self.callbacks.run_pending()
        self.job_consumer.close()
        self._publisher.close(timeout)

    def step(self, monotonic: float) -> None:
        """One turn: outcomes, new messages, due calls, what can wait elsewhere, commits."""
        self.last_step = monotonic
        now = self._epoch + monotonic
        self.callbacks.run_pending()
        self.job_consumer.regulate(full=len(self.tracker) >= MAX_WATCHES)
        self.poll(now)
        self.cancellations.start(now)
        self.accounts.share(self.job_consumer.share())
        for account_worker in self.accounts:
            for call in account_worker.start(now):
                self.metrics.calls.labels(account_worker.name, call.kind).inc()
            for key, seconds in account_worker.scheduler.to_requeue(now):
                if (tracked := account_worker.tracked.get(key)) is not None:
                    self.requeuer.requeue(tracked, choose_wait_topic(seconds))
        if now - self._swept >= SWEEP:
            self._swept = now
            self.completion.sweep(now)
        self.job_consumer.commit()

    def poll(self, now: float) -> None:
        """Take the messages that are there, waiting until the next call is due."""
        for taken in self.job_consumer.poll(self._wait_seconds(now)):
            at = self._now()
            taken.event.bound(datetime.fromtimestamp(at, UTC))
            tracked = TrackedJob(taken.event, taken.partition, taken.offset, at, at, taken.cancel)
            known = self.tracker.job_of(tracked.key)
            if taken.cancel:
                self.tracker.add(tracked, at)
            elif known not in (None, taken.event.job_id) and len(taken.event.job_id) <= MAX_JOB_ID:
                # Two actions have announced a job of their own for the same step: the first one counts.
                tracked.event, tracked.cancel = stray(taken.event, taken.event.job_id), True
                self.tracker.add(tracked, at)
            elif self._run_progress.is_past(taken.event) or self.tracker.knows(tracked.key):
                self.job_consumer.finish(taken.partition, taken.offset)
            else:
                self._run_progress.note(taken.event)
                self.tracker.add(tracked, at)
                if self.completion.is_overdue(tracked.event, at):
                    self.accounts.of(tracked.event).scheduler.look_now(tracked.key)
                self.notifier.first(tracked, at)

    def _wait_seconds(self, now: float) -> float:
        """Seconds to wait for a message."""
        if self.accounts.busy or self.callbacks:
            return BUSY
        return max(0.0, min(IDLE, self.accounts.wake(now) - now, self.cancellations.wake() - now))

    def _outcome(self, account_worker: AccountWorker, outcome: CallOutcome) -> None:
        """Called by the worker threads."""
        self.callbacks.put(lambda: self.call_outcomes.handle(account_worker, outcome))

    def _revoked(self, partition: tuple[str, int]) -> None:
        self.tracker.revoked(partition)

    @property
    def ready(self) -> bool:
        """True once the consumer group has given this member its part."""
        return bool(self.job_consumer.joined.is_set())
