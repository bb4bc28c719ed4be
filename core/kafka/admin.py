"""Creates, lists and deletes topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import TimeoutError as FutureTimeout

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from core.errors import StreamError
from core.kafka.client import client_config, redact_topics
from core.settings import KafkaSettings

#: Seconds an administrative call may take.
ADMIN_TIMEOUT = 15.0


class Topics:
    """Makes topics and looks at them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._replication_factor = settings.replication_factor
        self._admin = AdminClient(client_config(settings))

    def ensure(self, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
        """Create those of `topics` (name to number of partitions) that do not exist.

        Raises:
            StreamError: the broker refused, or did not answer in time.
        """
        wanted = [
            NewTopic(
                name,
                num_partitions=partitions,
                replication_factor=self._replication_factor,
                config=dict(config or {}),
            )
            for name, partitions in topics.items()
        ]
        try:
            futures = self._admin.create_topics(wanted, operation_timeout=ADMIN_TIMEOUT)
            for future in futures.values():
                try:
                    future.result(ADMIN_TIMEOUT)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise
        except (KafkaException, FutureTimeout) as error:
            reason = error if isinstance(error, KafkaException) else f"no answer within {ADMIN_TIMEOUT:.0f} s"
            raise StreamError(f"Kafka did not create a topic: {reason}") from None

    def names(self) -> list[str]:
        """All topics; StreamError if the broker does not tell."""
        try:
            return list(self._admin.list_topics(timeout=ADMIN_TIMEOUT).topics)
        except KafkaException as error:
            raise StreamError(f"Kafka did not list its topics: {redact_topics(error)}") from None

    def delete(self, topics: Iterable[str]) -> int:
        """Delete these, and do not mind if somebody else was faster; gives how many are gone by this call.

        Raises:
            StreamError: the broker refused, or did not answer in time.
        """
        wanted, gone = list(topics), 0
        if not wanted:
            return gone
        try:
            for future in self._admin.delete_topics(wanted, operation_timeout=ADMIN_TIMEOUT).values():
                try:
                    future.result(ADMIN_TIMEOUT)
                    gone += 1
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                        raise
        except (KafkaException, FutureTimeout) as error:
            raise StreamError(f"Kafka did not delete a topic: {redact_topics(error)}") from None
        return gone

    def reachable(self, timeout: float = 2.0) -> bool:
        """True if a broker answers."""
        try:
            self._admin.list_topics(timeout=timeout)
        except KafkaException:
            return False
        return True
