"""How to reach Kafka."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.settings.kinds import TEXT, choice, integer
from core.settings.setting import REQUIRED, Rows, Setting, Source

BOOTSTRAP_SERVERS = Setting(
    "KAFKA_BOOTSTRAP_SERVERS", TEXT, REQUIRED, "Kafka brokers, host:port separated by commas", common=True
)
SECURITY_PROTOCOL = Setting(
    "KAFKA_SECURITY_PROTOCOL",
    choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", ignore_case=True),
    "PLAINTEXT",
    "protocol of the brokers; IBM Event Streams needs SASL_SSL",
    common=True,
)
SASL_MECHANISM = Setting(
    "KAFKA_SASL_MECHANISM", TEXT, "PLAIN", "SASL mechanism; IBM Event Streams needs PLAIN", common=True
)
SASL_USERNAME = Setting(
    "KAFKA_SASL_USERNAME",
    TEXT,
    "",
    "SASL user, required by the SASL protocols; IBM Event Streams needs token",
    common=True,
)
SASL_PASSWORD = Setting(
    "KAFKA_SASL_PASSWORD",
    TEXT,
    "",
    "SASL password, required by the SASL protocols; for IBM Event Streams its API key",
    secret=True,
    common=True,
)
SSL_CA_LOCATION = Setting(
    "KAFKA_SSL_CA_LOCATION", TEXT, "", "file with the certificates of the authorities that sign the brokers'"
)
FETCH_WAIT_MAX_MS = Setting(
    "KAFKA_FETCH_WAIT_MAX_MS",
    integer(1, 30_000),
    500,
    "milliseconds that a fetch may wait at the broker; Kafka answers once there is a message, so a long "
    "wait is cheap, but Tansu always waits as long and needs 10",
)
SESSION_TIMEOUT_MS = Setting(
    "KAFKA_SESSION_TIMEOUT_MS",
    integer(6_000, 300_000),
    10_000,
    "milliseconds without a heartbeat after which a consumer loses its partitions to the others",
)
GROUP_PROTOCOL = Setting(
    "KAFKA_GROUP_PROTOCOL",
    choice("classic", "consumer"),
    "classic",
    "protocol of the consumer groups; consumer (KIP-848) needs Apache Kafka 4.0 or later, where the session "
    "timeout is set (docs/deploy.md)",
)
REPLICATION_FACTOR = Setting(
    "KAFKA_REPLICATION_FACTOR", integer(1, 9), 1, "replicas of each partition of a topic that qwhisk creates"
)
PARTITIONS = Setting(
    "KAFKA_PARTITIONS",
    integer(1, 1_000),
    6,
    "partitions of the topics that pollers share: the number of pollers that can work at once",
)

RETENTION_SECONDS = Setting(
    "KAFKA_RETENTION_SECONDS",
    integer(86_400, 10 * 366 * 86_400),
    7 * 86_400,
    "seconds for which the topics that all clients share keep messages; topics that exist keep their own "
    "setting",
)

KAFKA_ROWS: Rows = (
    BOOTSTRAP_SERVERS,
    SECURITY_PROTOCOL,
    SASL_MECHANISM,
    SASL_USERNAME,
    SASL_PASSWORD,
    SSL_CA_LOCATION,
    FETCH_WAIT_MAX_MS,
    SESSION_TIMEOUT_MS,
    GROUP_PROTOCOL,
    REPLICATION_FACTOR,
    PARTITIONS,
)


@dataclass(frozen=True)
class KafkaSettings:
    """How to reach Kafka: unencrypted on one machine, `SASL_SSL` for IBM Event Streams."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_ca_location: str = ""
    #: Milliseconds.
    fetch_wait_max_ms: int = FETCH_WAIT_MAX_MS.read({})
    #: Milliseconds.
    session_timeout_ms: int = SESSION_TIMEOUT_MS.read({})
    #: "classic" or "consumer".
    group_protocol: str = GROUP_PROTOCOL.read({})
    replication_factor: int = REPLICATION_FACTOR.read({})
    partitions: int = PARTITIONS.read({})
    retention_seconds: int = RETENTION_SECONDS.read({})

    @classmethod
    def from_env(cls, env: Source) -> KafkaSettings:
        """Read the settings.

        Raises:
            SettingsError: a setting is missing or wrong.
        """
        protocol = SECURITY_PROTOCOL.read(env)
        sasl = protocol.startswith("SASL")
        return cls(
            bootstrap_servers=BOOTSTRAP_SERVERS.read(env),
            security_protocol=protocol,
            sasl_mechanism=SASL_MECHANISM.read(env),
            sasl_username=SASL_USERNAME.require(env) if sasl else SASL_USERNAME.read(env),
            sasl_password=SASL_PASSWORD.require(env) if sasl else SASL_PASSWORD.read(env),
            ssl_ca_location=SSL_CA_LOCATION.read(env),
            fetch_wait_max_ms=FETCH_WAIT_MAX_MS.read(env),
            session_timeout_ms=SESSION_TIMEOUT_MS.read(env),
            group_protocol=GROUP_PROTOCOL.read(env),
            replication_factor=REPLICATION_FACTOR.read(env),
            partitions=PARTITIONS.read(env),
            retention_seconds=RETENTION_SECONDS.read(env),
        )

    def client(self) -> dict[str, str | int | bool]:
        """Return the properties that producers, consumers and admin clients have in common."""
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
