"""Reads single-partition topics outside any consumer group, from a chosen offset."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from core.errors import StreamError
from core.errors import TopicUnknownError as TopicUnknownError
from core.kafka.client import redact_topics
from core.kafka.consumers import topic_reader
from core.kafka.errors import UNKNOWN_TOPIC, KafkaError, KafkaException
from core.kafka.messages import Message, offset_of, timestamp_of
from core.settings import KafkaSettings

#: The topic is known, but has no leader yet: it was created a moment ago.
_LEADERLESS = (KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION)


class TopicLeaderlessError(StreamError):
    """The topic was created a moment ago and has no leader yet."""


@dataclass(frozen=True)
class LogEntry:
    """One message of a topic."""

    topic: str
    offset: int
    value: bytes | None
    #: When the message was published, in seconds since 1970; None if unknown.
    published: float | None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(frozen=True)
class LogFailure:
    """A topic that could not be read. Reading continues unless the topic is unknown."""

    topic: str
    error: StreamError


class TopicLogs:
    """A consumer of the logs of any number of topics. Only partition 0 of a topic is read.

    Not thread-safe: one thread makes all calls.

    Args:
        settings: how to reach the broker.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._consumer = topic_reader(settings)

    def offsets(self, topic: str, timeout: float) -> range:
        """Return the offsets of a topic's messages.

        Args:
            topic: the topic.
            timeout: seconds to wait for the broker.

        Raises:
            TopicUnknownError: the topic is not known to the broker.
            TopicLeaderlessError: the topic has no leader yet.
            StreamError: the broker did not answer in time.
        """
        try:
            return self._offsets(topic, timeout)
        except TopicUnknownError:
            # librdkafka may remember for minutes that a topic did not exist. This asks the broker.
            self._refresh(topic, timeout)
        return self._offsets(topic, timeout)

    def _offsets(self, topic: str, timeout: float) -> range:
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=timeout)
        except KafkaException as error:
            raise _stream_error(error.args[0]) from None
        return range(int(low), int(high))

    def _refresh(self, topic: str, timeout: float) -> None:
        """Ask the broker for a topic. Raises the errors of `offsets`."""
        try:
            metadata = self._consumer.list_topics(topic, timeout).topics[topic]
        except KafkaException as error:
            raise _stream_error(error.args[0]) from None
        if metadata.error is not None:
            raise _stream_error(metadata.error)

    def follow(self, topics: Mapping[str, int | None]) -> None:
        """Start reading topics, in addition to the others.

        Args:
            topics: the first offset to read of each topic; None for the beginning.

        Raises:
            StreamError: librdkafka rejected the call.
        """
        partitions = [
            TopicPartition(topic, 0, OFFSET_BEGINNING if offset is None else offset)
            for topic, offset in topics.items()
        ]
        try:
            self._consumer.incremental_assign(partitions)
        except KafkaException as error:
            raise _stream_error(error.args[0]) from None

    def unfollow(self, topics: Iterable[str]) -> None:
        """Stop reading topics.

        Args:
            topics: the topics.

        Raises:
            StreamError: librdkafka rejected the call.
        """
        try:
            self._consumer.incremental_unassign([TopicPartition(topic, 0) for topic in topics])
        except KafkaException as error:
            raise _stream_error(error.args[0]) from None

    def poll(self, timeout: float) -> LogEntry | LogFailure | None:
        """Return the next message of any topic.

        Args:
            timeout: seconds to wait.

        Returns:
            The message, or a failure to read a topic; None if there was neither in time.

        Raises:
            StreamError: librdkafka rejected the call.
        """
        try:
            message: Message | None = self._consumer.poll(timeout)
        except KafkaException as error:
            raise _stream_error(error.args[0]) from None
        if message is None:
            return None
        topic = str(message.topic())
        failure: Any = message.error()
        if failure:
            return LogFailure(topic, _stream_error(failure))
        headers = message.headers() or ()
        return LogEntry(topic, offset_of(message), message.value(), timestamp_of(message), headers)

    def first(self, topic: str, offset: int, timeout: float) -> LogEntry | None:
        """Start reading a topic and return its first message, of any topic if others are read too.

        Args:
            topic: the topic.
            offset: the first offset to read.
            timeout: seconds to wait for the message.

        Returns:
            The message; None if there was none in time, or the topic could not be read.

        Raises:
            StreamError: librdkafka rejected the call.
        """
        deadline = time.monotonic() + timeout
        self.follow({topic: offset})
        while (left := deadline - time.monotonic()) > 0:
            if isinstance(entry := self.poll(left), LogEntry):
                return entry
        return None

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()


def _stream_error(error: Any) -> StreamError:
    text = f"Kafka: {redact_topics(error)}"
    if error.code() in UNKNOWN_TOPIC:
        return TopicUnknownError(text)
    return TopicLeaderlessError(text) if error.code() in _LEADERLESS else StreamError(text)
