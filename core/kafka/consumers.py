"""Creates the consumers that the parts use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from core.kafka.client import client_config
from core.settings import KafkaSettings

#: Heartbeats in the time of one session.
HEARTBEATS = 10


def group_consumer(
    settings: KafkaSettings,
    group: str,
    topics: Iterable[str],
    patient: bool,
    on_commit: Callable[[KafkaError | None, list[TopicPartition]], None],
    **callbacks: Any,
) -> Consumer:
    """Return a member of a consumer group that commits only when its owner commits.

    Args:
        settings: how to reach the broker.
        group: the consumer group.
        topics: what to subscribe to.
        patient: whether the messages are not urgent, so that the consumer may poll the broker less often.
        on_commit: called during a poll with the outcome of an asynchronous commit.
        callbacks: `on_assign`, `on_revoke` and `on_lost`.
    """
    consumer = Consumer(
        consumer_config(settings)
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "on_commit": on_commit,
            "auto.offset.reset": "earliest",
        }
        | _membership(settings)
        | ({"fetch.wait.max.ms": 500} if patient else {})
    )
    consumer.subscribe(list(topics), **callbacks)
    return consumer


def _membership(settings: KafkaSettings) -> dict[str, Any]:
    """Return the librdkafka settings that concern the group itself."""
    if settings.group_protocol == "consumer":
        # The broker decides the rest: session, heartbeats, and who is assigned what.
        return {"group.protocol": "consumer"}
    return {
        "group.protocol": "classic",
        "session.timeout.ms": settings.session_timeout_ms,
        # A member learns of a rebalance from the answer to its next heartbeat; the others wait for it.
        "heartbeat.interval.ms": settings.session_timeout_ms // HEARTBEATS,
        "partition.assignment.strategy": "cooperative-sticky",
    }


def topic_reader(settings: KafkaSettings, reports_end: bool = False) -> Consumer:
    """Return a consumer outside any group, whose owner assigns its partitions.

    Args:
        settings: how to reach the broker.
        reports_end: whether a poll reports the end of a partition, as an error.
    """
    return Consumer(
        consumer_config(settings)
        | {
            "group.id": "unused",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            # A fetch of thousands of topics would take 50 MB otherwise.
            "fetch.max.bytes": 2_000_000,
            "queued.max.messages.kbytes": 2_048,
        }
        # The end is found by a fetch that waits in vain.
        | ({"enable.partition.eof": True, "fetch.wait.max.ms": 20} if reports_end else {})
    )


def consumer_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return the librdkafka settings of every consumer."""
    return client_config(settings) | {
        "fetch.wait.max.ms": settings.fetch_wait_max_ms,
        "fetch.error.backoff.ms": 50,
        "topic.metadata.refresh.fast.interval.ms": 50,
        # The most that librdkafka fetches ahead.
        "queued.max.messages.kbytes": 8_192,
        "allow.auto.create.topics": False,
    }
