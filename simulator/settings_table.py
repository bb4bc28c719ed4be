"""The table of the simulator's settings."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from core.log import LOG_LEVEL
from core.settings import Kind, Setting, SettingsTable
from core.settings.kinds import (
    BOOLEAN,
    POSITIVE,
    SWITCH,
    TEXT,
    InvalidValueError,
    integer,
    number,
)
from core.settings.ports import SIMULATOR_PORT
from core.settings.provider import SIMULATOR_API_KEY

from .device_settings import DEVICE_ROWS
from .instances import CRN, MAX_CRN

#: Value of `SIMULATOR_DATABASE` with which nothing is kept.
IN_MEMORY = ":memory:"


def _devices(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not name.startswith("fake_") or not name.isidentifier():
            raise InvalidValueError(f"{name!r} is not a device name such as fake_fez.")
    if len(set(names)) != len(names):
        raise InvalidValueError("A device is named twice.")
    return names


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise InvalidValueError("It is JSON, but not an object.")
    return value


def _instances(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not CRN.fullmatch(name) or len(name) > MAX_CRN:
            raise InvalidValueError(f"{name[:MAX_CRN]!r} is not a CRN of the service quantum-computing.")
    return names


_CORES = os.cpu_count() or 1
_COUNT = integer(1)

API_KEY = replace(
    SIMULATOR_API_KEY,
    help="API key that clients must have; there is no flag for it, since other users of the machine can read "
    "command lines",
    default_text="required, unless --insecure-any-key is given",
)
HOST = Setting("SIMULATOR_HOST", TEXT, "127.0.0.1", "address to listen on", "--host")
HOSTS = Setting(
    "SIMULATOR_HOSTS",
    TEXT,
    "",
    "names other than localhost and loopback addresses by which the service may be called, separated by "
    "commas; *: any",
    "--hosts",
    default_text="none on a loopback address, else any",
    common=True,
)
ORIGINS = Setting(
    "SIMULATOR_ORIGINS",
    TEXT,
    "",
    "origins whose pages may call the service, separated by commas; *: any",
    "--origins",
    common=True,
)
DEVICES = Setting(
    "SIMULATOR_DEVICES",
    Kind("names of different devices of fake_provider, separated by commas", _devices),
    ("fake_fez",),
    "devices, names of fake_provider separated by commas",
    "--devices",
)
WORKERS = Setting(
    "SIMULATOR_WORKERS",
    _COUNT,
    _CORES + 1,
    "worker processes; all but one may run large jobs",
    "--workers",
    default_text="cores + 1",
)
LARGE_THREADS = Setting(
    "SIMULATOR_LARGE_THREADS",
    _COUNT,
    _CORES,
    "threads that Aer may use for a large job while there is no other",
    "--large-threads",
    default_text="cores",
)
HOLD_SECONDS = Setting(
    "SIMULATOR_HOLD_SECONDS",
    number(0),
    0.25,
    "seconds that the first look at a young simulator job is held so that it finds the result; 0: none",
    "--hold-seconds",
)
MAX_WAITING = Setting(
    "SIMULATOR_MAX_WAITING",
    _COUNT,
    5_000,
    "jobs that may wait for a worker; further ones get 429",
    "--max-waiting",
)
KEEP_JOBS = Setting("SIMULATOR_KEEP_JOBS", _COUNT, 10_000, "finished jobs that are kept", "--keep-jobs")
KEEP_BYTES = Setting(
    "SIMULATOR_KEEP_BYTES",
    _COUNT,
    512 * 1024 * 1024,
    "bytes that finished jobs may occupy",
    "--keep-bytes",
)
DATABASE = Setting(
    "SIMULATOR_DATABASE",
    TEXT,
    "",
    f"SQLite file that keeps jobs, results and sessions across restarts; {IN_MEMORY}: none",
    "--database",
    default_text="~/.local/state/qwhisk/simulator-PORT.db; none with --port 0",
)
COSTS = Setting(
    "SIMULATOR_COSTS",
    TEXT,
    "",
    "file with the speed of this machine, measured at the first start, by which the simulation method is "
    f"chosen; {IN_MEMORY}: none, the defaults are used",
    "--costs",
    default_text="~/.local/state/qwhisk/simulator-costs.json; none with --port 0",
)
RATE_LIMIT = Setting(
    "SIMULATOR_RATE_LIMIT",
    integer(0),
    0,
    "jobs that one user may submit in a minute, further ones get 429; 0: no limit",
    "--rate-limit",
)
FAULTS = Setting[dict[str, Any]](
    "SIMULATOR_FAULTS",
    Kind("a JSON object", _object),
    {},
    "faults to inject in tests, a JSON object that simulator/README.md describes",
    "--faults",
)
ADMIN = Setting(
    "SIMULATOR_ADMIN",
    BOOLEAN,
    False,
    "1: clients on this machine can read and change the faults at /admin/faults",
    "--admin",
)
MAX_SHOTS = Setting("SIMULATOR_MAX_SHOTS", _COUNT, 100_000, "shots of one circuit execution", "--max-shots")
MAX_EXECUTIONS = Setting(
    "SIMULATOR_MAX_EXECUTIONS",
    _COUNT,
    10_000,
    "circuit executions of one job: its PUBs times their parameter sets",
    "--max-executions",
)
MAX_QUBITS = Setting(
    "SIMULATOR_MAX_QUBITS",
    _COUNT,
    27,
    "active qubits of a circuit; Clifford circuits may have more",
    "--max-qubits",
)
MAX_SECONDS = Setting(
    "SIMULATOR_MAX_SECONDS", POSITIVE, 60.0, "seconds of computing that a job may take", "--max-seconds"
)
MAX_MEMORY_MB = Setting(
    "SIMULATOR_MAX_MEMORY_MB",
    _COUNT,
    4096,
    "MB of memory that the simulation of a job may take",
    "--max-memory-mb",
)
MAX_BODY_BYTES = Setting(
    "SIMULATOR_MAX_BODY_BYTES",
    _COUNT,
    32 * 1024 * 1024,
    "bytes of a request, and of a decompressed circuit",
    "--max-body-bytes",
)
FULL_NOISE_SECONDS = Setting(
    "SIMULATOR_FULL_NOISE_SECONDS",
    number(0),
    1.0,
    "seconds of computing up to which a Clifford circuit has the full noise model, not the closest one that "
    "stabilizers can simulate",
    "--full-noise-seconds",
)
USAGE_LIMIT_SECONDS = Setting(
    "SIMULATOR_USAGE_LIMIT_SECONDS",
    number(0),
    0.0,
    "seconds of device time that an instance may use, its further jobs get 409; 0: no limit",
    "--usage-limit-seconds",
)
INSTANCES = Setting[tuple[str, ...]](
    "SIMULATOR_INSTANCES",
    Kind("CRNs of instances, separated by commas", _instances),
    (),
    "CRNs of the instances that exist, separated by commas",
    "--instances",
    default_text="any well-formed CRN",
)
ANY_KEY = Setting(
    "", SWITCH, False, "accept any API key, if SIMULATOR_API_KEY is not set", "--insecure-any-key"
)

TABLE = SettingsTable(
    "python -m simulator",
    "A service with IBM Quantum's REST API, backed by Qiskit Aer: simulators, and devices with queues. A "
    "flag takes precedence over its environment variable.",
    (
        HOST,
        SIMULATOR_PORT,
        HOSTS,
        ORIGINS,
        DEVICES,
        WORKERS,
        LARGE_THREADS,
        HOLD_SECONDS,
        MAX_WAITING,
        KEEP_JOBS,
        KEEP_BYTES,
        DATABASE,
        COSTS,
        RATE_LIMIT,
        FAULTS,
        ADMIN,
        MAX_SHOTS,
        MAX_EXECUTIONS,
        MAX_QUBITS,
        MAX_SECONDS,
        MAX_MEMORY_MB,
        MAX_BODY_BYTES,
        FULL_NOISE_SECONDS,
        *DEVICE_ROWS,
        USAGE_LIMIT_SECONDS,
        INSTANCES,
        ANY_KEY,
        API_KEY,
        LOG_LEVEL,
    ),
)
