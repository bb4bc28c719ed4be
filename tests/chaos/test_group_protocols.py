"""Members of a consumer group on Apache Kafka, with the classic protocol, that of KIP-848, or both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest
from confluent_kafka import Producer, TopicPartition

from core.kafka.admin import Topics
from core.kafka.consumers import group_consumer
from core.kafka.delayed_consumer import DelayedConsumer
from core.kafka.group_protocol import check_group_protocol
from core.kafka.messages import offset_of, partition_of
from core.kafka.publisher import Publisher
from core.kafka.topics import new_results_topic
from testkit.stack import wait_for
from tests.chaos.conftest import StartBroker

#: Seconds in which members join and messages arrive, even on a slow machine.
PATIENCE = 90.0
PARTITIONS = 4


class Members:
    """Members that handle, finish and commit what they get."""

    def __init__(self, *members: DelayedConsumer) -> None:
        self.all = list(members)
        self.handled: list[bytes] = []

    def until(self, condition: Callable[[], bool]) -> None:
        """Poll all members until a condition holds."""

        def step() -> bool:
            for member in self.all:
                for message in member.poll(0.05, 10):
                    self.handled.append(message.value() or b"")
                    member.finish(partition_of(message), offset_of(message))
                member.commit()
            return condition()

        wait_for(step, PATIENCE)

    def close(self) -> None:
        for member in self.all:
            member.close()


@pytest.mark.kafka
@pytest.mark.parametrize(
    "protocols", [("classic", "classic"), ("consumer", "consumer"), ("classic", "consumer")], ids="-".join
)
def test_members_share_partitions_and_what_is_committed_is_not_delivered_again(
    start_broker: StartBroker, caplog: pytest.LogCaptureFixture, protocols: tuple[str, ...]
) -> None:
    kafka = start_broker("kafka")
    settings = [replace(kafka, group_protocol=protocol) for protocol in protocols]
    with caplog.at_level(logging.WARNING):
        check_group_protocol(settings[-1])
    assert not [text for text in caplog.messages if text.startswith("KAFKA_GROUP_PROTOCOL")]
    # A name for the group too: this test uses it once.
    topic = new_results_topic()
    Topics(kafka).ensure({topic: PARTITIONS})
    members = Members(*(DelayedConsumer(each, topic, [topic], commit_interval=0.0) for each in settings))
    with ExitStack() as ends:
        ends.callback(members.close)
        publisher = Publisher(kafka)
        ends.callback(publisher.close)
        members.until(lambda: [member.partitions(topic) for member in members.all] == [2, 2])
        publisher.publish(topic, "before", b"before")
        members.until(lambda: b"before" in members.handled)
        members.all.pop().close()
        publisher.publish(topic, "after", b"after")
        members.until(lambda: members.all[0].partitions(topic) == PARTITIONS and b"after" in members.handled)
    assert members.handled == [b"before", b"after"]


@pytest.mark.kafka
def test_a_member_that_does_not_answer_delays_only_its_own_partitions(start_broker: StartBroker) -> None:
    """With the classic protocol the broker answers no commit until all members have joined again."""
    kafka = replace(start_broker("kafka"), group_protocol="consumer")
    topic = new_results_topic()
    Topics(kafka).ensure({topic: PARTITIONS})
    members = Members(DelayedConsumer(kafka, topic, [topic], commit_interval=0.0))
    with ExitStack() as ends:
        ends.callback(members.close)
        members.until(lambda: members.all[0].partitions(topic) == PARTITIONS)
        # It is never polled, so that it neither takes partitions nor gives them up.
        silent = group_consumer(kafka, topic, [topic], False, lambda *_: None)
        ends.callback(silent.close)
        members.until(lambda: members.all[0].partitions(topic) == PARTITIONS // 2)
        members.all.append(DelayedConsumer(kafka, topic, [topic], commit_interval=0.0))
        publisher = Producer(kafka.client())
        for partition in range(PARTITIONS):
            publisher.produce(topic, b"x", partition=partition)
        assert publisher.flush(PATIENCE) == 0

        def committed() -> int:
            places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
            return sum(place.offset == 1 for place in silent.committed(places, timeout=PATIENCE))

        members.until(lambda: len(members.handled) > 0 and committed() == len(members.handled))
