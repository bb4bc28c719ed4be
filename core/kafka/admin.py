"""Creates, lists and deletes topics."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import TimeoutError as FutureTimeout

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from core.errors import StreamError
from core.kafka.client import client_config, redact_topics
from core.kafka.topics import JOBS
from core.settings import KafkaSettings

#: Seconds an administrative call may take.
ADMIN_TIMEOUT = 15.0
#: Seconds that reading the settings of a topic may take.
CONFIG_TIMEOUT = 5.0
#: The digits of a setting that is a number of bytes.
MAX_DIGITS = 12

log = logging.getLogger(__name__)


class Topics:
    """Creates, lists and deletes topics.

    Args:
        settings: how to reach the broker.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._replication_factor = settings.replication_factor
        self._admin = AdminClient(client_config(settings))

    def ensure(self, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
        """Create the topics that do not exist yet.

        Args:
            topics: the number of partitions of each topic, by name.
            config: the settings of new topics.

        Raises:
            StreamError: the broker rejected a topic, or did not answer in time.
        """
        new_topics = [
            NewTopic(
                name,
                num_partitions=partitions,
                replication_factor=self._replication_factor,
                config=dict(config or {}),
            )
            for name, partitions in topics.items()
        ]
        try:
            futures = self._admin.create_topics(new_topics, operation_timeout=ADMIN_TIMEOUT)
            for future in futures.values():
                try:
                    future.result(ADMIN_TIMEOUT)
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                        raise
        except (KafkaException, FutureTimeout) as error:
            reason = error if isinstance(error, KafkaException) else f"no answer within {ADMIN_TIMEOUT:.0f} s"
            raise StreamError(f"Kafka did not create a topic: {redact_topics(reason)}") from None

    def names(self) -> list[str]:
        """Return the names of all topics.

        Raises:
            StreamError: the broker did not answer in time.
        """
        try:
            return list(self._admin.list_topics(timeout=ADMIN_TIMEOUT).topics)
        except KafkaException as error:
            raise StreamError(f"Kafka did not list its topics: {redact_topics(error)}") from None

    def delete(self, topics: Iterable[str]) -> int:
        """Delete topics. Topics that do not exist are skipped.

        Args:
            topics: the names.

        Returns:
            The number of topics that this call deleted.

        Raises:
            StreamError: the broker rejected a deletion, or did not answer in time.
        """
        names, deleted = list(topics), 0
        if not names:
            return deleted
        try:
            for future in self._admin.delete_topics(names, operation_timeout=ADMIN_TIMEOUT).values():
                try:
                    future.result(ADMIN_TIMEOUT)
                    deleted += 1
                except KafkaException as error:
                    if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                        raise
        except (KafkaException, FutureTimeout) as error:
            raise StreamError(f"Kafka did not delete a topic: {redact_topics(error)}") from None
        return deleted

    def exists(self, name: str, timeout: float = ADMIN_TIMEOUT) -> bool:
        """Return whether a broker knows a topic. The broker is asked at every call.

        Args:
            name: the topic.
            timeout: seconds to wait for the answer.

        Raises:
            StreamError: no broker answered in time.
        """
        try:
            # Not `list_topics`, which creates the topic if the broker permits that.
            described = self._admin.describe_topics(TopicCollection([name]), request_timeout=timeout)
            described[name].result(timeout + 1)
        except (KafkaException, FutureTimeout) as error:
            if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return False
            raise StreamError(f"Kafka did not look up a topic: {redact_topics(error)}") from None
        return True

    def max_message_bytes(self, topic: str) -> int | None:
        """Return the most bytes of a message of a topic, with its key and headers; None if unknown.

        It is unknown if the broker does not answer, does not allow this client to read the topic's settings,
        or does not have the setting.

        Args:
            topic: the topic.
        """
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        try:
            futures = self._admin.describe_configs([resource], request_timeout=CONFIG_TIMEOUT)
            value = futures[resource].result(CONFIG_TIMEOUT)["max.message.bytes"].value
            return int(value) if value.isdecimal() and len(value) < MAX_DIGITS else None
        except (KafkaException, FutureTimeout, KeyError, AttributeError) as error:
            log.warning("the size limit of a topic is unknown: %s", redact_topics(error))
            return None

    def reachable(self, timeout: float = 2.0) -> bool:
        """Return whether a broker answers. The work does not grow with the number of topics.

        Args:
            timeout: seconds to wait for the answer.
        """
        try:
            self.exists(JOBS, timeout)
        except StreamError:
            return False
        return True
