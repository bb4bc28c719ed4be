"""The poller's loop: take events, make the calls that are due, deliver or put back, commit what is done.

One thread owns the consumers and all state; each account's worker threads (`poller.lane`) look and deliver.
`step(now)` is one turn. When to look at what is for `poller.desk` to say.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from core.provider import Provider
from core.settings import KafkaSettings
from core.strays import MAX_JOB_ID, stray
from core.streams import Publisher
from poller.call import Limits
from poller.ending import Ending
from poller.findings import Findings
from poller.intake import Intake
from poller.lane import Found, Lane
from poller.lanes import Lanes
from poller.metrics import Metrics
from poller.news import News
from poller.outcomes import Outcomes
from poller.parking import Parking
from poller.retriever import Retriever
from poller.watch import Watch
from poller.watches import Watches
from poller.wishes import Wishes

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
        retriever: Retriever,
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
        self._runs = retriever.runs
        self.metrics = Metrics()
        self.outcomes = Outcomes()
        limits = {"hardware": hardware, "simulator": simulator}
        self.lanes = Lanes(provider, retriever, workers, limits, self._now(), self._found)
        self.intake = Intake(kafka, publisher, self.outcomes.put, self._lost)
        self.watches = Watches(self.lanes, self.intake.finish)
        self.news = News(self.lanes, retriever, provider, publisher)
        self.parking = Parking(
            self.lanes, self.watches, self.news, publisher, self.outcomes, self.metrics, self._now
        )
        self.ending = Ending(
            self.lanes,
            self.watches,
            self._runs,
            retriever,
            self.outcomes,
            self.metrics,
            self._now,
            deadline,
        )
        self.findings = Findings(self.watches, self._runs, self.news, self.ending, self.metrics, self._now)
        self.wishes = Wishes(
            self.lanes, self.watches, self.ending, retriever, self.outcomes, self.metrics, self._now
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
        self.lanes.close()
        self.outcomes.settle()
        self.intake.close()
        self._publisher.close(timeout)

    def step(self, monotonic: float) -> None:
        """One turn: outcomes, new messages, due calls, what can wait elsewhere, commits."""
        self.last_step = monotonic
        now = self._epoch + monotonic
        self.outcomes.settle()
        self.intake.regulate(full=len(self.watches) >= MAX_WATCHES)
        self.take(now)
        self.wishes.start(now)
        self.lanes.share(self.intake.share())
        for lane in self.lanes:
            for call in lane.start(now):
                self.metrics.calls.labels(lane.name, call.kind).inc()
            for key, plan in lane.desk.to_park(now):
                if (watch := lane.watches.get(key)) is not None:  # type: ignore[call-overload]
                    self.parking.park(watch, plan)
        if now - self._swept >= SWEEP:
            self._swept = now
            self.ending.sweep(now)
        self.intake.commit()

    def take(self, now: float) -> None:
        """Take the messages that are there, waiting until the next call is due."""
        for taken in self.intake.take(self._patience(now)):
            at = self._now()
            taken.event.bound(datetime.fromtimestamp(at, UTC))
            watch = Watch(taken.event, taken.partition, taken.offset, at, at, taken.cancel)
            known = self.watches.job_of(watch.key)
            if taken.cancel:
                self.watches.add(watch, at)
            elif known not in (None, taken.event.job_id) and len(taken.event.job_id) <= MAX_JOB_ID:
                # Two actions have announced a job of their own for the same step: the first one counts.
                watch.event, watch.cancel = stray(taken.event, taken.event.job_id), True
                self.watches.add(watch, at)
            elif self._runs.is_past(taken.event) or self.watches.knows(watch.key):
                self.intake.finish(taken.partition, taken.offset)
            else:
                self._runs.note(taken.event)
                self.watches.add(watch, at)
                if self.ending.is_overdue(watch.event, at):
                    self.lanes.of(watch.event).desk.hurry(watch.key)
                self.news.first(watch, at)

    def _patience(self, now: float) -> float:
        """Seconds to wait for a message."""
        if self.lanes.busy or self.outcomes:
            return BUSY
        return max(0.0, min(IDLE, self.lanes.wake(now) - now, self.wishes.wake() - now))

    def _found(self, lane: Lane, found: Found) -> None:
        """Called by the worker threads."""
        self.outcomes.put(lambda: self.findings.settle(lane, found))

    def _lost(self, partition: tuple[str, int]) -> None:
        self.watches.lost(partition)

    @property
    def ready(self) -> bool:
        """True once the consumer group has given this member its part."""
        return bool(self.intake.joined.is_set())
