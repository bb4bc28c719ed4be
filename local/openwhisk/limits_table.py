"""The settings that limit actions, their processes and their invocations."""

from __future__ import annotations

import os

from core.settings import Rows, Setting
from core.settings.kinds import integer
from local.openwhisk.entities import LIMITS, ActionLimits

_CORES = os.cpu_count() or 1
_COUNT = integer(1)


def _machine_memory() -> int:
    """Return the machine's memory in MB."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    except (ValueError, OSError):
        return 8192


MAX_PROCESSES = Setting(
    "OPENWHISK_MAX_PROCESSES",
    _COUNT,
    max(16, 8 * _CORES),
    "action processes in all",
    "--max-processes",
    default_text="8 for each core, at least 16",
)
MAX_PER_ACTION = Setting(
    "OPENWHISK_MAX_PER_ACTION",
    integer(0),
    0,
    "processes of one action; 0: no limit but that of all actions",
    "--max-per-action",
)
MEMORY = Setting(
    "OPENWHISK_MEMORY",
    _COUNT,
    _machine_memory() // 2,
    "MB that the memory limits of the actions with a process may add up to",
    "--memory",
    default_text="half of the machine's memory",
)
MAX_WAITING = Setting(
    "OPENWHISK_MAX_WAITING", _COUNT, 200, "invocations that may wait; further ones get 429", "--max-waiting"
)
CONCURRENT_INVOCATIONS = Setting(
    "OPENWHISK_CONCURRENT_INVOCATIONS",
    integer(0),
    0,
    "invocations that may run or wait at a time; further ones get 429. A stock OpenWhisk allows 30",
    "--concurrent-invocations",
    default_text="processes and waiting invocations together",
)
INVOCATIONS_PER_MINUTE = Setting(
    "OPENWHISK_INVOCATIONS_PER_MINUTE",
    _COUNT,
    100_000,
    "invocations in a minute of the clock; further ones get 429. A stock OpenWhisk allows 60",
    "--invocations-per-minute",
)
FIRES_PER_MINUTE = Setting(
    "OPENWHISK_FIRES_PER_MINUTE",
    _COUNT,
    100_000,
    "trigger fires in a minute of the clock; further ones get 429. A stock OpenWhisk allows 60",
    "--fires-per-minute",
)
MAX_ACTION_TIMEOUT = Setting(
    "OPENWHISK_MAX_ACTION_TIMEOUT",
    integer(ActionLimits().timeout, 3_600_000),
    LIMITS["timeout"][1],
    "the longest time limit that an action may have, in milliseconds",
    "--max-action-timeout",
)
MAX_ACTION_MEMORY = Setting(
    "OPENWHISK_MAX_ACTION_MEMORY",
    integer(ActionLimits().memory, 1024 * 1024),
    LIMITS["memory"][1],
    "the largest memory limit that an action may have, in MB",
    "--max-action-memory",
)
MAX_ACTION_CONCURRENCY = Setting(
    "OPENWHISK_MAX_ACTION_CONCURRENCY",
    integer(1, 200),
    LIMITS["concurrency"][1],
    "the most activations at a time in one process that an action's concurrency limit may allow",
    "--max-action-concurrency",
)

LIMIT_ROWS: Rows = (
    MAX_PROCESSES,
    MAX_PER_ACTION,
    MEMORY,
    MAX_WAITING,
    CONCURRENT_INVOCATIONS,
    INVOCATIONS_PER_MINUTE,
    FIRES_PER_MINUTE,
    MAX_ACTION_TIMEOUT,
    MAX_ACTION_MEMORY,
    MAX_ACTION_CONCURRENCY,
)
