"""The errors of the Kafka client, for parts that must not import the client itself."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

__all__ = ["KafkaError", "KafkaException"]
