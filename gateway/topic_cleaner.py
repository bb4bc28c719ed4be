"""Deletes the topics of clients whose sessions have ended.

A topic's name contains the time when its session was created, and its newest message shows when it was last
used. A token is valid for the session's lifetime after its creation or renewal. Both leave a trace in the
topic, or happen before the session's first job creates it, which leaves one too. So if the newest trace is
older than the lifetime plus a day, no valid token exists. Any number of replicas may do this at once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from core.errors import EventError, StreamError
from core.kafka.admin import Topics
from core.kafka.publisher import Publisher
from core.kafka.topic_logs import LogEntry, TopicLogs, TopicUnknownError
from core.kafka.topics import made_at
from core.protocol import ResultEvent, decode
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

#: The message that records a renewal. It is not an event, so it is not shown.
RENEWED = b"{}"
#: Seconds between rounds, and the most topics that one round checks: 1.4 million a day. One address may
#: create 864,000 sessions a day.
EVERY, MAX_TOPICS = 600.0, 10_000
#: The topics that are checked and deleted together, and the longest time in seconds to check them.
BATCH, LOOK_TIMEOUT = 100, 20.0
#: The longest time in seconds of a round.
ROUND_TIMEOUT = 300.0
#: Seconds for which a topic is kept for a job without a final event.
LONGEST_JOB = 30 * 86_400.0


class TopicCleaner:
    """A thread that deletes unused topics.

    Args:
        kafka: how to reach the broker.
        topics: administers topics.
        publisher: publishes to topics.
        lifetime: seconds without use after which a topic is deleted.
        also: called in each round; None for nothing.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Topics,
        publisher: Publisher,
        lifetime: float,
        also: Callable[[], None] | None = None,
    ) -> None:
        self._also = also
        self._kafka = kafka
        self._publisher = publisher
        self._topics = topics
        self._lifetime = lifetime
        self.removed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="topic-cleaner", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop. A round in progress ends soon."""
        self._stop.set()
        self._thread.join(2)

    def _run(self) -> None:
        # Replicas that start together must not run their rounds together.
        while not self._stop.wait(EVERY * random.uniform(0.5, 1.5)):
            try:
                if self._also is not None:
                    self._also()
                self.round(time.time())
            except StreamError as error:
                log.warning("clients' topics were not checked: %s", error.message)
            except Exception:
                log.exception("clients' topics were not checked")

    def round(self, now: float) -> int:
        """Check some of the topics that are old enough, and delete the unused ones.

        Args:
            now: the time in seconds since 1970.

        Returns:
            The number of deleted topics.

        Raises:
            StreamError: the broker did not answer, or rejected a deletion.
        """
        old = [
            name
            for name in self._topics.names()
            if (made := made_at(name)) is not None and now - made > self._lifetime
        ]
        # Chosen at random, so that old topics that are still in use do not keep others from being checked.
        some = random.sample(old, min(MAX_TOPICS, len(old)))
        end, deleted = time.monotonic() + ROUND_TIMEOUT, 0
        for batch in _batches(some):
            if time.monotonic() > end or self._stop.is_set():
                break
            deleted += self._topics.delete(self._unused_topics(batch, now))
        if deleted:
            self.removed += deleted
            log.info("deleted topics of ended sessions", extra={"count": deleted})
        return deleted

    def _unused_topics(self, topics: Sequence[str], now: float) -> list[str]:
        """Return the topics whose newest message is too old. A topic that cannot be read is kept."""
        logs = TopicLogs(self._kafka)
        end = time.monotonic() + LOOK_TIMEOUT
        unused: list[str] = []
        newest: dict[str, int] = {}
        try:
            for topic in topics:
                left = end - time.monotonic()
                if left <= 0 or self._stop.is_set():
                    break
                try:
                    offsets = logs.offsets(topic, left)
                except TopicUnknownError:
                    continue  # another replica has deleted it
                if offsets:
                    newest[topic] = offsets.stop - 1
                elif offsets.stop:
                    # All its messages have expired.
                    unused.append(topic)
                else:
                    # The first job of an old session may have created it a moment ago. With this message it
                    # is checked again after its lifetime.
                    self._publisher.publish(topic, "session", RENEWED)
            return unused + self._silent(logs, newest, now, end)
        finally:
            logs.close()

    def _silent(self, logs: TopicLogs, newest: dict[str, int], now: float, end: float) -> list[str]:
        """Return the topics whose newest message, at the given offset, is too old."""
        silent, waiting = [], set(newest)
        logs.follow(dict(newest))
        while waiting and time.monotonic() < end and not self._stop.is_set():
            entry = logs.poll(0.2)
            if not isinstance(entry, LogEntry):
                continue
            waiting.discard(entry.topic)
            age = now - (entry.published or 0.0)
            if age > (LONGEST_JOB if _under_way(entry.value) else self._lifetime):
                silent.append(entry.topic)
        return silent


def _under_way(data: bytes | None) -> bool:
    """Return whether a message is an event of an unfinished job. Its poller will write to the topic again."""
    try:
        return not decode(ResultEvent, data).final
    except EventError:
        return False


def _batches(topics: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(topics), BATCH):
        yield topics[first : first + BATCH]
