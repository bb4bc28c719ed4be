"""Consumes the poller's topics, requeues events, and commits the offsets of finished messages."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from core.errors import EventError, MessageTooLargeError, StreamError
from core.kafka.delayed_consumer import DelayedConsumer, close_all
from core.kafka.errors import KafkaException
from core.kafka.messages import Message, offset_of, partition_of, timestamp_of
from core.kafka.offsets import Partition
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL, DEAD, JOBS, POOL, WAITS
from core.protocol import MAX_EVENT_BYTES, JobEvent, PoolSubmission, decode, read_trace
from core.settings import KafkaSettings
from core.tracing import add

log = logging.getLogger(__name__)

GROUP, WAITS_GROUP = "pollers", "pollers.wait"
#: The most messages returned by one consumer in one iteration.
MAX_BATCH = 200
#: Bytes of the key of a dead letter.
MAX_KEY_BYTES = 1_000
#: Seconds between commits.
COMMIT_INTERVAL = 0.2
#: Seconds after which a dead letter that was not acknowledged is published again.
DEAD_LETTER_RETRY = 5.0

_DELAYS = {topic: delay for delay, topic in WAITS.items()}


@dataclass(frozen=True)
class ConsumedEvent:
    """An event and its place in Kafka."""

    partition: Partition
    offset: int
    event: JobEvent
    #: Whether it is a cancellation request, not the job's own event.
    cancel: bool
    #: The circuits of a job in the pool, which has no provider's id yet.
    submission: PoolSubmission | None = None


@dataclass(frozen=True)
class WaitPlan:
    """A wait of `delay` seconds in the topic `topic`."""

    delay: float
    topic: str


class JobConsumer:
    """Two consumers: one for `jobs`, `jobs.cancel` and `pool`, which are urgent, and one for the wait topics.

    Not thread-safe: one thread makes all calls.

    Args:
        kafka: how to reach the broker.
        publisher: publishes requeued events, and messages to the dead-letter topic.
        call: runs a function in the thread that uses this consumer.
        on_revoked: called with a partition that now belongs to another poller.
        on_dead_letter: called with the topic of a message that cannot be read.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        publisher: Publisher,
        call: Callable[[Callable[[], None]], None],
        on_revoked: Callable[[Partition], None],
        on_dead_letter: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._publisher = publisher
        self._call = call
        self._on_dead_letter = on_dead_letter
        self._full = self._pool_full = False
        #: The dead letters to publish again, each with its time on the monotonic clock.
        self._retries: deque[tuple[float, Callable[[], None]]] = deque()
        self._joined: set[str] = set()
        self._partitions = kafka.partitions
        #: Set once both groups have assigned partitions to this member.
        self.joined = threading.Event()
        self._urgent = DelayedConsumer(
            kafka,
            GROUP,
            [JOBS, CANCEL, POOL],
            commit_interval=COMMIT_INTERVAL,
            assigned=lambda: self._assigned(GROUP),
            lost=on_revoked,
        )
        # The wait topics are not urgent, so a separate consumer polls them twice a second.
        self._waiting = DelayedConsumer(
            kafka,
            WAITS_GROUP,
            list(_DELAYS),
            commit_interval=COMMIT_INTERVAL,
            delays=_DELAYS,
            due_in=_due_in,
            patient=True,
            assigned=lambda: self._assigned(WAITS_GROUP),
            lost=on_revoked,
        )

    def poll(self, timeout: float) -> list[ConsumedEvent]:
        """Return the events that are available.

        Args:
            timeout: seconds to wait for the first event.

        Raises:
            KafkaException: a librdkafka call failed. No event is lost.
        """
        self._retry_dead_letters()
        # Every message that a consumer returns must be handled: one that is dropped here would be lost.
        consumed = self._receive(self._urgent.poll(timeout, MAX_BATCH))
        try:
            consumed += self._receive(self._waiting.poll(0.0, MAX_BATCH))
        except KafkaException as error:
            if not consumed:
                raise
            log.error("Kafka: %s", error)
        return consumed

    def _receive(self, messages: list[Message]) -> list[ConsumedEvent]:
        received = []
        for message in messages:
            partition, offset = partition_of(message), offset_of(message)
            try:
                if partition[0] == POOL:
                    submission = decode(PoolSubmission, message.value())
                    _receive_trace(submission.event, message)
                    received.append(ConsumedEvent(partition, offset, submission.event, False, submission))
                else:
                    event = decode(JobEvent, message.value())
                    _receive_trace(event, message)
                    received.append(ConsumedEvent(partition, offset, event, partition[0] == CANCEL))
            except EventError as error:
                self._dead_letter(message, partition, offset, error.message)
        return received

    def _dead_letter(self, message: Message, partition: Partition, offset: int, reason: str) -> None:
        """Publish a message that cannot be read to the dead-letter topic, with the reason, and finish it."""
        log.error("message %s[%d]@%d goes to %s: %s", *partition, offset, DEAD, reason)
        self._on_dead_letter(partition[0])
        # Cut to the size of a dead letter: if the broker rejected it, its offset would never be committed.
        key, value = (message.key() or b"")[:MAX_KEY_BYTES], (message.value() or b"")[:MAX_EVENT_BYTES]
        headers = {"reason": reason.encode(), "topic": partition[0].encode()}

        def publish(size: int) -> None:
            self._publish(DEAD, key.decode(errors="replace"), value[:size], partial(published, size), headers)

        def published(size: int, error: StreamError | None) -> None:
            if error is None or (isinstance(error, MessageTooLargeError) and size == 0):
                self.finish(partition, offset)
            elif isinstance(error, MessageTooLargeError):
                publish(size // 2)
            else:
                self._retries.append((time.monotonic() + DEAD_LETTER_RETRY, partial(publish, size)))

        publish(len(value))

    def _retry_dead_letters(self) -> None:
        """Publish the dead letters again that the broker did not acknowledge."""
        now = time.monotonic()
        while self._retries and self._retries[0][0] <= now:
            self._retries.popleft()[1]()

    def requeue(
        self,
        topic: str,
        key: str,
        value: bytes,
        published: Callable[[StreamError | None], None],
        headers: Mapping[str, bytes],
    ) -> None:
        """Publish an event to a wait topic, from which any poller may consume it later.

        Args:
            topic: the wait topic.
            key: the run's id.
            value: the event.
            published: called in the loop's thread once the broker has acknowledged the event, or with the
                error if it has not.
            headers: the headers of its message.
        """
        self._publish(topic, key, value, published, headers)

    def _publish(
        self,
        topic: str,
        key: str,
        value: bytes,
        published: Callable[[StreamError | None], None],
        headers: Mapping[str, bytes] | None = None,
    ) -> None:
        def done(sent: Future[None]) -> None:
            error = sent.exception()
            if error is not None:
                log.error("%s", error)
            failure = error if isinstance(error, StreamError) or error is None else StreamError(str(error))
            self._call(lambda: published(failure))

        self._publisher.send(topic, key, value, headers).add_done_callback(done)

    def finish(self, partition: Partition, offset: int) -> None:
        """Record that the message's outcome is acknowledged, so that its offset may be committed.

        Args:
            partition: the message's partition.
            offset: the message's offset.
        """
        self._consumer_of(partition).finish(partition, offset)

    def _consumer_of(self, partition: Partition) -> DelayedConsumer:
        return self._waiting if partition[0] in _DELAYS else self._urgent

    def share(self) -> float:
        """Return this poller's share of the partitions of `jobs`, as a fraction.

        Returns:
            The fraction, of at least one partition; 1 until the groups are joined.
        """
        assigned = self._urgent.partitions(JOBS)
        return max(1, assigned) / self._partitions if self.joined.is_set() else 1.0

    def under_way(self) -> int:
        """Return the number of messages that are not finished."""
        return self._urgent.under_way() + self._waiting.under_way()

    def regulate(self, full: bool, pool_full: bool = False) -> None:
        """Pause or resume all partitions, or the pool's alone.

        Args:
            full: whether the poller can track no more events.
            pool_full: whether its pool can take no more participants.
        """
        if full != self._full:
            log.warning(
                "too many events in progress: consuming is paused" if full else "consuming is resumed"
            )
        if pool_full != self._pool_full:
            log.warning("the pool is full and paused" if pool_full else "the pool has room again")
        self._full, self._pool_full = full, pool_full
        self._urgent.regulate(full, {POOL} if pool_full else frozenset())
        self._waiting.regulate(full)

    def commit(self) -> None:
        """Commit the positions that have moved, at most once per commit interval."""
        self._urgent.commit()
        self._waiting.commit()

    def close(self) -> None:
        """Commit the positions that have moved and leave the groups."""
        close_all([self._urgent, self._waiting])

    def _assigned(self, group: str) -> None:
        self._joined.add(group)
        if self._joined == {GROUP, WAITS_GROUP}:
            self.joined.set()


def _receive_trace(event: JobEvent, message: Message) -> None:
    """Continue the trace of a message: the time that it spent in its topic is a span."""
    read_trace(event, message.headers())
    if event.traceparent is not None:
        now = time.time()
        facts: dict[str, str | int] = {
            "qwhisk.process_job_id": event.process_job_id,
            "qwhisk.step": event.step,
        }
        name, published = f"receive {partition_of(message)[0]}", timestamp_of(message)
        event.traceparent = add(name, "consumer", event.traceparent, published or now, now, facts)


def choose_wait_topic(seconds: float) -> WaitPlan:
    """Choose the wait topic with the longest delay that is not longer than `seconds`.

    Args:
        seconds: how long the event can wait; at least the shortest delay.
    """
    delay = max(delay for delay in WAITS if delay <= seconds)
    return WaitPlan(delay, WAITS[delay])


def _due_in(message: Message) -> float:
    """Return the seconds until a message of a wait topic is due; 0 if it has no timestamp."""
    published = timestamp_of(message)
    if published is None:
        return 0.0
    return published + _DELAYS[partition_of(message)[0]] - time.time()
