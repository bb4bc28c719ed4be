"""Kafka: publish with acknowledgement, consumers, topics. Every wait has an end."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from core.errors import StreamError
from core.settings import KafkaSettings
from core.topics import partition

log = logging.getLogger(__name__)

#: Seconds after which an unacknowledged message counts as failed.
PUBLISH_TIMEOUT = 10.0
#: Messages that may wait for their acknowledgement in one process.
MAX_UNACKNOWLEDGED = 10_000
#: Seconds an administrative call may take.
ADMIN_TIMEOUT = 15.0


def told(error: object) -> str:
    """The error for a log, without the names of clients' topics, which are secret."""
    return re.sub(r"results\.[\w-]+", "results.(a client's)", str(error))


def _on_error(error: KafkaError) -> None:
    log.warning("Kafka: %s", told(error))


def _client(settings: KafkaSettings) -> dict[str, Any]:
    """What every client is given. Its own lines would go past our log, and name topics: errors only."""
    return settings.client() | {"error_cb": _on_error, "log_level": 3}


class Publisher:
    """A producer whose `publish` returns when the broker has acknowledged the message.

    One thread of its own serves the acknowledgements, so any number of threads may publish at once.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = Producer(
            _client(settings)
            | {
                "acks": "all",
                "linger.ms": 0,
                "message.timeout.ms": int(PUBLISH_TIMEOUT * 1000),
                "queue.buffering.max.messages": MAX_UNACKNOWLEDGED,
                "socket.nagle.disable": True,
            }
        )
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="kafka-acknowledgements", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.2)

    def send(
        self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes] | None = None
    ) -> Future[None]:
        """Hand the message over; the future ends with the broker's acknowledgement or a StreamError."""
        done: Future[None] = Future()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(
                    StreamError(f"Kafka did not take the message for {topic.split('.')[0]}: {error}")
                )

        try:
            self._producer.produce(
                topic,
                value,
                key,
                partition(topic),
                on_delivery=delivered,
                headers=dict(headers) if headers else None,
            )
        except (BufferError, KafkaException) as error:
            done.set_exception(StreamError(f"Kafka cannot take a message now: {error}"))
        return done

    def publish(self, topic: str, key: str, value: bytes, headers: Mapping[str, bytes] | None = None) -> None:
        """Publish and wait for the acknowledgement; StreamError if it does not come in time."""
        self.wait(self.send(topic, key, value, headers))

    @staticmethod
    def wait(sent: Future[None]) -> None:
        """Wait for the acknowledgement of what was sent; StreamError if it does not come in time."""
        try:
            sent.result(PUBLISH_TIMEOUT + 1)
        except FutureTimeout:
            raise StreamError(f"Kafka did not acknowledge within {PUBLISH_TIMEOUT:.0f} s.") from None

    def close(self, timeout: float = 3.0) -> None:
        """Wait for what is under way, at most `timeout` seconds, and stop."""
        self._producer.flush(timeout)
        self._closed.set()
        self._thread.join(timeout)


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
        _consumer(settings)
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


def reader(settings: KafkaSettings) -> Consumer:
    """A consumer outside any group, for partitions that its owner assigns to it."""
    return Consumer(
        _consumer(settings)
        | {"group.id": "unused", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    )


def _consumer(settings: KafkaSettings) -> dict[str, Any]:
    return _client(settings) | {
        "fetch.wait.max.ms": settings.fetch_wait_max_ms,
        "fetch.error.backoff.ms": 50,
        "topic.metadata.refresh.fast.interval.ms": 50,
        # Bounds what librdkafka holds ahead of us.
        "queued.max.messages.kbytes": 8_192,
        "allow.auto.create.topics": False,
    }


class Topics:
    """Makes topics and looks at them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._replication_factor = settings.replication_factor
        self._admin = AdminClient(_client(settings))

    def ensure(self, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
        """Create those of `topics` (name to number of partitions) that do not exist.

        Raises:
            StreamError: the broker refused, or did not answer in time.
        """
        wanted = [
            NewTopic(
                name,
                num_partitions=partitions,
                replication_factor=self._replication_factor,
                config=dict(config or {}),
            )
            for name, partitions in topics.items()
        ]
        try:
            futures = self._admin.create_topics(wanted, operation_timeout=ADMIN_TIMEOUT)
            for future in futures.values():
                try:
                    future.result(ADMIN_TIMEOUT)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise
        except (KafkaException, FutureTimeout) as error:
            reason = error if isinstance(error, KafkaException) else f"no answer within {ADMIN_TIMEOUT:.0f} s"
            raise StreamError(f"Kafka did not create a topic: {reason}") from None

    def names(self) -> list[str]:
        """All topics; StreamError if the broker does not tell."""
        try:
            return list(self._admin.list_topics(timeout=ADMIN_TIMEOUT).topics)
        except KafkaException as error:
            raise StreamError(f"Kafka did not list its topics: {told(error)}") from None

    def delete(self, topics: Iterable[str]) -> int:
        """Delete these, and do not mind if somebody else was faster; gives how many are gone by this call.

        Raises:
            StreamError: the broker refused, or did not answer in time.
        """
        wanted, gone = list(topics), 0
        if not wanted:
            return gone
        try:
            for future in self._admin.delete_topics(wanted, operation_timeout=ADMIN_TIMEOUT).values():
                try:
                    future.result(ADMIN_TIMEOUT)
                    gone += 1
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                        raise
        except (KafkaException, FutureTimeout) as error:
            raise StreamError(f"Kafka did not delete a topic: {told(error)}") from None
        return gone

    def reachable(self, timeout: float = 2.0) -> bool:
        """True if a broker answers."""
        try:
            self._admin.list_topics(timeout=timeout)
        except KafkaException:
            return False
        return True
