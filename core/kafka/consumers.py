"""Makes the consumers that the parts use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from core.kafka.client import client_config
from core.settings import KafkaSettings


def group_consumer(
    settings: KafkaSettings,
    group: str,
    topics: Iterable[str],
    patient: bool,
    on_commit: Callable[[KafkaError | None, list[TopicPartition]], None],
    **callbacks: Any,
) -> Consumer:
    """A member of a consumer group that commits only what it is told to commit.

    Args:
        settings: how to reach the broker.
        group: the consumer group.
        topics: what to subscribe to.
        patient: true where nobody waits for the messages: it asks the broker less often.
        on_commit: called in a poll with the outcome of a commit that was not waited for.
        callbacks: `on_assign`, `on_revoke`, `on_lost`.
    """
    consumer = Consumer(
        consumer_config(settings)
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "on_commit": on_commit,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": settings.session_timeout_ms,
            "partition.assignment.strategy": "cooperative-sticky",
        }
        | ({"fetch.wait.max.ms": 500} if patient else {})
    )
    consumer.subscribe(list(topics), **callbacks)
    return consumer


def topic_reader(settings: KafkaSettings) -> Consumer:
    """A consumer outside any group, for partitions that its owner assigns to it."""
    return Consumer(
        consumer_config(settings)
        | {"group.id": "unused", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    )


def consumer_config(settings: KafkaSettings) -> dict[str, Any]:
    return client_config(settings) | {
        "fetch.wait.max.ms": settings.fetch_wait_max_ms,
        "fetch.error.backoff.ms": 50,
        "topic.metadata.refresh.fast.interval.ms": 50,
        # Bounds what librdkafka holds ahead of us.
        "queued.max.messages.kbytes": 8_192,
        "allow.auto.create.topics": False,
    }
