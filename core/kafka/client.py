"""Settings and error handling that all Kafka clients share."""

from __future__ import annotations

import logging
import re
import socket
from typing import Any

from confluent_kafka import KafkaError

from core.errors import StreamError
from core.settings import KafkaSettings

#: Seconds to connect to one broker.
CONNECT_TIMEOUT = 3.0
#: Brokers that are tried.
MAX_TRIED = 5

log = logging.getLogger(__name__)


def redact_topics(error: object) -> str:
    """Return the error's text without the names of clients' topics, which are secret."""
    return re.sub(r"results\.[\w-]+", "results.(a client's)", str(error))


def _on_error(error: KafkaError) -> None:
    log.warning("Kafka: %s", redact_topics(error))


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return the librdkafka settings of every client.

    librdkafka writes its own log lines to standard error and names topics in them, so it logs errors only.
    """
    return settings.client() | {"error_cb": _on_error, "log_level": 3}


def require_broker(settings: KafkaSettings) -> None:
    """Check that one of the brokers accepts connections.

    For commands: librdkafka would try again without end, with a line on standard error for each attempt.

    Raises:
        StreamError: none does; the error says why the first one does not.
    """
    failures = []
    for server in settings.bootstrap_servers.split(",")[:MAX_TRIED]:
        # A name may have a protocol in front, and an IPv6 address has brackets.
        host, _, port = server.strip().rpartition("://")[2].rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT):
                return
        except (OSError, ValueError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            failures.append(f"{server.strip()[:100]}: {reason}")
    raise StreamError(f"No broker of KAFKA_BOOTSTRAP_SERVERS can be reached: {failures[0]}.")
