"""Compares the protocol of the consumer groups that is set with what the brokers are configured for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import TimeoutError as FutureTimeout

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from core.kafka.client import client_config, redact_topics
from core.settings import KafkaSettings

log = logging.getLogger(__name__)

#: Seconds that each of the two requests may take.
TIMEOUT = 5.0
PROTOCOLS, SESSION = "group.coordinator.rebalance.protocols", "group.consumer.session.timeout.ms"
#: The digits of a setting that is a number of milliseconds.
MAX_DIGITS = 9


def check_group_protocol(settings: KafkaSettings) -> None:
    """Log what the brokers lack for `KAFKA_GROUP_PROTOCOL=consumer`, if that is set.

    librdkafka says nothing about a broker without this protocol: it waits for another broker. Nothing ends
    here, since a broker may also keep its settings to itself.

    Args:
        settings: how to reach the broker.
    """
    if settings.group_protocol != "consumer":
        return
    try:
        problem = group_protocol_problem(_broker_settings(settings), settings.session_timeout_ms)
    except (KafkaException, FutureTimeout) as error:
        problem = f"the broker did not return its settings: {redact_topics(error)}"
    if problem is not None:
        log.warning("KAFKA_GROUP_PROTOCOL=consumer: %s", problem)


def group_protocol_problem(broker: Mapping[str, str | None], session_timeout_ms: int) -> str | None:
    """Return what a broker lacks for the protocol `consumer`; None if nothing.

    Args:
        broker: the broker's settings.
        session_timeout_ms: the longest session that is intended, in milliseconds.
    """
    session = broker.get(SESSION) or ""
    protocols = (broker.get(PROTOCOLS) or "consumer").split(",")
    if not session.isdecimal() or len(session) > MAX_DIGITS or "consumer" not in map(str.strip, protocols):
        return (
            "the broker does not say that it has this protocol (Apache Kafka 4.0 has it). Without it no "
            "message is consumed; set KAFKA_GROUP_PROTOCOL=classic."
        )
    if int(session) > session_timeout_ms:
        return (
            f"the broker waits {session} ms for a member that has failed. Set its {SESSION} to "
            f"{session_timeout_ms} (KAFKA_SESSION_TIMEOUT_MS) or less."
        )
    return None


def _broker_settings(settings: KafkaSettings) -> dict[str, str | None]:
    """Return the settings of one broker.

    Raises:
        KafkaException, FutureTimeout: there is no answer, or the broker does not permit it.
    """
    admin = AdminClient(client_config(settings))
    nodes = admin.describe_cluster(request_timeout=TIMEOUT).result(TIMEOUT).nodes
    if not nodes:
        return {}
    resource = ConfigResource(ConfigResource.Type.BROKER, str(nodes[0].id))
    entries = admin.describe_configs([resource], request_timeout=TIMEOUT)[resource].result(TIMEOUT)
    return {name: entry.value for name, entry in entries.items()}
