"""Reads a topic of one partition in a thread of its own, from its newest messages on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from core.errors import StreamError
from core.kafka.topic_logs import LogEntry, LogFailure, TopicLogs, TopicUnknownError
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds in which the broker must say where the topic ends.
OFFSETS_TIMEOUT = 5.0
#: Seconds that one poll waits, and seconds between attempts to read the topic.
POLL, RETRY = 0.1, 0.5


class TopicFeed:
    """A thread that hands over each message of a topic, and continues when the broker is back.

    Args:
        kafka: how to reach the broker.
        topic: the topic.
        history: the most messages from before the start that are read, the newest.
        contents: what the messages are, for the log.
        received: called in the thread with each message. It must not raise.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topic: str,
        history: int,
        contents: str,
        received: Callable[[LogEntry], None],
    ) -> None:
        self._topic = topic
        self._history = history
        self._contents = contents
        self._received = received
        self._logs, self._ends = TopicLogs(kafka), TopicLogs(kafka)
        #: One thread at a time may use `_ends`.
        self._ends_lock = threading.Lock()
        self._read = threading.Condition()
        #: The offset of the next message; -1 before the topic is read.
        self._position = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed-{topic}", daemon=True)
        self._thread.start()

    def catch_up(self, timeout: float) -> bool:
        """Wait until the messages that were published before this call are handed over. Thread-safe.

        Args:
            timeout: the longest wait in seconds.

        Returns:
            False if they were not in time.

        Raises:
            StreamError: the broker does not say where the topic ends.
        """
        deadline = time.monotonic() + timeout
        with self._ends_lock:
            end = self._ends.offsets(self._topic, max(0.1, deadline - time.monotonic())).stop
        with self._read:
            left = max(0.0, deadline - time.monotonic())
            return self._read.wait_for(lambda: self._position >= end or self._stop.is_set(), left)

    def close(self) -> None:
        """Stop. No other call may follow."""
        self._stop.set()
        with self._read:
            self._read.notify_all()
        self._thread.join(2)
        with self._ends_lock:
            self._ends.close()

    # --- the thread -----------------------------------------------------------------------------------------

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
                        self._logs.unfollow([self._topic])
                        followed = False
                    raise entry.error
            except StreamError as error:
                log.warning("the %s cannot be read now: %s", self._contents, error.message)
                self._stop.wait(RETRY)
                continue
            if entry is not None:
                self._received(entry)
                self._move(entry.offset + 1)
        self._logs.close()

    def _follow(self) -> None:
        offsets = self._logs.offsets(self._topic, OFFSETS_TIMEOUT)
        first = max(offsets.start, offsets.stop - self._history)
        self._logs.follow({self._topic: first})
        self._move(first)

    def _move(self, position: int) -> None:
        with self._read:
            self._position = position
            self._read.notify_all()
