"""The topics of all clients that this process serves, distributed over several consumers."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from core.kafka.admin import Topics
from core.protocol import BackendInfo
from core.settings import KafkaSettings
from gateway.inbox.inbox import Inbox
from gateway.inbox.memory import Memory
from gateway.inbox.topic_reader import FETCH_WAIT_MS, TopicReader

#: The number of consumers. A fetch covers all topics of its consumer and ends with the first message, so with
#: a thousand clients eight consumers deliver results in a tenth of the time that one needs.
CONSUMERS = 8


class TopicReaders:
    """Several `TopicReader`s; each topic belongs to one of them.

    If a fetch may wait only for milliseconds (`KAFKA_FETCH_WAIT_MAX_MS`), the broker does not answer as soon
    as a message arrives, and more consumers would only send more fetches. Then there is only one.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Topics,
        on_event: Callable[[str], None] | None = None,
        since: int = 0,
    ) -> None:
        """The arguments are those of `TopicReader`."""
        count = CONSUMERS if kafka.fetch_wait_max_ms > FETCH_WAIT_MS else 1
        self.memory = Memory()
        others = [TopicReader(kafka, topics, on_event, None, since, self.memory) for _ in range(count - 1)]
        self._all = [TopicReader(kafka, topics, on_event, self._created, since, self.memory), *others]

    def _created(self, topic: str) -> None:
        self._reader(topic).created(topic)

    def _reader(self, topic: str) -> TopicReader:
        return self._all[crc32(topic.encode()) % len(self._all)]

    @property
    def backends(self) -> list[BackendInfo]:
        """The newest list of backends."""
        return self._all[0].backends

    def inbox(self, topic: str) -> Inbox:
        """Return the topic's inbox after its past events are read (see `TopicReader.inbox`)."""
        return self._reader(topic).inbox(topic)

    def open(self, topic: str) -> Inbox:
        """Return the inbox of a topic that exists (see `TopicReader.open`)."""
        return self._reader(topic).open(topic)

    def __len__(self) -> int:
        """Return the number of open inboxes."""
        return sum(map(len, self._all))

    def alive(self) -> bool:
        """Return whether messages are being read."""
        return all(reader.alive() for reader in self._all)

    def close(self) -> None:
        """Close every inbox and stop."""
        for reader in self._all:
            reader.stop()
        for reader in self._all:
            reader.close()
