"""The simulator's settings, from the command line or from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.log import LOG_LEVEL
from core.origin import Allowed
from core.settings import Source, command_line
from core.settings.ports import SIMULATOR_PORT

from .device_settings import (
    CIRCUIT_OVERHEAD_SECONDS,
    JOB_OVERHEAD_SECONDS,
    QUEUE_ARRIVALS,
    QUEUE_INITIAL,
    QUEUE_ORDER,
    QUEUE_POSITIONS,
    QUEUE_SEED,
    QUEUE_SERVICE_SECONDS,
    QUEUE_SPEED_UP,
    QUEUE_USERS,
    REP_DELAY_SECONDS,
)
from .settings_table import (
    ADMIN,
    ANY_KEY,
    API_KEY,
    COSTS,
    DATABASE,
    DEVICES,
    FAULTS,
    FULL_NOISE_SECONDS,
    HOLD_SECONDS,
    HOST,
    HOSTS,
    IN_MEMORY,
    INSTANCES,
    KEEP_BYTES,
    KEEP_JOBS,
    LARGE_THREADS,
    MAX_BODY_BYTES,
    MAX_EXECUTIONS,
    MAX_MEMORY_MB,
    MAX_QUBITS,
    MAX_SECONDS,
    MAX_SHOTS,
    MAX_WAITING,
    ORIGINS,
    RATE_LIMIT,
    TABLE,
    USAGE_LIMIT_SECONDS,
    WORKERS,
)


@dataclass(frozen=True)
class SimulationLimits:
    """Bounds of one job. A job that exceeds one is rejected, or stopped, and the message has the bound."""

    max_shots: int = MAX_SHOTS.read({})
    max_executions: int = MAX_EXECUTIONS.read({})
    max_qubits: int = MAX_QUBITS.read({})
    max_seconds: float = MAX_SECONDS.read({})
    max_memory_mb: int = MAX_MEMORY_MB.read({})
    max_body_bytes: int = MAX_BODY_BYTES.read({})
    full_noise_seconds: float = FULL_NOISE_SECONDS.read({})


@dataclass(frozen=True)
class QueueSettings:
    """How busy the devices are with other people's jobs."""

    #: A long queue keeps people away: at length n the arrival rate is this divided by n + 1. The length then
    #: settles around arrival rate times service time.
    arrivals_per_second: float = QUEUE_ARRIVALS.read({})
    service_seconds: float = QUEUE_SERVICE_SECONDS.read({})
    #: None: drawn from the distribution at which the length settles.
    initial_length: int | None = None
    seed: int | None = None
    speed_up: float = QUEUE_SPEED_UP.read({})
    #: "arrival" or "fair_share".
    order: str = QUEUE_ORDER.read({})
    users: int = QUEUE_USERS.read({})
    #: Whether jobs have their position in the queue.
    positions: bool = QUEUE_POSITIONS.read({})


@dataclass(frozen=True)
class DeviceTiming:
    """How long a device needs for a job, in seconds."""

    job_overhead: float = QUEUE_SERVICE_SECONDS.read({}) / 2
    circuit_overhead: float = CIRCUIT_OVERHEAD_SECONDS.read({})
    rep_delay: float = REP_DELAY_SECONDS.read({})

    @classmethod
    def read(cls, source: Source) -> DeviceTiming:
        """Read the settings."""
        overhead = JOB_OVERHEAD_SECONDS.read(source)
        return cls(
            job_overhead=QUEUE_SERVICE_SECONDS.read(source) / 2 if overhead is None else overhead,
            circuit_overhead=CIRCUIT_OVERHEAD_SECONDS.read(source),
            rep_delay=REP_DELAY_SECONDS.read(source),
        )

    def timed(self, verdict: dict[str, Any]) -> dict[str, Any]:
        """Add the time of a job on a device to the worker's message about the job.

        Args:
            verdict: The message.

        Returns:
            The message with `circuit_seconds`, the time of its shots, and `device_seconds`, which includes
            the time between its circuits.
        """
        if "simulator" not in verdict:
            return verdict
        delay = verdict["rep_delay"]
        circuits = float(verdict["shots"] * (self.rep_delay if delay is None else delay))
        between = float(verdict["circuits"] * self.circuit_overhead)
        return verdict | {"circuit_seconds": circuits, "device_seconds": circuits + between}


@dataclass(frozen=True)
class SimulatorSettings:
    """All settings of the service. Each row of `settings_table.TABLE` describes one."""

    #: None: any key is accepted.
    api_key: str | None = field(repr=False)
    host: str = HOST.read({})
    port: int = SIMULATOR_PORT.read({})
    #: By default, no page may call the service.
    allowed: Allowed = field(default_factory=lambda: Allowed.read({}, "127.0.0.1", HOSTS.name, ORIGINS.name))
    devices: tuple[str, ...] = DEVICES.read({})
    workers: int = 2
    large_threads: int = 2
    hold_seconds: float = HOLD_SECONDS.read({})
    max_waiting: int = MAX_WAITING.read({})
    keep_jobs: int = KEEP_JOBS.read({})
    keep_bytes: int = KEEP_BYTES.read({})
    #: None: jobs are in memory only.
    database: Path | None = None
    #: None: the cost model has its default constants.
    costs: Path | None = None
    rate_limit: int = RATE_LIMIT.read({})
    faults: dict[str, Any] = field(default_factory=dict)
    admin: bool = False
    limits: SimulationLimits = SimulationLimits()
    queue: QueueSettings = QueueSettings()
    timing: DeviceTiming = DeviceTiming()
    #: None: no limit.
    usage_limit: float | None = None
    #: CRNs; if there are none, each CRN is an instance.
    instances: tuple[str, ...] = ()
    log_level: str = LOG_LEVEL.read({})

    @classmethod
    def read(cls, source: Source) -> SimulatorSettings:
        """Read the settings.

        Args:
            source: variables, and flags without a variable, with their texts.

        Raises:
            SettingsError: a setting is missing or wrong.
        """
        host, port = HOST.read(source), SIMULATOR_PORT.read(source)
        return cls(
            api_key=_api_key(source),
            host=host,
            allowed=Allowed.read(source, host, HOSTS.name, ORIGINS.name),
            port=port,
            devices=DEVICES.read(source),
            workers=WORKERS.read(source),
            large_threads=LARGE_THREADS.read(source),
            hold_seconds=HOLD_SECONDS.read(source),
            max_waiting=MAX_WAITING.read(source),
            keep_jobs=KEEP_JOBS.read(source),
            keep_bytes=KEEP_BYTES.read(source),
            database=database_path(DATABASE.text(source) or None, port, source),
            costs=costs_path(COSTS.text(source) or None, port, source),
            rate_limit=RATE_LIMIT.read(source),
            faults=FAULTS.read(source),
            admin=ADMIN.read(source),
            limits=SimulationLimits(
                max_shots=MAX_SHOTS.read(source),
                max_executions=MAX_EXECUTIONS.read(source),
                max_qubits=MAX_QUBITS.read(source),
                max_seconds=MAX_SECONDS.read(source),
                max_memory_mb=MAX_MEMORY_MB.read(source),
                max_body_bytes=MAX_BODY_BYTES.read(source),
                full_noise_seconds=FULL_NOISE_SECONDS.read(source),
            ),
            queue=QueueSettings(
                arrivals_per_second=QUEUE_ARRIVALS.read(source),
                service_seconds=QUEUE_SERVICE_SECONDS.read(source),
                initial_length=QUEUE_INITIAL.read(source),
                seed=QUEUE_SEED.read(source),
                speed_up=QUEUE_SPEED_UP.read(source),
                order=QUEUE_ORDER.read(source),
                users=QUEUE_USERS.read(source),
                positions=QUEUE_POSITIONS.read(source),
            ),
            timing=DeviceTiming.read(source),
            usage_limit=USAGE_LIMIT_SECONDS.read(source) or None,
            instances=INSTANCES.read(source),
            log_level=LOG_LEVEL.read(source),
        )


def _api_key(source: Source) -> str | None:
    any_key = ANY_KEY.read(source)
    key = API_KEY.read(source) or None
    if key is None and not any_key:
        raise SettingsError(
            "Set SIMULATOR_API_KEY to the API key that clients will use, or give --insecure-any-key.",
            variable=API_KEY.name,
        )
    if key is not None and any_key:
        raise SettingsError(
            "--insecure-any-key contradicts SIMULATOR_API_KEY, which is set.", variable=API_KEY.name
        )
    return key


def database_path(text: str | None, port: int, environ: Mapping[str, str]) -> Path | None:
    """Return the file that keeps jobs; None for no file.

    By default each port has its own file, so that services on one machine do not share one. A service on any
    free port keeps nothing by default: after a restart its clients would not know its new port.
    """
    if text == IN_MEMORY or (text is None and port == 0):
        return None
    if text is not None:
        return Path(text).expanduser().absolute()
    return _state(environ) / f"simulator-{port}.db"


def costs_path(text: str | None, port: int, environ: Mapping[str, str]) -> Path | None:
    """Return the file that keeps the constants of the cost model; None for no file.

    All services of a user on one machine share it. A service on any free port is one for tests, whose results
    must not depend on the machine.
    """
    if text == IN_MEMORY or (text is None and port == 0):
        return None
    return _state(environ) / "simulator-costs.json" if text is None else Path(text).expanduser().absolute()


def _state(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()) / "qwhisk"


def parse(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> SimulatorSettings:
    """Read the settings.

    Args:
        argv: command-line arguments, without the program's name.
        environ: environment variables; a command-line argument takes precedence over its variable.

    Raises:
        SystemExit: an argument or a variable is wrong (status 2), or help was requested (status 0).
    """
    return command_line.parse(TABLE, argv, environ, SimulatorSettings.read)
