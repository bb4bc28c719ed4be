"""Reads the records of all pooled jobs: a poller that takes the pool over knows what was submitted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from core.errors import EventError, StreamError
from core.kafka.topic_logs import LogEntry, LogFailure, TopicLogs, TopicUnknownError
from core.kafka.topics import POOLS
from core.protocol import PoolRecord, decode
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

#: The records that are read at the start, the newest.
HISTORY = 20_000
#: Seconds that one poll waits, and seconds between attempts to read the topic.
POLL, RETRY = 0.1, 0.5


class PoolLog:
    """A thread that reads the topic `pools`.

    Args:
        kafka: how to reach the broker.
        received: called in the thread with each record.
    """

    def __init__(self, kafka: KafkaSettings, received: Callable[[PoolRecord], None]) -> None:
        self._received = received
        self._logs, self._ends = TopicLogs(kafka), TopicLogs(kafka)
        #: One thread at a time may use `_ends`.
        self._ends_lock = threading.Lock()
        self._read = threading.Condition()
        #: The offset of the next record; -1 before the topic is read.
        self._position = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pool-log", daemon=True)
        self._thread.start()

    def catch_up(self, timeout: float) -> None:
        """Wait until the records that were published before this call are read. Thread-safe.

        Args:
            timeout: the longest wait in seconds.

        Raises:
            StreamError: the broker is too slow.
        """
        deadline = time.monotonic() + timeout
        with self._ends_lock:
            end = self._ends.offsets(POOLS, timeout).stop
        with self._read:
            left = max(0.0, deadline - time.monotonic())
            if not self._read.wait_for(lambda: self._position >= end or self._stop.is_set(), left):
                raise StreamError("The records of pooled jobs were not read in time.")

    def close(self) -> None:
        """Stop. No other call may follow."""
        self._stop.set()
        with self._read:
            self._read.notify_all()
        self._thread.join(2)
        with self._ends_lock:
            self._ends.close()

    def _run(self) -> None:
        followed = False
        while not self._stop.is_set():
            try:
                if not followed:
                    self._follow()
                followed = True
                entry = self._logs.poll(POLL)
                if isinstance(entry, LogFailure):
                    if isinstance(entry.error, TopicUnknownError):
                        self._logs.unfollow([POOLS])
                        followed = False
                    raise entry.error
            except StreamError as error:
                log.warning("the records of pooled jobs cannot be read now: %s", error.message)
                self._stop.wait(RETRY)
                continue
            if entry is not None:
                self._record(entry)
        self._logs.close()

    def _follow(self) -> None:
        offsets = self._logs.offsets(POOLS, 5.0)
        first = max(offsets.start, offsets.stop - HISTORY)
        self._logs.follow({POOLS: first})
        self._move(first)

    def _record(self, entry: LogEntry) -> None:
        try:
            record = decode(PoolRecord, entry.value)
        except EventError as error:
            log.error("a record of a pooled job is ignored: %s", error.message)
        else:
            self._received(record)
        self._move(entry.offset + 1)

    def _move(self, position: int) -> None:
        with self._read:
            self._position = position
            self._read.notify_all()
