"""Messages between the gateways about clients' topics, on the topic `sessions`.

The first message says when the log of the broker begins. The others each name a client's topic that was
created. Their keys are constant, so that compaction keeps the first message and the newest of the others.
"""

from __future__ import annotations

import time

from pydantic import BaseModel, Field

from core.errors import EventError, StreamError
from core.kafka.publisher import Publisher
from core.kafka.topic_logs import TopicLogs
from core.kafka.topics import SESSIONS
from core.protocol import TOPIC_PATTERN, decode, encode
from core.settings import KafkaSettings

#: The settings of the topic: a segment is compacted an hour after its first message.
CONFIG = {"cleanup.policy": "compact", "segment.ms": "3600000"}
#: The longest time in seconds to read the first message.
READ_TIMEOUT = 15.0

_BEGINNING, _CREATED = "beginning", "created"


class SessionNotice(BaseModel):
    """One message."""

    #: When the first gateway started with this broker, in seconds since 1970.
    since: int | None = Field(default=None, ge=0)
    #: A client's topic that was created.
    topic: str | None = Field(default=None, pattern=TOPIC_PATTERN)


def announce(publisher: Publisher, topic: str) -> None:
    """Announce to all gateways that a client's topic was created.

    Raises:
        StreamError: the broker did not acknowledge the message.
    """
    publisher.publish(SESSIONS, _CREATED, encode(SessionNotice(topic=topic)))


def created_topic(data: bytes | None) -> str | None:
    """Return the topic that a message announces; None if it announces none."""
    try:
        return decode(SessionNotice, data).topic
    except EventError:
        return None


def beginning(kafka: KafkaSettings, publisher: Publisher) -> int:
    """Return when the broker's log of sessions begins, in seconds since 1970. The first gateway records it.

    A topic whose name is older was created before, or belongs to a broker whose data was lost. A younger
    topic that does not exist was never created.

    Raises:
        StreamError: the broker did not answer in time.
    """
    logs = TopicLogs(kafka)
    end = time.monotonic() + READ_TIMEOUT
    try:
        offsets = _offsets(logs, end)
        if not offsets:
            publisher.publish(SESSIONS, _BEGINNING, encode(SessionNotice(since=int(time.time()))))
        # Two gateways that start together may both write. The first message counts.
        first = logs.first(SESSIONS, offsets.start, end - time.monotonic())
    finally:
        logs.close()
    if first is None:
        raise StreamError(f"Kafka did not deliver the first message of {SESSIONS} in time.")
    return _since(first.value)


def _since(data: bytes | None) -> int:
    try:
        return decode(SessionNotice, data).since or 0
    except EventError:
        return 0


def _offsets(logs: TopicLogs, end: float) -> range:
    """Return the offsets of the topic. It may have been created a moment ago."""
    while True:
        try:
            return logs.offsets(SESSIONS, max(0.1, end - time.monotonic()))
        except StreamError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.1)
