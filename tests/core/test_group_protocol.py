"""A broker that does not fit the protocol of the consumer groups is reported at the start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from core.kafka.admin import Topics
from core.kafka.delayed_consumer import DelayedConsumer
from core.kafka.group_protocol import PROTOCOLS, SESSION, check_group_protocol, group_protocol_problem
from core.kafka.messages import offset_of, partition_of
from core.kafka.publisher import Publisher
from core.kafka.topics import new_results_topic
from core.settings import KafkaSettings
from testkit.replicas import broker
from testkit.stack import wait_for

#: Seconds in which members join and messages arrive, even on a slow machine.
PATIENCE = 90.0


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({SESSION: "6000", PROTOCOLS: "classic,consumer,streams"}, None),
        ({SESSION: "6000", PROTOCOLS: "classic, consumer"}, None),
        ({SESSION: "5000"}, None),
        ({SESSION: "45000"}, f"45000 ms for a member that has failed. Set its {SESSION} to 6000"),
        ({SESSION: "45000", PROTOCOLS: "classic"}, "KAFKA_GROUP_PROTOCOL=classic"),
        ({SESSION: "9" * 5_000}, "KAFKA_GROUP_PROTOCOL=classic"),
        ({SESSION: None}, "KAFKA_GROUP_PROTOCOL=classic"),
        ({}, "KAFKA_GROUP_PROTOCOL=classic"),
    ],
)
def test_what_a_broker_lacks(settings: dict[str, str | None], problem: str | None) -> None:
    found = group_protocol_problem(settings, 6_000)
    assert found is None if problem is None else problem in str(found)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with broker(tmp_path_factory.mktemp("broker")) as settings:
        yield settings


def test_the_local_broker_has_only_the_classic_protocol(
    local: KafkaSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        check_group_protocol(local)
        assert not caplog.messages
        check_group_protocol(replace(local, group_protocol="consumer"))
    [message] = [text for text in caplog.messages if text.startswith("KAFKA_GROUP_PROTOCOL")]
    assert "set KAFKA_GROUP_PROTOCOL=classic" in message


@pytest.mark.kafka
@pytest.mark.parametrize(
    "protocols", [("classic", "classic"), ("consumer", "consumer"), ("classic", "consumer")], ids="-".join
)
def test_members_share_partitions_and_what_is_committed_is_not_delivered_again(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture, protocols: tuple[str, ...]
) -> None:
    with ExitStack() as ends:
        folder: Path = tmp_path_factory.mktemp("kafka")
        kafka = ends.enter_context(broker(folder, "kafka"))
        settings = [replace(kafka, group_protocol=protocol) for protocol in protocols]
        with caplog.at_level(logging.WARNING):
            check_group_protocol(settings[-1])
        assert not [text for text in caplog.messages if text.startswith("KAFKA_GROUP_PROTOCOL")]
        topic = new_results_topic()
        Topics(kafka).ensure({topic: 4})
        publisher = Publisher(kafka)
        ends.callback(publisher.close)
        members = [DelayedConsumer(each, "group", [topic], commit_interval=0.0) for each in settings]
        handled: list[bytes] = []

        def until(condition: Callable[[], bool]) -> None:
            def step() -> bool:
                for member in members:
                    for message in member.poll(0.05, 10):
                        handled.append(message.value() or b"")
                        member.finish(partition_of(message), offset_of(message))
                    member.commit()
                return condition()

            wait_for(step, PATIENCE)

        until(lambda: [member.partitions(topic) for member in members] == [2, 2])
        publisher.publish(topic, "before", b"before")
        until(lambda: b"before" in handled)
        members.pop().close()
        publisher.publish(topic, "after", b"after")
        until(lambda: members[0].partitions(topic) == 4 and b"after" in handled)
        members.pop().close()
        assert handled == [b"before", b"after"]
