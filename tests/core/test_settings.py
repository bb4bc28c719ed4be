"""Settings: each variable that is missing, of the wrong type or out of range is named; no secret is shown."""

from __future__ import annotations

from typing import Any

import pytest

from core import settings
from core.errors import SettingsError
from core.settings import KafkaSettings, ProviderSettings, is_setting

SECRET = "s3cret-api-key"

KAFKA = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092"}
SASL = KAFKA | {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_USERNAME": "token",
    "KAFKA_SASL_PASSWORD": SECRET,
}
IBM = {
    "QISKIT_IBM_TOKEN": SECRET,
    "QISKIT_IBM_INSTANCE": "crn:v1:bluemix:public:quantum-computing:us-east:a/1:2::",
}
SIMULATOR = {"SIMULATOR_URL": "http://127.0.0.1:8090", "SIMULATOR_API_KEY": "simulator-key"}


def refused(make: Any, env: dict[str, str], variable: str) -> str:
    """The message of the refusal, which names the variable for people and for programs."""
    with pytest.raises(SettingsError) as caught:
        make(env)
    assert caught.value.details == {"variable": variable}
    assert variable in caught.value.message
    assert SECRET not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("value", [{}, {"X": ""}, {"X": "   "}])
def test_a_missing_variable_has_its_default_or_is_named(value: dict[str, str]) -> None:
    assert settings.text(value, "X", "default") == "default"
    refused(lambda env: settings.text(env, "X"), value, "X")


def test_blanks_around_a_value_are_a_slip_of_the_pen() -> None:
    assert settings.text({"X": " a b \n"}, "X") == "a b"
    assert settings.integer({"X": " 7 "}, "X", 1, 1, 9) == 7


@pytest.mark.parametrize("value", ["x", "1.5", "0x10", "--1", "1e3", "0", "10", "-1", "9" * 5_000])
def test_an_integer_is_whole_and_within_its_limits(value: str) -> None:
    refused(lambda env: settings.integer(env, "X", 1, 1, 9), {"X": value}, "X")


@pytest.mark.parametrize("value", ["x", "nan", "inf", "-inf", "0.5", "9.5"])
def test_a_number_is_finite_and_within_its_limits(value: str) -> None:
    refused(lambda env: settings.number(env, "X", 1, 1, 9), {"X": value}, "X")


def test_limits_are_inclusive() -> None:
    assert [settings.integer({"X": value}, "X", 5, 1, 9) for value in ("1", "9", "")] == [1, 9, 5]
    assert [settings.number({"X": value}, "X", 5, 1, 9) for value in ("1", "9", "2.5")] == [1.0, 9.0, 2.5]


@pytest.mark.parametrize(
    "value",
    [
        "host",
        "host:80",
        "ftp://host",
        "http://",
        "http:///path",
        "http://[::1",
        "http://h:port",
        "http://h:99999",
    ],
)
def test_a_url_is_http_with_a_host_and_a_port_that_can_be(value: str) -> None:
    refused(lambda env: settings.url(env, "X"), {"X": value}, "X")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://host", "http://host"),
        ("https://host:8443/base/", "https://host:8443/base"),
        ("http://[::1]:80//", "http://[::1]:80"),
    ],
)
def test_a_url_has_no_slash_at_its_end(value: str, expected: str) -> None:
    assert settings.url({"X": value}, "X") == expected


def test_kafka_needs_no_more_than_an_address() -> None:
    kafka = KafkaSettings.from_env(KAFKA)
    assert kafka == KafkaSettings("127.0.0.1:9092")
    assert kafka.client() == {"bootstrap.servers": "127.0.0.1:9092", "security.protocol": "PLAINTEXT"}
    refused(KafkaSettings.from_env, {}, "KAFKA_BOOTSTRAP_SERVERS")


def test_every_kafka_variable_is_read() -> None:
    env = SASL | {
        "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SSL_CA_LOCATION": "/ca.pem",
        "KAFKA_FETCH_WAIT_MAX_MS": "10",
        "KAFKA_SESSION_TIMEOUT_MS": "6000",
        "KAFKA_REPLICATION_FACTOR": "3",
        "KAFKA_PARTITIONS": "12",
    }
    assert KafkaSettings.from_env(env) == KafkaSettings(
        bootstrap_servers="127.0.0.1:9092",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="token",
        sasl_password=SECRET,
        ssl_ca_location="/ca.pem",
        fetch_wait_max_ms=10,
        session_timeout_ms=6000,
        replication_factor=3,
        partitions=12,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KAFKA_SECURITY_PROTOCOL", "TLS"),
        ("KAFKA_FETCH_WAIT_MAX_MS", "0"),
        ("KAFKA_FETCH_WAIT_MAX_MS", "soon"),
        ("KAFKA_SESSION_TIMEOUT_MS", "5999"),
        ("KAFKA_REPLICATION_FACTOR", "0"),
        ("KAFKA_PARTITIONS", "1001"),
    ],
)
def test_a_wrong_kafka_variable_is_named(variable: str, value: str) -> None:
    assert value in refused(KafkaSettings.from_env, KAFKA | {variable: value}, variable)


@pytest.mark.parametrize("protocol", ["SASL_SSL", "SASL_PLAINTEXT"])
@pytest.mark.parametrize("variable", ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"])
def test_sasl_needs_a_user_and_a_password(protocol: str, variable: str) -> None:
    env = SASL | {"KAFKA_SECURITY_PROTOCOL": protocol}
    del env[variable]
    refused(KafkaSettings.from_env, env, variable)


@pytest.mark.parametrize(
    ("protocol", "sasl", "ca"),
    [
        ("PLAINTEXT", False, False),
        ("SSL", False, True),
        ("SASL_PLAINTEXT", True, False),
        ("SASL_SSL", True, True),
    ],
)
def test_the_client_is_told_what_its_protocol_uses(protocol: str, sasl: bool, ca: bool) -> None:
    env = SASL | {"KAFKA_SECURITY_PROTOCOL": protocol, "KAFKA_SSL_CA_LOCATION": "/ca.pem"}
    client = KafkaSettings.from_env(env).client()
    assert ({"sasl.mechanism", "sasl.username", "sasl.password"} <= set(client)) is sasl
    assert (client.get("ssl.ca.location") == "/ca.pem") is ca


def test_no_secret_is_in_a_repr() -> None:
    kafka = KafkaSettings.from_env(SASL)
    provider = ProviderSettings.from_env(IBM | SIMULATOR)
    assert SECRET not in repr(kafka)
    assert SECRET not in f"{provider!r} {provider.hardware} {provider.simulator!s}"
    assert "simulator-key" not in repr(provider)
    assert (kafka.sasl_password, provider.hardware.token) == (SECRET, SECRET)


@pytest.mark.parametrize(
    ("env", "hardware", "simulator"),
    [
        (IBM, None, None),
        (SIMULATOR, SIMULATOR["SIMULATOR_URL"], SIMULATOR["SIMULATOR_URL"]),
        (IBM | SIMULATOR, None, SIMULATOR["SIMULATOR_URL"]),
        (IBM | {"QISKIT_IBM_URL": "https://eu.example/"}, "https://eu.example", "https://eu.example"),
    ],
)
def test_each_backend_type_has_its_account(
    env: dict[str, str], hardware: str | None, simulator: str | None
) -> None:
    provider = ProviderSettings.from_env(env)
    assert provider.account("hardware").url == hardware
    assert provider.account("simulator").url == simulator
    assert provider.account("noisy_simulator").url == simulator


def test_an_account_of_ibm_names_its_instance_and_a_simulator_need_not() -> None:
    refused(ProviderSettings.from_env, {"QISKIT_IBM_TOKEN": SECRET}, "QISKIT_IBM_INSTANCE")
    assert ProviderSettings.from_env(SIMULATOR).simulator.instance.startswith("crn:v1:")
    assert ProviderSettings.from_env(IBM).hardware.instance == IBM["QISKIT_IBM_INSTANCE"]


@pytest.mark.parametrize("env", [{}, {"QISKIT_IBM_TOKEN": ""}, {"SIMULATOR_API_KEY": ""}])
def test_some_provider_is_needed(env: dict[str, str]) -> None:
    message = refused(ProviderSettings.from_env, env, "QISKIT_IBM_TOKEN")
    assert "SIMULATOR_API_KEY" in message


@pytest.mark.parametrize(
    ("env", "missing"),
    [
        ({"SIMULATOR_URL": "http://127.0.0.1:1"}, "SIMULATOR_API_KEY"),
        ({"SIMULATOR_API_KEY": SECRET}, "SIMULATOR_URL"),
        ({"SIMULATOR_API_KEY": SECRET, "SIMULATOR_INSTANCE": "crn:x"}, "SIMULATOR_URL"),
        ({"QISKIT_IBM_URL": "http://127.0.0.1:1"}, "QISKIT_IBM_TOKEN"),
    ],
)
def test_half_an_account_is_told_what_is_missing(env: dict[str, str], missing: str) -> None:
    refused(ProviderSettings.from_env, env, missing)


@pytest.mark.parametrize("name", ["KAFKA_BOOTSTRAP_SERVERS", "SIMULATOR_URL", "IAM_URL", "A1_B2"])
def test_settings_are_told_from_an_algorithms_own_names(name: str) -> None:
    assert is_setting(name)
    assert not is_setting(name.split("_")[0])
    assert not is_setting(name.lower())
    assert not is_setting(name + "x")


def test_a_wrong_provider_url_is_named() -> None:
    refused(ProviderSettings.from_env, SIMULATOR | {"SIMULATOR_URL": "8090"}, "SIMULATOR_URL")
