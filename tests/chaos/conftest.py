"""Brokers that the tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from core.settings import KafkaSettings
from testkit.replicas import broker

#: Returns the broker of a kind, which is started once.
StartBroker = Callable[[str], KafkaSettings]


@pytest.fixture(scope="session")
def start_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartBroker]:
    """Starts brokers, and ends them with the session."""
    brokers: dict[str, KafkaSettings] = {}
    with ExitStack() as ends:

        def start(kind: str) -> KafkaSettings:
            if kind not in brokers:
                brokers[kind] = ends.enter_context(broker(tmp_path_factory.mktemp(kind), kind))
            return brokers[kind]

        yield start
