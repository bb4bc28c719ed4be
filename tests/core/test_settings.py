"""Settings: each variable that is missing, of the wrong type or out of range is named; no secret is shown."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import SettingsError
from core.settings import (
    REQUIRED,
    KafkaSettings,
    Kind,
    ProviderSettings,
    Setting,
    SettingsTable,
    Source,
    command_line,
    is_setting,
)
from core.settings.kinds import (
    BOOLEAN,
    EXACT_URL,
    PORT,
    PORT_OR_FREE,
    POSITIVE,
    SWITCH,
    TEXT,
    URL,
    WHOLE,
    choice,
    integer,
    number,
    pattern,
)
from core.settings.openwhisk import WHISK_ADDRESS, WHISK_KEY

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
    """The message of the rejection, which names the variable for people and for programs."""
    with pytest.raises(SettingsError) as caught:
        make(env)
    assert caught.value.details == {"variable": variable}
    assert variable in caught.value.message
    assert SECRET not in caught.value.message
    return caught.value.message


def setting(kind: Kind[Any], default: Any = REQUIRED, **more: Any) -> Setting[Any]:
    """A setting for these tests."""
    return Setting("X_Y", kind, default, "for tests", **more)


@pytest.mark.parametrize("env", [{}, {"X_Y": ""}, {"X_Y": "   "}])
def test_a_missing_variable_has_its_default_or_is_named(env: dict[str, str]) -> None:
    with_default = setting(TEXT, "default")
    assert with_default.read(env) == "default"
    assert not with_default.is_set(env)
    refused(setting(TEXT).read, env, "X_Y")
    refused(with_default.require, env, "X_Y")


def test_surrounding_blanks_are_ignored() -> None:
    assert setting(TEXT).read({"X_Y": " a b \n"}) == "a b"
    assert setting(integer(1, 9)).read({"X_Y": " 7 "}) == 7


WRONG: list[tuple[Kind[Any], list[str]]] = [
    (integer(1, 9), ["x", "1.5", "0x10", "--1", "1e3", "0", "10", "-1", "9" * 5_000]),
    (integer(1), ["0", "-1", "x"]),
    (WHOLE, ["1.5", "x"]),
    (number(1, 9), ["x", "nan", "inf", "-inf", "0.5", "9.5"]),
    (number(0), ["-0.1", "inf", "nan"]),
    (POSITIVE, ["0", "-1", "nan", "inf", "x"]),
    (PORT, ["0", "65536", "http", "-1", "80a"]),
    (PORT_OR_FREE, ["-1", "65536"]),
    (choice("a", "b"), ["A", "c"]),
    (choice("a", "b", ignore_case=True), ["c"]),
    (BOOLEAN, ["2", "yes"]),
    (pattern("[a-z]+", "lower-case letters"), ["A", "a1", "é"]),
    (URL, ["host", "host:80", "ftp://host", "http://", "http:///path", "http://[::1", "http://h:port"]),
    (EXACT_URL, ["http://h:99999", "host"]),
    (WHISK_ADDRESS, ["ftp://host", "http://", "https:///path"]),
    (WHISK_KEY, ["user", "password only"]),
]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(kind, text, id=f"{kind.requirement}: {text[:9]}")
        for kind, texts in WRONG
        for text in texts
    ],
)
def test_a_wrong_value_is_refused_with_what_it_must_be(kind: Kind[Any], text: str) -> None:
    message = refused(setting(kind).read, {"X_Y": text}, "X_Y")
    assert message.startswith(f"X_Y must be {kind.requirement}, not {text[:100]!r}")
    assert len(message) < 300


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (integer(1, 9), "1", 1),
        (integer(1, 9), "9", 9),
        (number(1, 9), "1", 1.0),
        (number(1, 9), "9", 9.0),
        (number(1, 9), "2.5", 2.5),
        (POSITIVE, "1e-9", 1e-9),
        (PORT_OR_FREE, "0", 0),
        (choice("a", "B", ignore_case=True), "b", "B"),
        (BOOLEAN, "True", True),
        (BOOLEAN, "0", False),
        (URL, "http://host", "http://host"),
        (URL, "https://host:8443/base/", "https://host:8443/base"),
        (URL, "http://[::1]:80//", "http://[::1]:80"),
        (EXACT_URL, "https://issuer/", "https://issuer/"),
        (WHISK_ADDRESS, "whisk.example.com/", "https://whisk.example.com"),
        (WHISK_KEY, "user:password", "user:password"),
    ],
)
def test_a_right_value_is_read(kind: Kind[Any], text: str, value: object) -> None:
    assert setting(kind).read({"X_Y": text}) == value


def test_a_wrong_secret_is_not_repeated() -> None:
    message = refused(setting(WHISK_KEY, secret=True).read, {"X_Y": SECRET}, "X_Y")
    assert message == "X_Y must be an OpenWhisk key, user:password."


TABLE = SettingsTable(
    "python -m part",
    "For tests.",
    (
        setting(integer(1, 9), 5, flag="--count"),
        Setting("ONLY_VARIABLE", TEXT, "", "has no flag, 100 % sure"),
        Setting("", SWITCH, False, "has no variable", "--loud"),
        Setting("", Kind("pairs", lambda text: text.split("\0"), repeats=True), [], "repeats", "--pair"),
    ),
)
COUNT, ONLY_VARIABLE, LOUD, PAIR = TABLE.rows


@pytest.mark.parametrize(
    ("arguments", "env", "values"),
    [
        ([], {}, [5, "", False, []]),
        ([], {"X_Y": "6", "ONLY_VARIABLE": "v"}, [6, "v", False, []]),
        (["--count", "7"], {"X_Y": "6"}, [7, "", False, []]),
        (["--count", "7"], {"X_Y": "wrong"}, [7, "", False, []]),
        (["--loud", "--pair", "a b", "--pair", "c\nd"], {}, [5, "", True, ["a b", "c\nd"]]),
        ([], {"--loud": "1", "--pair": "a"}, [5, "", False, []]),
    ],
)
def test_a_flag_takes_precedence_over_its_variable(
    arguments: list[str], env: dict[str, str], values: list[object]
) -> None:
    def build(source: Source) -> list[object]:
        return [row.read(source) for row in TABLE.rows]

    assert command_line.parse(TABLE, arguments, env, build) == values


@pytest.mark.parametrize(
    ("arguments", "env", "message"),
    [
        (["--count", "0"], {}, "--count (X_Y) must be a whole number from 1 to 9, not '0'."),
        ([], {"X_Y": "x"}, "--count (X_Y) must be a whole number from 1 to 9, not 'x'."),
        (["--nothing"], {}, "unrecognized arguments: --nothing"),
    ],
)
def test_a_wrong_command_line_ends_with_status_2(
    arguments: list[str], env: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.parse(TABLE, arguments, env, COUNT.read)
    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith(f"python -m part: error: {message}\n")


def test_help_has_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command_line.parse(TABLE, ["--help"], {"X_Y": "wrong"}, COUNT.read)
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "--count VALUE for tests [X_Y; default: 5]" in text
    assert "--loud has no variable --pair" in text
    assert "environment variables: ONLY_VARIABLE has no flag, 100 % sure [default: none]" in text


def test_kafka_needs_only_an_address() -> None:
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
        "KAFKA_GROUP_PROTOCOL": "consumer",
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
        group_protocol="consumer",
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
        ("KAFKA_GROUP_PROTOCOL", "share"),
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
def test_the_client_gets_what_its_protocol_uses(protocol: str, sasl: bool, ca: bool) -> None:
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


def test_an_ibm_account_needs_its_instance_and_a_simulator_does_not() -> None:
    refused(ProviderSettings.from_env, {"QISKIT_IBM_TOKEN": SECRET}, "QISKIT_IBM_INSTANCE")
    assert ProviderSettings.from_env(SIMULATOR).simulator.instance.startswith("crn:v1:")
    assert ProviderSettings.from_env(IBM).hardware.instance == IBM["QISKIT_IBM_INSTANCE"]


@pytest.mark.parametrize("env", [{}, {"QISKIT_IBM_TOKEN": ""}, {"SIMULATOR_API_KEY": ""}])
def test_a_provider_is_required(env: dict[str, str]) -> None:
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
def test_the_error_for_half_an_account_names_what_is_missing(env: dict[str, str], missing: str) -> None:
    refused(ProviderSettings.from_env, env, missing)


@pytest.mark.parametrize("name", ["KAFKA_BOOTSTRAP_SERVERS", "SIMULATOR_URL", "IAM_URL", "A1_B2"])
def test_settings_are_distinguished_from_an_algorithms_own_names(name: str) -> None:
    assert is_setting(name)
    assert not is_setting(name.split("_")[0])
    assert not is_setting(name.lower())
    assert not is_setting(name + "x")


def test_a_wrong_provider_url_is_named() -> None:
    refused(ProviderSettings.from_env, SIMULATOR | {"SIMULATOR_URL": "8090"}, "SIMULATOR_URL")
