"""What the gateway's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.kafka.publisher import Publisher
from core.settings import KafkaSettings


@pytest.fixture
def publisher(kafka: KafkaSettings) -> Iterator[Publisher]:
    """Publishes to the broker of `kafka`."""
    made = Publisher(kafka)
    yield made
    made.close()
