"""The poller's settings, and the limits of its accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import SettingsError
from poller.settings import PollerSettings

SIMULATOR = {"SIMULATOR_URL": "http://127.0.0.1:8090", "SIMULATOR_API_KEY": "k"}
IBM = {"QISKIT_IBM_TOKEN": "t", "QISKIT_IBM_INSTANCE": "crn:x"}
ENV = SIMULATOR | {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}
PAGE = 50


def test_an_account_and_a_broker_are_enough() -> None:
    settings = PollerSettings.from_env(ENV, PAGE)
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8081, 4)
    assert settings.deadline == 7 * 86_400
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"


def test_a_service_with_its_own_url_allows_more_than_ibm_quantum() -> None:
    settings = PollerSettings.from_env(ENV | IBM, PAGE)
    hardware, simulator = settings.hardware, settings.simulator
    assert (hardware.per_minute, hardware.price, hardware.list_every) == (120, 1.0, 60.0)
    assert (simulator.per_minute, simulator.price, simulator.list_every) == (None, 0.02, 10.0)
    assert hardware.page == simulator.page == PAGE
    given = {"POLLER_CALLS_PER_MINUTE": "7", "POLLER_CALL_PRICE": "0.5"}
    settings = PollerSettings.from_env(ENV | IBM | given, PAGE)
    for limits in (settings.hardware, settings.simulator):
        assert (limits.per_minute, limits.price) == (7, 0.5)
    unlimited = PollerSettings.from_env(ENV | IBM | {"POLLER_CALLS_PER_MINUTE": "0"}, PAGE)
    assert unlimited.hardware == replace(hardware, per_minute=None)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POLLER_PORT", "0"),
        ("POLLER_WORKERS", "65"),
        ("POLLER_DEADLINE_SECONDS", "0"),
        ("POLLER_CALLS_PER_MINUTE", "1"),
        ("POLLER_CALLS_PER_MINUTE", "-1"),
        ("POLLER_CALL_PRICE", "0"),
        ("POLLER_HOSTS", "http://x"),
        ("KAFKA_BOOTSTRAP_SERVERS", ""),
        ("SIMULATOR_URL", "x"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable) as caught:
        PollerSettings.from_env(ENV | {variable: value}, PAGE)
    assert caught.value.details == {"variable": variable}
