"""Facts about librdkafka and the broker that the code relies on, for real brokers and the one in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition

from core.kafka.admin import Topics
from core.kafka.consumers import group_consumer
from core.kafka.offsets import Partition
from core.settings import KafkaSettings
from testkit.replicas import BROKERS
from testkit.stack import wait_for
from tests.chaos.conftest import StartBroker
from tests.core.librdkafka import Group, Member

TOPIC, PARTITIONS, MESSAGES = "facts", 4, 6
#: Seconds in which an available message arrives, even on a slow machine; and in which none may arrive.
PATIENCE, SILENCE = 60.0, 1.0


class InMemory:
    """Consumers of `tests.core.librdkafka`."""

    def __init__(self) -> None:
        self._group = Group()
        self._rival = Member(self._group)
        for number in range(MESSAGES):
            for partition in range(PARTITIONS):
                self._group.produce((TOPIC, partition), b"%d" % number)

    def consumer(self, **callbacks: Any) -> Any:
        made = Member(self._group, **callbacks)
        for partition in range(PARTITIONS):
            self._group.move((TOPIC, partition), made)
        self._own = made
        return made

    def take_away(self) -> None:
        for partition in (0, 1):
            self._group.move((TOPIC, partition), self._rival)

    def give_back(self) -> None:
        for partition in (0, 1):
            self._group.move((TOPIC, partition), self._own)

    def turn(self) -> None:
        self._rival.poll(0)

    def close(self) -> None:
        """There is nothing to close."""


class Real:
    """Consumers of a real broker."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._rival: Any = None
        Topics(kafka).ensure({TOPIC: PARTITIONS})
        producer = Producer(kafka.client())
        for number in range(MESSAGES * PARTITIONS):
            producer.produce(TOPIC, b"x", partition=number % PARTITIONS)
        assert producer.flush(PATIENCE) == 0

    def _make(self, **callbacks: Any) -> Any:
        return group_consumer(self._kafka, "facts", [TOPIC], False, lambda *_: None, **callbacks)

    def consumer(self, **callbacks: Any) -> Any:
        return self._make(**callbacks)

    def take_away(self) -> None:
        self._rival = self._make()

    def give_back(self) -> None:
        self._rival.close()
        self._rival = None

    def turn(self) -> None:
        if self._rival is not None:
            self._rival.poll(0)

    def close(self) -> None:
        if self._rival is not None:
            self._rival.close()


@pytest.fixture(params=["memory", *BROKERS])
def driver(request: pytest.FixtureRequest, start_broker: StartBroker) -> Iterator[Any]:
    made: Any = InMemory() if request.param == "memory" else Real(start_broker(request.param))
    yield made
    made.close()


class Seen:
    """A consumer, the offsets of its messages, and its assignment according to its callbacks."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.offsets: dict[Partition, list[int]] = {(TOPIC, number): [] for number in range(PARTITIONS)}
        self.mine: set[Partition] = set()
        #: Partitions that were revoked, and the one of them that was resumed when it was assigned again.
        self.revoked: set[Partition] = set()
        self.resumed: set[Partition] = set()
        self.consumer = driver.consumer(on_assign=self._assign, on_revoke=self._revoke)

    def _assign(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            place = (partition.topic, partition.partition)
            if place in self.revoked and not self.resumed:
                consumer.resume([partition])
                self.resumed.add(place)
        consumer.incremental_assign(partitions)
        self.mine |= {(partition.topic, partition.partition) for partition in partitions}

    def _revoke(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        gone = {(partition.topic, partition.partition) for partition in partitions}
        self.mine -= gone
        self.revoked |= gone

    def poll(self) -> None:
        self.driver.turn()
        message = self.consumer.poll(0.05)
        if message is not None:
            assert not message.error(), message.error()
            self.offsets[message.topic(), message.partition()].append(message.offset())

    def until(self, what: Callable[[], object]) -> None:
        def polled() -> object:
            self.poll()
            return what()

        wait_for(polled, PATIENCE)

    def silence(self) -> None:
        end = time.monotonic() + SILENCE
        while time.monotonic() < end:
            self.poll()

    def copy(self) -> dict[Partition, list[int]]:
        return {place: list(offsets) for place, offsets in self.offsets.items()}

    def end(self, place: Partition) -> bool:
        """Return whether all published messages have arrived, the last one last."""
        offsets = self.offsets[place]
        return bool(offsets) and offsets[-1] >= MESSAGES - 1


def test_a_pause_outlives_the_assignment_and_drops_nothing(driver: Any) -> None:
    seen = Seen(driver)
    try:
        seen.until(lambda: all(seen.offsets.values()))
        everything = [TopicPartition(*place) for place in seen.mine]
        assert len(everything) == PARTITIONS
        seen.consumer.pause(everything)
        before = seen.copy()
        # A partition that was never assigned is not an error.
        seen.consumer.pause([TopicPartition("webhooks", 0)])
        seen.silence()
        assert seen.offsets == before, "a message that was fetched ahead arrived despite a pause"
        committed = [TopicPartition(*place, 1) for place in seen.mine]
        assert all(
            partition.error is None
            for partition in seen.consumer.commit(offsets=committed, asynchronous=False)
        )

        driver.take_away()
        seen.until(lambda: len(seen.mine) == PARTITIONS // 2)
        driver.give_back()
        seen.until(lambda: len(seen.mine) == PARTITIONS)
        [resumed] = seen.resumed
        assert resumed in seen.revoked
        seen.until(lambda: seen.end(resumed))
        seen.silence()
        for place in seen.mine - seen.resumed:
            assert seen.offsets[place] == before[place], "the pause ended with the assignment"

        seen.consumer.resume(
            [partition for partition in everything if (partition.topic, partition.partition) != resumed]
        )
        seen.until(lambda: all(map(seen.end, seen.mine)))
        for place, offsets in seen.offsets.items():
            # A reassigned partition resumes at the committed offset; one that stayed, exactly where it was.
            first = 1 if place in seen.revoked else before[place][-1] + 1
            assert offsets == before[place] + list(range(first, offsets[-1] + 1))
    finally:
        seen.consumer.close()
