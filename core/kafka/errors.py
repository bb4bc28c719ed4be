"""The errors of the Kafka client, for parts that must not import the client itself."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

__all__ = ["TOO_LARGE", "UNKNOWN_TOPIC", "KafkaError", "KafkaException"]

#: The codes of errors about a topic that does not exist, or that a broker does not know yet.
UNKNOWN_TOPIC = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)
#: The codes of errors about a message that is larger than the topic allows.
TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_MSG_SIZE)
