"""A consumed Kafka message, typed."""

from __future__ import annotations

from typing import Protocol

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE

from core.kafka.offsets import Partition


class Message(Protocol):
    """What the parts use of a consumed message. The Kafka client's messages have these methods."""

    def error(self) -> object | None:
        """Return the error that was delivered in place of a message; None for a message."""

    def topic(self) -> str | None:
        """Return the topic."""

    def partition(self) -> int | None:
        """Return the number of the partition."""

    def offset(self) -> int | None:
        """Return the offset."""

    def key(self) -> bytes | None:
        """Return the key."""

    def value(self) -> bytes | None:
        """Return the content."""

    def headers(self) -> list[tuple[str, bytes]] | None:
        """Return the headers."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of the timestamp, and milliseconds since 1970."""


def partition_of(message: Message) -> Partition:
    """Return the topic and the number of the partition of a message."""
    return str(message.topic()), int(message.partition() or 0)


def offset_of(message: Message) -> int:
    """Return the offset of a message."""
    return int(message.offset() or 0)


def timestamp_of(message: Message) -> float | None:
    """Return when a message was published, in seconds since 1970; None if it has no timestamp."""
    kind, milliseconds = message.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds / 1000
