"""A member of a consumer group that returns each message when it is due and commits what is finished."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress

from confluent_kafka import Consumer, TopicPartition

from core.kafka.assigned_partition import AssignedPartition
from core.kafka.client import redact_topics
from core.kafka.consumers import group_consumer
from core.kafka.errors import KafkaError, KafkaException
from core.kafka.messages import Message, offset_of, partition_of
from core.kafka.offsets import Offsets, Partition
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds between attempts to commit while leaving the group or giving up partitions.
COMMIT_PAUSE = 0.05
#: Seconds for which a commit is repeated before partitions are given up. The group waits meanwhile.
REVOKE_TIMEOUT = 2.0
#: The member is not in the group any more, so that no repetition helps.
_EXCLUDED = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
}


class DelayedConsumer:
    """Consumes messages, holds the head of a partition until it is due, and commits offsets.

    All messages of a topic wait for about the same time. While the head of a partition is not due, no message
    behind it is due. So the head is held here and the partition is paused.

    librdkafka keeps a partition's pause state when the partition is revoked, and applies it when the
    partition is assigned again. So each assignment clears it, and each revocation discards the state kept
    here. The head is held and not fetched again with `seek`: a `seek` can fail while the partition is being
    revoked, and the message would be skipped.

    A message that is finished after its partition was revoked and assigned again still counts as finished: it
    is the same message at the same offset, and its outcome is acknowledged.

    While a member joins a group, the broker answers none of its other requests, and then rejects the commits
    among them, since they name the previous generation. So a commit counts only once it is acknowledged: a
    position whose commit is still in progress is committed again before its partition is given up.

    Not thread-safe: one thread makes all calls. It also runs the callbacks, in `poll` and `close`.

    Args:
        kafka: how to reach the broker.
        group: the consumer group.
        topics: what to subscribe to.
        commit_interval: seconds between commits.
        delays: the longest time in seconds that a message may be held, by topic; 0 for other topics.
        due_in: returns the seconds until a message is due. It must not raise. `delays` limits its result.
        patient: whether the messages are not urgent, so that the broker may be polled less often.
        assigned: called after each assignment.
        revoking: called with the revoked partitions, before their positions are committed.
        lost: called with each partition that was revoked or lost.
        clock: returns seconds on a monotonic clock.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        topics: Iterable[str],
        *,
        commit_interval: float,
        delays: Mapping[str, float] | None = None,
        due_in: Callable[[Message], float] = lambda _: 0.0,
        patient: bool = False,
        assigned: Callable[[], None] = lambda: None,
        revoking: Callable[[set[Partition]], None] = lambda _: None,
        lost: Callable[[Partition], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._group = group
        self._session = kafka.session_timeout_ms / 1000
        self._interval = commit_interval
        self._delays = dict(delays or {})
        self._due_in = due_in
        self._on_assigned = assigned
        self._on_revoking = revoking
        self._on_lost = lost
        self._clock = clock
        self._assigned: dict[Partition, AssignedPartition] = {}
        #: Messages that are due and not yet returned to the owner.
        self._ready: list[Message] = []
        self._full = False
        self._full_topics: Set[str] = frozenset()
        self._offsets = Offsets()
        self._last_commit = clock()
        self._commit_failed = False
        self._consumer: Consumer = group_consumer(
            kafka,
            group,
            topics,
            patient,
            on_commit=self._committed,
            on_assign=self._assign,
            on_revoke=self._revoke,
            on_lost=self._lose,
        )

    def poll(self, timeout: float, limit: int) -> list[Message]:
        """Return messages that are due. Each is in progress until `finish`.

        This polls at least once, to keep the group membership.

        Args:
            timeout: seconds to wait for the first message.
            limit: the maximum number of messages.

        Returns:
            The messages, in each partition's order.

        Raises:
            KafkaException: a librdkafka call failed. No message is lost; call again after a short pause.
        """
        self._align(self._assigned)
        self._release(limit)
        for _ in range(max(1, limit)):
            message = self._consumer.poll(0.0 if self._ready else timeout)
            if message is None:
                break
            timeout = 0.0
            self._receive(message)
            if len(self._ready) >= limit:
                break
        returned, self._ready = self._ready[:limit], self._ready[limit:]
        return returned

    def regulate(self, full: bool, full_topics: Set[str] = frozenset()) -> None:
        """Pause all partitions, or those of some topics, including those assigned later, or resume them.

        Args:
            full: whether the owner can take no more messages.
            full_topics: topics of which the owner can take no more messages.
        """
        self._full = full
        self._full_topics = full_topics
        self._align(self._assigned)

    def finish(self, partition: Partition, offset: int) -> None:
        """Record that the message's outcome is acknowledged, so that its offset may be committed.

        Args:
            partition: the message's partition.
            offset: the message's offset.
        """
        self._offsets.finish(partition, offset)

    def under_way(self) -> int:
        """Return the number of messages that were due and are not finished."""
        return self._offsets.under_way()

    def partitions(self, topic: str) -> int:
        """Return how many partitions of a topic are assigned to this member."""
        return sum(name == topic for name, _ in self._assigned)

    def commit(self) -> None:
        """Commit the positions that have moved, at most once per commit interval."""
        now = self._clock()
        if now - self._last_commit >= self._interval:
            self._last_commit = now
            self._commit(self._offsets.due(), asynchronous=True)

    def close(self) -> None:
        """Commit the positions that have moved, and leave the group: see `close_all`."""
        close_all([self])

    def _settle(self) -> bool:
        """Commit the positions that have moved, and return whether the broker has acknowledged all."""
        self._commit(self._offsets.due(), asynchronous=True)
        if not self._offsets.unacknowledged():
            return True
        # Serves callbacks. A message that arrives meanwhile is not begun or committed.
        with suppress(KafkaException):
            self._consumer.poll(COMMIT_PAUSE)
        return False

    # --- messages -----------------------------------------------------------------------------------

    def _receive(self, message: Message) -> None:
        if message.error():
            log.warning("Kafka: %s", redact_topics(message.error()))
            return
        partition = partition_of(message)
        state = self._assigned.get(partition)
        if state is None:
            # Another member handles it. An offset recorded here would be committed over that member's.
            log.warning("ignored a message of a partition that is not assigned")
            return
        # A partition that delivers a message is not paused, even if a pause was requested.
        state.paused = False
        wait = min(self._due_in(message), self._delays.get(partition[0], 0.0))
        if wait > 0 or state.held:
            state.held.append((self._clock() + max(0.0, wait), message))
            self._align([partition])
        else:
            self._begin(message)

    def _begin(self, message: Message) -> None:
        self._offsets.begin(partition_of(message), offset_of(message))
        self._ready.append(message)

    def _release(self, limit: int) -> None:
        """Release the held messages that are due, unless the owner is full."""
        if self._full:
            return
        now = self._clock()
        for partition, state in self._assigned.items():
            if not state.held or partition[0] in self._full_topics:
                continue
            while state.held and state.held[0][0] <= now and len(self._ready) < limit:
                self._begin(state.held.popleft()[1])
            self._align([partition])

    def _align(self, partitions: Iterable[Partition]) -> None:
        """Pause and resume partitions so that librdkafka's state is the wanted one.

        Only partitions that differ: resuming one that is not paused makes librdkafka fetch messages again.

        Raises:
            KafkaException: a librdkafka call failed.
        """
        for pause, change in ((True, self._consumer.pause), (False, self._consumer.resume)):
            differing = [
                partition
                for partition in partitions
                if self._wants_pause(partition) is pause and self._assigned[partition].paused is not pause
            ]
            if differing:
                change([TopicPartition(*partition) for partition in differing])
                for partition in differing:
                    self._assigned[partition].paused = pause

    def _wants_pause(self, partition: Partition) -> bool:
        return self._full or partition[0] in self._full_topics or bool(self._assigned[partition].held)

    # --- offsets ------------------------------------------------------------------------------------

    def _commit(self, positions: dict[Partition, int], asynchronous: bool) -> KafkaError | None:
        """Commit positions, and return why that failed; None if it did not, or if that is not known yet."""
        if not positions:
            return None
        offsets = [TopicPartition(*partition, offset) for partition, offset in positions.items()]
        self._offsets.sent(positions)
        try:
            done = self._consumer.commit(offsets=offsets, asynchronous=asynchronous)
        except KafkaException as error:
            return self._committed(error.args[0], offsets)
        # The outcome of an asynchronous commit is reported by a later poll.
        return None if done is None else self._committed(None, done)

    def _committed(self, error: KafkaError | None, partitions: list[TopicPartition]) -> KafkaError | None:
        """Handle the outcome of a commit, and return why it failed. It is repeated later."""
        failed = [position for position in partitions if error is not None or position.error is not None]
        self._offsets.acknowledged(
            _positions([position for position in partitions if error is None and position.error is None])
        )
        self._offsets.rejected(_positions(failed))
        if failed and not self._commit_failed:
            log.warning(
                "offsets of %s not committed, messages may be delivered again: %s",
                self._group,
                redact_topics(error or failed[0].error),
            )
        self._commit_failed = bool(failed)
        return error or (failed[0].error if failed else None)

    # --- the group ----------------------------------------------------------------------------------

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("partitions of %s assigned: %d", self._group, len(partitions))
        new = {(partition.topic, partition.partition): AssignedPartition() for partition in partitions}
        self._assigned |= new
        try:
            # Before they are assigned, while nothing is fetched. `poll` retries this if it fails.
            consumer.resume(partitions)
            for state in new.values():
                state.paused = False
        except KafkaException as error:
            log.warning("Kafka: %s", redact_topics(error))
        consumer.incremental_assign(partitions)
        try:
            # After they are assigned: librdkafka ignores a pause of an unknown partition.
            self._align(new)
        except KafkaException as error:
            log.warning("Kafka: %s", redact_topics(error))
        self._on_assigned()

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        revoked = {(partition.topic, partition.partition) for partition in partitions}
        try:
            self._on_revoking(revoked)
            self._commit_revoked(revoked)
        finally:
            self._lose(consumer, partitions)

    def _commit_revoked(self, revoked: set[Partition]) -> None:
        """Commit the positions of partitions that are given up, again if that fails for a while."""
        end = time.monotonic() + REVOKE_TIMEOUT
        while True:
            positions = self._offsets.unacknowledged()
            error = self._commit(
                {partition: positions[partition] for partition in revoked & positions.keys()},
                asynchronous=False,
            )
            if error is None or error.code() in _EXCLUDED or time.monotonic() >= end:
                return
            time.sleep(COMMIT_PAUSE)

    def _lose(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {(partition.topic, partition.partition) for partition in partitions}
        self._ready = [message for message in self._ready if partition_of(message) not in gone]
        for partition in gone:
            self._offsets.forget(partition)
            self._assigned.pop(partition, None)
        for partition in gone:
            self._on_lost(partition)


def close_all(consumers: Sequence[DelayedConsumer]) -> None:
    """Commit what consumers have finished, and leave their groups.

    If commits fail, they are repeated for as long as a session lasts: the members of a group may be forming a
    new generation, which waits that long for a member that has failed.
    """
    end = time.monotonic() + max(consumer._session for consumer in consumers)
    unsettled = list(consumers)
    while unsettled and time.monotonic() < end:
        unsettled = [consumer for consumer in unsettled if not consumer._settle()]
    for consumer in consumers:
        consumer._consumer.close()


def _positions(partitions: list[TopicPartition]) -> dict[Partition, int]:
    return {(partition.topic, partition.partition): partition.offset for partition in partitions}
