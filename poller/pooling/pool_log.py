"""Reads the records of all pooled jobs: a poller that takes the pool over knows what was submitted."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.errors import EventError, StreamError
from core.kafka.topic_feed import TopicFeed
from core.kafka.topic_logs import LogEntry
from core.kafka.topics import POOLS
from core.protocol import PoolRecord, decode
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

#: The records that are read at the start, the newest.
HISTORY = 20_000


class PoolLog:
    """Hands over each record of the topic `pools`.

    Args:
        kafka: how to reach the broker.
        received: called in a thread with each record.
    """

    def __init__(self, kafka: KafkaSettings, received: Callable[[PoolRecord], None]) -> None:
        self._received = received
        self._feed = TopicFeed(kafka, POOLS, HISTORY, "records of pooled jobs", self._record)

    def catch_up(self, timeout: float) -> None:
        """Wait until the records that were published before this call are handed over. Thread-safe.

        Args:
            timeout: the longest wait in seconds.

        Raises:
            StreamError: the broker is too slow.
        """
        if not self._feed.catch_up(timeout):
            raise StreamError("The records of pooled jobs were not read in time.")

    def close(self) -> None:
        """Stop. No other call may follow."""
        self._feed.close()

    def _record(self, entry: LogEntry) -> None:
        try:
            record = decode(PoolRecord, entry.value)
        except EventError as error:
            log.error("a record of a pooled job is ignored: %s", error.message)
        else:
            self._received(record)
