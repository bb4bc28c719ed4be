"""What the poller takes from its topics, and which of it may be committed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaException, Message

from core.errors import EventError
from core.events import JobEvent, decode
from core.kafka.delayed_consumer import DelayedConsumer
from core.kafka.offsets import Partition
from core.kafka.publisher import Publisher
from core.kafka.topics import CANCEL, DEAD, JOBS, WAITS
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

GROUP, WAITS_GROUP = "pollers", "pollers.wait"
#: Messages taken of one consumer in one turn.
MAX_BATCH = 200
#: Seconds between commits.
COMMIT_INTERVAL = 0.2

_DELAYS = {topic: delay for delay, topic in WAITS.items()}


@dataclass(frozen=True)
class ConsumedEvent:
    """An event, and where it came from."""

    partition: Partition
    offset: int
    event: JobEvent
    #: True if its client wants the job cancelled.
    cancel: bool


class JobConsumer:
    """Two members of consumer groups: one for what is urgent, one for the wait topics.

    Used by one thread only.

    Args:
        kafka: how to reach the broker.
        publisher: for the dead letters.
        call: hands a function over to the thread that uses this.
        on_revoked: called with a partition that now belongs to another poller.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        publisher: Publisher,
        call: Callable[[Callable[[], None]], None],
        on_revoked: Callable[[Partition], None],
    ) -> None:
        self._publisher = publisher
        self._call = call
        self._full = False
        self._joined: set[str] = set()
        self._partitions = kafka.partitions
        #: Set once both groups have given this member its partitions.
        self.joined = threading.Event()
        self._urgent = DelayedConsumer(
            kafka,
            GROUP,
            [JOBS, CANCEL],
            commit_interval=COMMIT_INTERVAL,
            assigned=lambda: self._assigned(GROUP),
            lost=on_revoked,
        )
        # What waits is in no hurry: a consumer of its own asks for it twice a second.
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

    def poll(self, patience: float) -> list[ConsumedEvent]:
        """The events that are there now, waiting up to `patience` seconds for the first."""
        # Whatever a consumer gives is received: a message that was given and dropped would be lost.
        taken = self._receive(self._urgent.take(patience, MAX_BATCH))
        try:
            taken += self._receive(self._waiting.take(0.0, MAX_BATCH))
        except KafkaException as error:
            if not taken:
                raise
            log.error("Kafka: %s", error)
        return taken

    def _receive(self, messages: list[Message]) -> list[ConsumedEvent]:
        received = []
        for message in messages:
            topic, offset = str(message.topic()), int(message.offset() or 0)
            partition = (topic, int(message.partition() or 0))
            try:
                event = decode(JobEvent, message.value())
            except EventError as error:
                self._bury(message, partition, offset, error.message)
            else:
                received.append(ConsumedEvent(partition, offset, event, topic == CANCEL))
        return received

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
        self._of(partition).finish(partition, offset)

    def _of(self, partition: Partition) -> DelayedConsumer:
        return self._waiting if partition[0] in _DELAYS else self._urgent

    def share(self) -> float:
        """The part of the partitions of `jobs` that is this poller's; at least one, even with none."""
        mine = self._urgent.partitions(JOBS)
        return max(1, mine) / self._partitions if self.joined.is_set() else 1.0

    def under_way(self) -> int:
        """Messages without an outcome."""
        return self._urgent.under_way() + self._waiting.under_way()

    def regulate(self, full: bool) -> None:
        """Take nothing while the poller is `full`."""
        if full != self._full:
            log.warning("too many events under way: taking no more" if full else "taking events again")
        self._full = full
        self._urgent.regulate(full)
        self._waiting.regulate(full)

    def commit(self) -> None:
        """Commit what has moved, unless that was done a moment ago."""
        self._urgent.commit()
        self._waiting.commit()

    def close(self) -> None:
        """Commit, and leave the groups."""
        self._urgent.close()
        self._waiting.close()

    def _assigned(self, group: str) -> None:
        self._joined.add(group)
        if self._joined == {GROUP, WAITS_GROUP}:
            self.joined.set()


def _due_in(message: Message) -> float:
    """Seconds until a message of a wait topic is due; 0 for one without a time."""
    kind, stamp = message.timestamp()
    if kind == TIMESTAMP_NOT_AVAILABLE:
        return 0.0
    return float(stamp) / 1000 + _DELAYS[str(message.topic())] - time.time()
