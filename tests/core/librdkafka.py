"""A broker and librdkafka's consumer in memory, for one consumer group; a test moves the partitions.

It behaves like the real ones in what matters to users that pause partitions and commit offsets:
`tests/chaos/test_facts.py` checks the same facts of this and of real brokers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from core.kafka.offsets import Partition

#: Messages of one partition that are fetched ahead of the application.
AHEAD = 4


class Callback(Protocol):
    """`on_assign`, `on_revoke` or `on_lost`."""

    def __call__(self, consumer: Any, partitions: list[TopicPartition], /) -> None: ...


@dataclass(frozen=True)
class Message:
    """One message."""

    place: Partition
    number: int
    data: bytes = b""
    stamp: float = 0.0
    header: tuple[tuple[str, bytes], ...] = ()

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self.place[0]

    def partition(self) -> int:
        return self.place[1]

    def offset(self) -> int:
        return self.number

    def key(self) -> bytes:
        return b"key"

    def value(self) -> bytes:
        return self.data

    def headers(self) -> list[tuple[str, bytes]] | None:
        return list(self.header) or None

    def timestamp(self) -> tuple[int, int]:
        return 1, int(self.stamp * 1000)


@dataclass
class Group:
    """The broker: what it stores for one consumer group, and which member has which partition."""

    logs: dict[Partition, list[Message]] = field(default_factory=dict)
    committed: dict[Partition, int] = field(default_factory=dict)
    owners: dict[Partition, Member | None] = field(default_factory=dict)
    #: The new owner of a partition, once the present one has released it.
    wanted: dict[Partition, Member | None] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def produce(
        self, place: Partition, data: bytes = b"", stamp: float = 0.0, *header: tuple[str, bytes]
    ) -> Message:
        """Append a message to a partition."""
        with self.lock:
            log = self.logs.setdefault(place, [])
            log.append(Message(place, len(log), data, stamp, header))
            return log[-1]

    def move(self, place: Partition, to: Member | None) -> None:
        """Give a partition to another member, once its owner has had its callback."""
        with self.lock:
            owner = self.owners.get(place)
            self.wanted[place] = to
            if owner is None:
                self._give(place)
            elif owner is not to and ("revoke", [place]) not in owner.events:
                owner.events.append(("revoke", [place]))

    def expire(self, member: Member) -> None:
        """Let the member's session time out: its partitions are free before it notices."""
        with self.lock:
            gone = [place for place, owner in self.owners.items() if owner is member]
            for place in gone:
                self.owners[place] = None
            member.events.clear()
            member.events.append(("lose", list(member.positions)))
            for place in gone:
                if self.wanted.get(place) is member:
                    self.wanted[place] = None
                self._give(place)

    def released(self, place: Partition, by: Member) -> None:
        """Record that the owner has released the partition."""
        if self.owners.get(place) is by:
            self.owners[place] = None
            self._give(place)

    def _give(self, place: Partition) -> None:
        to = self.wanted.get(place)
        if to is not None:
            self.owners[place] = to
            to.events.append(("assign", [place]))


class Member:
    """A consumer as librdkafka makes it: the pause state of a partition outlives its assignment.

    Args:
        group: the broker.
        on_commit, on_assign, on_revoke, on_lost: as confluent-kafka has them.
    """

    def __init__(
        self,
        group: Group,
        on_commit: Callable[[KafkaError | None, list[TopicPartition]], None] | None = None,
        on_assign: Callback | None = None,
        on_revoke: Callback | None = None,
        on_lost: Callback | None = None,
    ) -> None:
        self.group = group
        self.events: deque[tuple[str, list[Partition]]] = deque()
        self._on_commit = on_commit
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lose": on_lost or on_revoke}
        self._outcomes: deque[tuple[KafkaError | None, list[TopicPartition]]] = deque()
        #: For each assigned partition, the offset after the last message that the application has.
        self.positions: dict[Partition, int] = {}
        self._fetched: deque[Message] = deque()
        #: Partitions that were ever assigned: librdkafka knows no others.
        self._known: set[Partition] = set()
        self.paused: set[Partition] = set()
        #: Calls of these names fail, or (those of `ignored`) have no effect.
        self.failing: set[str] = set()
        self.ignored: set[str] = set()
        #: Polls until it has joined the group's next generation. Until then the broker answers no commit.
        #: Then it rejects them, because they name the generation before.
        self.joining = 0
        self._unanswered: list[list[TopicPartition]] = []

    def poll(self, timeout: float) -> Message | None:
        """A message, or a callback."""
        end = time.monotonic() + timeout
        while True:
            with self.group.lock:
                self._join()
                if (event := self._event()) or self._outcomes:
                    while self._outcomes:
                        outcome = self._outcomes.popleft()
                        if self._on_commit is not None:
                            self._on_commit(*outcome)
                    if event is not None:
                        self._call(*event)
                    return None
                if (message := self._next()) is not None:
                    return message
            if time.monotonic() >= end:
                return None
            time.sleep(0.001)

    def _join(self) -> None:
        if self.joining > 0:
            self.joining -= 1
        if self.joining == 0:
            error = KafkaError(KafkaError.ILLEGAL_GENERATION)
            self._outcomes.extend((error, offsets) for offsets in self._unanswered)
            self._unanswered.clear()

    def _event(self) -> tuple[str, list[Partition]] | None:
        return self.events.popleft() if self.events else None

    def _call(self, kind: str, places: list[Partition]) -> None:
        callback = self._callbacks[kind]
        partitions = [TopicPartition(*place) for place in places]
        try:
            if callback is not None:
                callback(self, partitions)
        finally:
            # What the callback did not do itself is done for it.
            if kind == "assign":
                new = [
                    partition
                    for partition in partitions
                    if (partition.topic, partition.partition) not in self.positions
                ]
                self._assign(new)
            else:
                self._unassign(places)
            if kind == "revoke":
                for place in places:
                    self.group.released(place, self)

    def _assign(self, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            place = (partition.topic, partition.partition)
            assert place not in self.positions, "assigned twice"
            self._known.add(place)
            self.positions[place] = self.group.committed.get(place, 0)

    def _unassign(self, places: list[Partition]) -> None:
        for place in places:
            if self.positions.pop(place, None) is not None:
                self._drop(place)

    def _drop(self, place: Partition) -> None:
        self._fetched = deque(message for message in self._fetched if message.place != place)

    def _next(self) -> Message | None:
        if not self._fetched:
            for place, position in self.positions.items():
                if place not in self.paused:
                    self._fetched.extend(self.group.logs.get(place, [])[position : position + AHEAD])
        if not self._fetched:
            return None
        message = self._fetched.popleft()
        self.positions[message.place] = message.number + 1
        return message

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Add to the assignment, from the committed offsets on."""
        self._fail("incremental_assign")
        self._assign(partitions)

    def pause(self, partitions: list[TopicPartition]) -> None:
        """Drop what was fetched ahead; it is fetched again after `resume`."""
        self._fail("pause")
        with self.group.lock:
            for partition in partitions:
                place = (partition.topic, partition.partition)
                if place in self._known and "pause" not in self.ignored:
                    self.paused.add(place)
                    self._drop(place)

    def resume(self, partitions: list[TopicPartition]) -> None:
        """Fetch again."""
        self._fail("resume")
        self.paused -= {(partition.topic, partition.partition) for partition in partitions}

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[TopicPartition] | None:
        """The commit is rejected as a whole if a partition belongs to another member."""
        with self.group.lock:
            error = None
            if self.joining and asynchronous:
                self._unanswered.append(offsets)
                return None
            if self.joining:
                error = KafkaError(KafkaError.ILLEGAL_GENERATION)
            elif "commit" in self.failing:
                error = KafkaError(KafkaError.NOT_COORDINATOR)
            elif any(self.group.owners.get((at.topic, at.partition)) is not self for at in offsets):
                error = KafkaError(KafkaError.ILLEGAL_GENERATION)
            else:
                self.group.committed |= {(at.topic, at.partition): at.offset for at in offsets}
        if asynchronous:
            self._outcomes.append((error, offsets))
            return None
        if error is not None:
            raise KafkaException(error)
        return offsets

    def close(self) -> None:
        """Release every partition."""
        with self.group.lock:
            for place, to in self.group.wanted.items():
                if to is self:
                    self.group.wanted[place] = None
            self.events.clear()
            if self.positions:
                self._call("revoke", list(self.positions))
            # This includes those that were given to it but are not assigned yet.
            for place in list(self.group.owners):
                self.group.released(place, self)

    def _fail(self, name: str) -> None:
        if name in self.failing:
            raise KafkaException(KafkaError(KafkaError._STATE))
