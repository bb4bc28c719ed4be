"""What the poller takes from its topics, and which of it may be committed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaException, Message, TopicPartition

from core.errors import EventError
from core.events import JobEvent, decode
from core.offsets import Offsets, Partition
from core.settings import KafkaSettings
from core.streams import Publisher, group_consumer
from core.topics import CANCEL, DEAD, JOBS, WAITS

log = logging.getLogger(__name__)

GROUP, WAITS_GROUP = "pollers", "pollers.wait"
#: Messages taken of one consumer in one turn.
MAX_BATCH = 200
#: Seconds between commits.
COMMIT_INTERVAL = 0.2

_DELAYS = {topic: delay for delay, topic in WAITS.items()}


@dataclass(frozen=True)
class Taken:
    """An event, and where it came from."""

    partition: Partition
    offset: int
    event: JobEvent
    #: True if its client wants the job cancelled.
    cancel: bool


class Intake:
    """Two members of consumer groups: one for what is urgent, one for the wait topics.

    Used by one thread only.

    Args:
        kafka: how to reach the broker.
        publisher: for the dead letters.
        call: hands a function over to the thread that uses this.
        lost: called with a partition that now belongs to another poller.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        publisher: Publisher,
        call: Callable[[Callable[[], None]], None],
        lost: Callable[[Partition], None],
    ) -> None:
        self._publisher = publisher
        self._call = call
        self._lost = lost
        self._offsets = Offsets()
        #: Partitions paused until the head of their wait topic is due (monotonic seconds).
        self._paused: dict[Partition, float] = {}
        self._full = False
        self._assignment_changed = False
        self._last_commit = 0.0
        self._joined: set[str] = set()
        #: The partitions of `jobs` that are this poller's.
        self._mine: set[int] = set()
        self._partitions = kafka.partitions
        #: Set once both groups have given this member its partitions.
        self.joined = threading.Event()
        self._urgent = self._member(kafka, GROUP, [JOBS, CANCEL], patient=False)
        # What waits is in no hurry: a consumer of its own asks for it twice a second.
        self._waiting = self._member(kafka, WAITS_GROUP, list(WAITS.values()), patient=True)

    def _member(self, kafka: KafkaSettings, group: str, topics: list[str], patient: bool) -> Consumer:
        return group_consumer(
            kafka,
            group,
            topics,
            patient,
            on_assign=partial(self._assigned, group),
            on_revoke=self._revoked,
            on_lost=self._revoked,
        )

    def take(self, patience: float) -> list[Taken]:
        """The events that are there now, waiting up to `patience` seconds for the first."""
        taken: list[Taken] = []
        # Whatever a poll gives is received: a message that was polled and dropped would be lost.
        for consumer, timeout in ((self._urgent, patience), (self._waiting, 0.0)):
            message = consumer.poll(timeout)
            count = 0
            while message is not None:
                received = self._receive(message)
                if received is not None:
                    taken.append(received)
                count += 1
                message = consumer.poll(0) if count < MAX_BATCH else None
        return taken

    def _receive(self, message: Message) -> Taken | None:
        if message.error():
            log.warning("Kafka: %s", message.error())
            return None
        topic, offset = str(message.topic()), int(message.offset() or 0)
        partition = (topic, int(message.partition() or 0))
        due_in = _due_in(message, topic)
        if due_in > 0:
            # Every later message of this partition is due later still: stop here until this one is.
            where = TopicPartition(topic, partition[1], offset)
            self._waiting.pause([where])
            self._waiting.seek(where)
            self._paused[partition] = time.monotonic() + due_in
            return None
        self._offsets.begin(partition, offset)
        try:
            return Taken(partition, offset, decode(JobEvent, message.value()), topic == CANCEL)
        except EventError as error:
            self._bury(message, partition, offset, error.message)
            return None

    def _bury(self, message: Message, partition: Partition, offset: int, reason: str) -> None:
        """A message that nobody can handle goes to the dead letters, with the reason, and blocks nothing."""
        log.error("message %s[%d]@%d goes to %s: %s", *partition, offset, DEAD, reason)
        key, value = message.key() or b"", message.value() or b""

        def sent(done: Future[None]) -> None:
            error = done.exception()
            if error is None:
                self._call(lambda: self.finish(partition, offset))
            else:
                # Not committed, so it is seen again at the next start.
                log.error("%s", error)

        headers = {"reason": reason.encode(), "topic": partition[0].encode()}
        self._publisher.send(DEAD, key.decode(errors="replace"), value, headers).add_done_callback(sent)

    def finish(self, partition: Partition, offset: int) -> None:
        """The message has had its outcome, and that is acknowledged."""
        self._offsets.finish(partition, offset)

    def share(self) -> float:
        """The part of the partitions of `jobs` that is this poller's; at least one, even with none."""
        return max(1, len(self._mine)) / self._partitions if self.joined.is_set() else 1.0

    def under_way(self) -> int:
        """Messages without an outcome."""
        return self._offsets.under_way()

    def regulate(self, now: float, full: bool) -> None:
        """Go on with wait topics whose head is due; take nothing while the poller is `full`."""
        for partition, due in list(self._paused.items()):
            if due <= now:
                del self._paused[partition]
                if not self._full:
                    self._waiting.resume([TopicPartition(*partition)])
        if full == self._full and not (full and self._assignment_changed):
            return
        if full != self._full:
            log.warning("too many events under way: taking no more" if full else "taking events again")
        self._full, self._assignment_changed = full, False
        for consumer in (self._urgent, self._waiting):
            mine = [p for p in consumer.assignment() if (p.topic, p.partition) not in self._paused]
            (consumer.pause if full else consumer.resume)(mine)

    def commit(self, now: float) -> None:
        """Commit what has moved, unless that was done a moment ago."""
        if now - self._last_commit >= COMMIT_INTERVAL:
            self._last_commit = now
            self._commit(asynchronous=True)

    def close(self) -> None:
        """Commit, and leave the groups."""
        self._commit(asynchronous=False)
        self._urgent.close()
        self._waiting.close()

    def _commit(self, asynchronous: bool) -> None:
        positions = self._offsets.due()
        try:
            for consumer, waits in ((self._urgent, False), (self._waiting, True)):
                mine = {place: at for place, at in positions.items() if (place[0] in _DELAYS) is waits}
                if mine:
                    offsets = [TopicPartition(topic, number, at) for (topic, number), at in mine.items()]
                    consumer.commit(offsets=offsets, asynchronous=asynchronous)
                    self._offsets.committed(mine)
        except KafkaException as error:
            log.warning("offsets not committed, events will be seen again: %s", error)

    def _assigned(self, group: str, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("partitions of %s taken: %d", group, len(partitions))
        self._assignment_changed = True
        self._mine.update(at.partition for at in partitions if at.topic == JOBS)
        self._joined.add(group)
        if self._joined == {GROUP, WAITS_GROUP}:
            self.joined.set()

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit(asynchronous=False)
        for partition in partitions:
            place = (partition.topic, partition.partition)
            if partition.topic == JOBS:
                self._mine.discard(partition.partition)
            self._offsets.forget(place)
            self._paused.pop(place, None)
            self._lost(place)


def _due_in(message: Message, topic: str) -> float:
    """Seconds until a message of a wait topic is due; 0 for the others."""
    delay = _DELAYS.get(topic)
    if delay is None:
        return 0.0
    kind, stamp = message.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE:
        return 0.0
    return min(delay, float(stamp) / 1000 + delay - time.time())
