"""The poller's settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.log import LOG_LEVEL
from core.metrics import REVISION, metrics_port
from core.origin import Allowed
from core.settings import (
    AccountSettings,
    KafkaSettings,
    ProviderSettings,
    Setting,
    SettingsTable,
    Source,
)
from core.settings.kafka import KAFKA_ROWS, RETENTION_SECONDS
from core.settings.kinds import TEXT, Kind, integer, number
from core.settings.openwhisk import CREDENTIAL_ROWS
from core.settings.ports import POLLER_PORT
from core.settings.provider import PROVIDER_ROWS
from core.settings.stores import DOCUMENT_ROWS, RESULT_ROWS
from core.tracing.export import TRACING_ROWS
from poller.pooling.policy import PoolLimits
from poller.scheduling.call import Limits

#: IBM Quantum: seconds between two lists of backends.
IBM_LIST_EVERY = 60.0
#: The same for a self-hosted service.
SELF_HOSTED_LIST_EVERY = 10.0


#: When pooled jobs are submitted unless settings say otherwise.
DEFAULT_POOL = PoolLimits()


def _calls(text: str) -> int:
    value = int(text)
    if value == 1 or not 0 <= value <= 100_000:
        raise ValueError
    return value


HOST = Setting("POLLER_HOST", TEXT, "127.0.0.1", "address to listen on, for /healthz and /metrics")
HOSTS = Setting(
    "POLLER_HOSTS",
    TEXT,
    "",
    "names other than localhost and loopback addresses by which the poller may be called, separated by "
    "commas; *: any",
    default_text="none on a loopback address, else any",
    common=True,
)
ORIGINS = Setting(
    "POLLER_ORIGINS",
    TEXT,
    "",
    "origins whose pages may call the poller, separated by commas; *: any",
    common=True,
)
METRICS_PORT = metrics_port("POLLER")
WORKERS = Setting("POLLER_WORKERS", integer(1, 64), 4, "threads that call each provider account")
DEADLINE_SECONDS = Setting(
    "POLLER_DEADLINE_SECONDS",
    number(1, 90 * 86_400),
    7 * 86_400.0,
    "seconds after its submission at which a job that is not done fails for good",
)
CALLS_PER_MINUTE = Setting(
    "POLLER_CALLS_PER_MINUTE",
    Kind(
        "0 (no limit) or a whole number from 2 to 100000",
        _calls,
        schema={"type": "integer", "minimum": 0, "maximum": 100_000, "not": {"const": 1}},
    ),
    120,
    "most calls to a provider account in a minute; 0: no limit",
    default_text="IBM Quantum: 120; a self-hosted service: 0",
    common=True,
)
CALL_PRICE = Setting(
    "POLLER_CALL_PRICE",
    number(0.001, 3_600),
    1.0,
    "seconds of lag that one call is worth",
    default_text="IBM Quantum: 1; a self-hosted service: 0.02",
    common=True,
)
POOL_PENDING = Setting(
    "POOL_PENDING",
    integer(1, 1_000),
    DEFAULT_POOL.pending,
    "pooled jobs in a backend's queue below which waiting circuits are submitted at once",
)
POOL_MOST_PENDING = Setting(
    "POOL_MOST_PENDING",
    integer(1, 10_000),
    DEFAULT_POOL.most_pending,
    "most pooled jobs that an account has pending: what the plan of IBM Quantum permits",
)
POOL_WAIT_SECONDS = Setting(
    "POOL_WAIT_SECONDS",
    number(0, 3_600),
    DEFAULT_POOL.wait,
    "seconds after which circuits are submitted although pooled jobs are pending",
)
#: For a service with its own URL, which does not limit calls.
SELF_HOSTED_CALLS_PER_MINUTE = replace(CALLS_PER_MINUTE, default=0)
SELF_HOSTED_CALL_PRICE = replace(CALL_PRICE, default=0.02)

TABLE = SettingsTable(
    "python -m poller",
    "Follows jobs to their results until SIGTERM or Ctrl-C. It is configured by environment variables.",
    (
        HOST,
        POLLER_PORT,
        METRICS_PORT,
        HOSTS,
        ORIGINS,
        WORKERS,
        DEADLINE_SECONDS,
        CALLS_PER_MINUTE,
        CALL_PRICE,
        POOL_PENDING,
        POOL_MOST_PENDING,
        POOL_WAIT_SECONDS,
        LOG_LEVEL,
        *TRACING_ROWS,
        REVISION,
        *KAFKA_ROWS,
        RETENTION_SECONDS,
        *PROVIDER_ROWS,
        *DOCUMENT_ROWS,
        *RESULT_ROWS,
        *CREDENTIAL_ROWS,
    ),
)


@dataclass(frozen=True)
class PollerSettings:
    """All settings of the poller. Each row of the table above describes one."""

    host: str
    port: int
    #: 0: `/metrics` is on `port`.
    metrics_port: int
    allowed: Allowed
    workers: int
    #: Seconds.
    deadline: float
    kafka: KafkaSettings
    accounts: ProviderSettings
    #: Limits of the account for hardware, and of the one for simulators.
    hardware: Limits
    simulator: Limits
    #: When pooled jobs are submitted.
    pool: PoolLimits

    @classmethod
    def from_env(cls, env: Source, page: int) -> PollerSettings:
        """Read the settings.

        Args:
            env: the environment.
            page: jobs that one call to a provider lists.

        Raises:
            SettingsError: a setting is missing or wrong.
        """
        accounts = ProviderSettings.from_env(env)
        host = HOST.read(env)
        return cls(
            host=host,
            port=POLLER_PORT.read(env),
            metrics_port=METRICS_PORT.read(env),
            allowed=Allowed.read(env, host, HOSTS.name, ORIGINS.name),
            workers=WORKERS.read(env),
            deadline=DEADLINE_SECONDS.read(env),
            kafka=KafkaSettings.from_env(env),
            accounts=accounts,
            hardware=limits(env, accounts.hardware, page),
            simulator=limits(env, accounts.simulator, page),
            pool=PoolLimits(
                pending=POOL_PENDING.read(env),
                most_pending=max(POOL_PENDING.read(env), POOL_MOST_PENDING.read(env)),
                wait=POOL_WAIT_SECONDS.read(env),
            ),
        )


def limits(env: Source, account: AccountSettings, page: int) -> Limits:
    """Return the limits of an account. A service with its own URL allows more than IBM Quantum.

    Args:
        env: the environment.
        account: the account's settings.
        page: jobs that one call to the provider lists.

    Raises:
        SettingsError: a variable is malformed or out of range.
    """
    self_hosted = account.url is not None
    calls = SELF_HOSTED_CALLS_PER_MINUTE if self_hosted else CALLS_PER_MINUTE
    price = SELF_HOSTED_CALL_PRICE if self_hosted else CALL_PRICE
    return Limits(
        per_minute=calls.read(env) or None,
        price=price.read(env),
        page=page,
        list_every=SELF_HOSTED_LIST_EVERY if self_hosted else IBM_LIST_EVERY,
    )
