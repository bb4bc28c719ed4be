"""A member leaves while the group waits for another one to join: what it has finished stays finished."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from core.kafka.admin import Topics
from core.kafka.consumers import group_consumer
from core.kafka.delayed_consumer import DelayedConsumer
from core.kafka.messages import offset_of, partition_of
from core.settings import KafkaSettings
from testkit.stack import wait_for
from tests.chaos.conftest import StartBroker

TOPIC, GROUP, PARTITIONS = "leaving", "leaving", 4
#: Seconds in which members join and messages arrive, even on a slow machine.
PATIENCE = 90.0


@pytest.fixture
def kafka(start_broker: StartBroker) -> KafkaSettings:
    settings = start_broker("kafka")
    Topics(settings).ensure({TOPIC: PARTITIONS})
    return settings


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def publish(kafka: KafkaSettings) -> None:
    """Publish a message to each partition."""
    producer = Producer(kafka.client())
    for partition in range(PARTITIONS):
        producer.produce(TOPIC, b"x", partition=partition)
    assert producer.flush(PATIENCE) == 0


@pytest.mark.kafka
def test_what_a_member_finished_while_others_join_is_not_delivered_again(
    kafka: KafkaSettings, ends: ExitStack
) -> None:
    leaving = DelayedConsumer(kafka, GROUP, [TOPIC], commit_interval=0.0)
    finished: dict[tuple[str, int], int] = {}

    def until(condition: Callable[[], bool]) -> None:
        def handled() -> bool:
            for message in leaving.poll(0.05, 10):
                leaving.finish(partition_of(message), offset_of(message))
                finished[partition_of(message)] = offset_of(message) + 1
            return condition()

        wait_for(handled, PATIENCE)

    until(lambda: leaving.partitions(TOPIC) == PARTITIONS)
    # A member that does not poll takes no assignment, and does not join again: the group waits for it.
    slow: Consumer = group_consumer(kafka, GROUP, [TOPIC], False, lambda *_: None)
    ends.callback(slow.close)
    until(lambda: leaving.partitions(TOPIC) < PARTITIONS)
    publish(kafka)
    until(lambda: len(finished) == leaving.partitions(TOPIC))
    leaving.commit()
    # It joins once the other member has begun to leave.
    polling = threading.Timer(1.0, slow.poll, (PATIENCE,))
    polling.start()
    ends.callback(polling.join)
    leaving.close()
    stored = slow.committed([TopicPartition(*partition) for partition in finished], timeout=PATIENCE)
    assert {(at.topic, at.partition): at.offset for at in stored} == finished
