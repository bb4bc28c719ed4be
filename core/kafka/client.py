"""Settings and error handling that all Kafka clients share."""

from __future__ import annotations

import logging
import re
from typing import Any

from confluent_kafka import KafkaError

from core.settings import KafkaSettings

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
