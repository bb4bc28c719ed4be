"""A broker that does not fit the protocol of the consumer groups is reported at the start."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.kafka.group_protocol import PROTOCOLS, SESSION, check_group_protocol, group_protocol_problem
from core.settings import KafkaSettings
from testkit.replicas import broker


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({SESSION: "6000", PROTOCOLS: "classic,consumer,streams"}, None),
        ({SESSION: "6000", PROTOCOLS: "classic, consumer"}, None),
        ({SESSION: "5000"}, None),
        ({SESSION: "45000"}, f"45000 ms for a member that has failed. Set its {SESSION} to 6000"),
        ({SESSION: "45000", PROTOCOLS: "classic"}, "KAFKA_GROUP_PROTOCOL=classic"),
        ({SESSION: "9" * 5_000}, "KAFKA_GROUP_PROTOCOL=classic"),
        ({SESSION: None}, "KAFKA_GROUP_PROTOCOL=classic"),
        ({}, "KAFKA_GROUP_PROTOCOL=classic"),
    ],
)
def test_what_a_broker_lacks(settings: dict[str, str | None], problem: str | None) -> None:
    found = group_protocol_problem(settings, 6_000)
    assert found is None if problem is None else problem in str(found)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    with broker(tmp_path_factory.mktemp("broker")) as settings:
        yield settings


def test_the_local_broker_has_only_the_classic_protocol(
    local: KafkaSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        check_group_protocol(local)
        assert not caplog.messages
        check_group_protocol(replace(local, group_protocol="consumer"))
    [message] = [text for text in caplog.messages if text.startswith("KAFKA_GROUP_PROTOCOL")]
    assert "set KAFKA_GROUP_PROTOCOL=classic" in message
