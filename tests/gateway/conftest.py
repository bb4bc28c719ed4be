"""What the gateway's tests share; hypothesis has no deadline for one example, since machines are busy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from core.settings import KafkaSettings
from core.streams import Publisher

settings.register_profile("unit", deadline=None, max_examples=60)
settings.load_profile("unit")


@pytest.fixture
def publisher(kafka: KafkaSettings) -> Iterator[Publisher]:
    """Publishes to the broker of the module's own `kafka`."""
    made = Publisher(kafka)
    yield made
    made.close()
