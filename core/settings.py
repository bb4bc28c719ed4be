"""Settings from environment variables (or an action's bound parameters), checked when they are read.

Every name is the one its field uses: `QISKIT_IBM_*` as qiskit-ibm-runtime reads them, `KAFKA_*` for the
client's own property names in upper case, `WHISK_*` as the `wsk` tool's properties.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from core.errors import SettingsError

Source = Mapping[str, str]

_SETTING = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


#: Every setting that an action reads, and so every name that is bound to actions when they are deployed: a
#: caller may give a value to a parameter that has none.
ACTION_SETTINGS = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SECURITY_PROTOCOL",
    "KAFKA_SASL_MECHANISM",
    "KAFKA_SASL_USERNAME",
    "KAFKA_SASL_PASSWORD",
    "KAFKA_SSL_CA_LOCATION",
    "KAFKA_FETCH_WAIT_MAX_MS",
    "KAFKA_SESSION_TIMEOUT_MS",
    "KAFKA_REPLICATION_FACTOR",
    "KAFKA_PARTITIONS",
    "QISKIT_IBM_URL",
    "QISKIT_IBM_TOKEN",
    "QISKIT_IBM_INSTANCE",
    "SIMULATOR_URL",
    "SIMULATOR_API_KEY",
    "SIMULATOR_INSTANCE",
)

#: What the manifest writes before the value of a setting. A setting that is not set is bound as this alone, a
#: string that is not empty: OpenWhisk's annotation `final` protects the parameters that have a value.
BOUND = "value:"


def bound_settings(params: Mapping[str, Any]) -> dict[str, str]:
    """The settings among an action's parameters, each as its variable would be; empty where it is not set.

    Other names that look like settings are nothing that was deployed, and are left out.
    """
    return {
        name: str(params[name]).removeprefix(BOUND)
        for name in ACTION_SETTINGS
        if params.get(name) is not None
    }


def is_setting(name: str) -> bool:
    """True for names such as `KAFKA_BOOTSTRAP_SERVERS`, which reach an action as bound parameters.

    A single upper-case word, such as the `N` of an algorithm, is no setting.
    """
    return _SETTING.fullmatch(name) is not None


def text(env: Source, name: str, default: str | None = None) -> str:
    """The variable's value; SettingsError names it if it is missing and has no default."""
    value = str(env.get(name) or "").strip()
    if value:
        return value
    if default is None:
        raise SettingsError(f"{name} is not set. Set it in the environment.", variable=name)
    return default


def integer(env: Source, name: str, default: int, low: int, high: int) -> int:
    """A whole number from `low` to `high`."""
    raw = text(env, name, str(default))
    try:
        value = int(raw)
    except ValueError:
        raise SettingsError(f"{name} must be a whole number, not {raw!r}.", variable=name) from None
    if not low <= value <= high:
        raise SettingsError(f"{name} must be from {low} to {high}, not {value}.", variable=name)
    return value


def number(env: Source, name: str, default: float, low: float, high: float) -> float:
    """A number from `low` to `high`."""
    raw = text(env, name, str(default))
    try:
        value = float(raw)
    except ValueError:
        raise SettingsError(f"{name} must be a number, not {raw!r}.", variable=name) from None
    if not low <= value <= high:
        raise SettingsError(f"{name} must be from {low} to {high}, not {value}.", variable=name)
    return value


def url(env: Source, name: str, default: str | None = None) -> str:
    """An http or https URL without a trailing slash."""
    value = text(env, name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # brackets that do not match, a port that is no port
        good = False
    if not good:
        raise SettingsError(f"{name} must be an http(s) URL, not {value!r}.", variable=name)
    return value


@dataclass(frozen=True)
class KafkaSettings:
    """How to reach Kafka: plain on one machine, SASL_SSL for IBM Event Streams.

    Event Streams wants `KAFKA_SECURITY_PROTOCOL=SASL_SSL`, `KAFKA_SASL_MECHANISM=PLAIN`,
    `KAFKA_SASL_USERNAME=token` and its API key as `KAFKA_SASL_PASSWORD`.
    """

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_ca_location: str = ""
    #: Milliseconds a fetch may wait at the broker. Kafka answers as soon as there is a message, so
    #: the long default is cheap; a broker that waits it out (Tansu) wants 10.
    fetch_wait_max_ms: int = 500
    #: Milliseconds after which a consumer that went silent loses its partitions to the others.
    session_timeout_ms: int = 10_000
    replication_factor: int = 1
    #: Partitions of the topics that pollers share: as many pollers can work at once.
    partitions: int = 6

    @classmethod
    def from_env(cls, env: Source) -> KafkaSettings:
        protocol = text(env, "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT").upper()
        if protocol not in _PROTOCOLS:
            raise SettingsError(
                f"KAFKA_SECURITY_PROTOCOL must be one of {', '.join(_PROTOCOLS)}, not {protocol!r}.",
                variable="KAFKA_SECURITY_PROTOCOL",
            )
        sasl = protocol.startswith("SASL")
        return cls(
            bootstrap_servers=text(env, "KAFKA_BOOTSTRAP_SERVERS"),
            security_protocol=protocol,
            sasl_mechanism=text(env, "KAFKA_SASL_MECHANISM", "PLAIN"),
            sasl_username=text(env, "KAFKA_SASL_USERNAME", None if sasl else ""),
            sasl_password=text(env, "KAFKA_SASL_PASSWORD", None if sasl else ""),
            ssl_ca_location=text(env, "KAFKA_SSL_CA_LOCATION", ""),
            fetch_wait_max_ms=integer(env, "KAFKA_FETCH_WAIT_MAX_MS", 500, 1, 30_000),
            session_timeout_ms=integer(env, "KAFKA_SESSION_TIMEOUT_MS", 10_000, 6_000, 300_000),
            replication_factor=integer(env, "KAFKA_REPLICATION_FACTOR", 1, 1, 9),
            partitions=integer(env, "KAFKA_PARTITIONS", 6, 1, 1_000),
        )

    def client(self) -> dict[str, str | int | bool]:
        """The properties that producers, consumers and admin clients have in common."""
        properties: dict[str, str | int | bool] = {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": self.security_protocol,
        }
        if self.security_protocol.startswith("SASL"):
            properties |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.sasl_username,
                "sasl.password": self.sasl_password,
            }
        if self.security_protocol.endswith("SSL") and self.ssl_ca_location:
            properties["ssl.ca.location"] = self.ssl_ca_location
        return properties


@dataclass(frozen=True)
class AccountSettings:
    """One account at IBM Quantum, or at the simulator that speaks the same API."""

    token: str = field(repr=False)
    instance: str
    #: None for IBM Quantum itself; else the base URL of a service that speaks its API.
    url: str | None = None


@dataclass(frozen=True)
class ProviderSettings:
    """The account for hardware, and the one for simulators (the same where only one is set)."""

    hardware: AccountSettings
    simulator: AccountSettings

    @classmethod
    def from_env(cls, env: Source) -> ProviderSettings:
        simulator = _account(env, "SIMULATOR_URL", "SIMULATOR_API_KEY", "SIMULATOR_INSTANCE")
        hardware = _account(env, "QISKIT_IBM_URL", "QISKIT_IBM_TOKEN", "QISKIT_IBM_INSTANCE")
        if hardware is None and simulator is None:
            raise SettingsError(
                "No quantum provider is configured. Set QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE for IBM "
                "Quantum, or SIMULATOR_URL and SIMULATOR_API_KEY for the simulator.",
                variable="QISKIT_IBM_TOKEN",
            )
        return cls(hardware=hardware or simulator, simulator=simulator or hardware)  # type: ignore[arg-type]

    def account(self, backend_type: str) -> AccountSettings:
        """The account that jobs of this `backend_type` are submitted with."""
        return self.hardware if backend_type == "hardware" else self.simulator


#: A well-formed CRN for a service that has no instances of its own.
_NO_INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/qwhisk:qwhisk::"


def _account(env: Source, url_name: str, token_name: str, instance_name: str) -> AccountSettings | None:
    if not env.get(token_name) and not env.get(url_name):
        return None
    # The simulator is never IBM Quantum itself: its key must not go there for want of an address.
    base = url(env, url_name) if env.get(url_name) or url_name == "SIMULATOR_URL" else None
    return AccountSettings(
        token=text(env, token_name),
        instance=text(env, instance_name, _NO_INSTANCE if base else None),
        url=base,
    )
