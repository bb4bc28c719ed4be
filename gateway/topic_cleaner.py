"""Removes clients' topics that nobody can use any more.

A topic's name tells when it was made, its newest message when it was last used. A token is good for the
session's lifetime from its making or its renewal, and both leave their trace there: a topic with no trace
for longer than that, and a day, has no good token. Any number of replicas may do this at once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence

from core.errors import EventError, StreamError
from core.kafka.admin import Topics
from core.kafka.topic_logs import LogEntry, TopicLogs
from core.kafka.topics import made_at
from core.protocol import ResultEvent, decode
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

#: What a renewal leaves in the topic; no event, and so shown to nobody.
RENEWED = b"{}"
#: Seconds between rounds, and topics that one round looks at: 14,400 a day, and no burden to a broker.
EVERY, MAX_TOPICS = 600.0, 100
#: Seconds that looking at the topics of a round may take.
LOOK_TIMEOUT = 20.0
#: Seconds for which a topic waits for a job that has not ended.
LONGEST_JOB = 30 * 86_400.0


class TopicCleaner:
    """One thread that wakes up now and then.

    Args:
        kafka: how to reach the broker.
        topics: administers them.
        lifetime: seconds without a sign of life after which a topic is removed.
    """

    def __init__(self, kafka: KafkaSettings, topics: Topics, lifetime: float) -> None:
        self._kafka = kafka
        self._topics = topics
        self._lifetime = lifetime
        self.removed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="topic-cleaner", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; a round under way is not waited for long."""
        self._stop.set()
        self._thread.join(2)

    def _run(self) -> None:
        # Replicas that start together do not come together.
        while not self._stop.wait(EVERY * random.uniform(0.5, 1.5)):
            try:
                self.round(time.time())
            except StreamError as error:
                log.warning("clients' topics were not looked at: %s", error.message)
            except Exception:
                log.exception("clients' topics were not looked at")

    def round(self, now: float) -> int:
        """Look at some of the topics that are old enough, and remove those not used; gives how many.

        Raises:
            StreamError: the broker did not answer or refused.
        """
        old = [
            name
            for name in self._topics.names()
            if (made := made_at(name)) is not None and now - made > self._lifetime
        ]
        # By chance, so that old ones that are still in use do not keep the others from being seen.
        some = random.sample(old, min(MAX_TOPICS, len(old)))
        gone = self._topics.delete(self._unused(some, now)) if some else 0
        if gone:
            self.removed += gone
            log.info("removed topics of clients that are gone", extra={"count": gone})
        return gone

    def _unused(self, topics: Sequence[str], now: float) -> list[str]:
        """Those without a sign of life in their newest message; one that cannot be read is left."""
        logs = TopicLogs(self._kafka)
        end = time.monotonic() + LOOK_TIMEOUT
        unused: list[str] = []
        newest: dict[str, int] = {}
        try:
            for topic in topics:
                left = end - time.monotonic()
                if left <= 0 or self._stop.is_set():
                    break
                offsets = logs.offsets(topic, left)
                if offsets:
                    newest[topic] = offsets.stop - 1
                else:
                    unused.append(topic)
            return unused + self._silent(logs, newest, now, end)
        finally:
            logs.close()

    def _silent(self, logs: TopicLogs, newest: dict[str, int], now: float, end: float) -> list[str]:
        """Of topics, by the offset of their newest message, those for which it is too long ago."""
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
    """True for an event of a job that has not ended: its poller will still write to the topic."""
    try:
        return not decode(ResultEvent, data).final
    except EventError:
        return False
