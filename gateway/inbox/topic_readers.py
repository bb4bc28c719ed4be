"""The topics of all clients that this process serves, shared among several consumers."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from core.protocol import BackendInfo
from core.settings import KafkaSettings
from gateway.inbox.inbox import Inbox
from gateway.inbox.topic_reader import FETCH_WAIT_MS, TopicReader

#: Consumers of one process. A fetch names all of its consumer's topics, and each message ends one: with a
#: thousand clients eight consumers had results to them in a tenth of the time that one needs.
CONSUMERS = 8


class TopicReaders:
    """As one `TopicReader`; each topic is one consumer's.

    Where a fetch may wait for a few milliseconds only (`KAFKA_FETCH_WAIT_MAX_MS`), its broker does not answer
    as soon as there is something, and more consumers would only ask it more often: there it is one.
    """

    def __init__(self, kafka: KafkaSettings, on_event: Callable[[str], None] | None = None) -> None:
        count = CONSUMERS if kafka.fetch_wait_max_ms > FETCH_WAIT_MS else 1
        self._all = [TopicReader(kafka, on_event, backends=number == 0) for number in range(count)]

    @property
    def backends(self) -> list[BackendInfo]:
        """The newest list of backends."""
        return self._all[0].backends

    def inbox(self, topic: str) -> Inbox:
        """The topic's inbox with its past read; StreamError if the broker does not give it in time."""
        return self._all[crc32(topic.encode()) % len(self._all)].inbox(topic)

    def __len__(self) -> int:
        """Inboxes that are open."""
        return sum(map(len, self._all))

    def alive(self) -> bool:
        """True while messages are read."""
        return all(reader.alive() for reader in self._all)

    def close(self) -> None:
        """Close every inbox and stop."""
        for reader in self._all:
            reader.stop()
        for reader in self._all:
            reader.close()
