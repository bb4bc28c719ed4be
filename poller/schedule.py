"""When to look at a job next, and where its event waits until then. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.topics import WAITS

#: Seconds until the first further look at a simulator's job; most are done within some milliseconds.
FIRST_AGAIN = 0.004
#: A simulator's job is looked at again after this part of the time it has already taken: at most this part
#: is added to its time, and the looks grow with its logarithm only.
BACKOFF = 0.2
#: Seconds between looks at a simulator's job at the most.
SIMULATOR_MAX = 2.0
#: Seconds between looks at a device's job at the least.
DEVICE_MIN = 0.25
#: However long is expected, a look comes after this part of the time already waited: an estimate may be
#: wrong, and so the delay that it causes stays in proportion.
DEVICE_BACKOFF = 0.3
#: The part of the expected wait after which a device's job is looked at again.
DEVICE_PART = 0.5
#: Seconds between looks at a device's job at the most, whatever is expected.
DEVICE_MAX = 600.0
#: Seconds of expected wait up to which an event is kept in the process.
KEEP = 10.0
#: Seconds between looks while the provider cannot be reached: doubled each time up to the maximum.
UNREACHABLE_FIRST, UNREACHABLE_MAX = 0.5, 60.0


@dataclass(frozen=True)
class Plan:
    """The next look: `delay` seconds from now, waiting here or in a wait topic."""

    delay: float
    topic: str | None = None


def after_look(simulator: bool, elapsed: float, expected: float) -> Plan:
    """The plan after a look that found the job not final.

    Args:
        simulator: true for simulators, whose completion nobody estimates.
        elapsed: seconds since the job was submitted.
        expected: seconds until the job is expected to be done (devices).
    """
    if simulator:
        return placed(simulator_delay(elapsed))
    wished = min(DEVICE_PART * expected, DEVICE_BACKOFF * elapsed)
    return placed(min(DEVICE_MAX, max(DEVICE_MIN, wished)))


def after_failure(failures: int, retry_after: float | None = None) -> Plan:
    """The plan after the provider could not be reached for the `failures`-th time in a row."""
    delay = min(UNREACHABLE_MAX, UNREACHABLE_FIRST * 2.0 ** min(failures - 1, 16))
    return placed(max(delay, retry_after or 0.0))


def simulator_delay(elapsed: float) -> float:
    """Seconds until the next look at a simulator's job that has been watched for `elapsed` seconds."""
    return min(SIMULATOR_MAX, max(FIRST_AGAIN, BACKOFF * elapsed))


def placed(delay: float) -> Plan:
    """A short wait is kept here; a longer one goes to the wait topic with the longest delay within it."""
    if delay <= KEEP:
        return Plan(delay)
    fitting = [seconds for seconds in WAITS if seconds <= delay]
    topic_delay = max(fitting)
    return Plan(topic_delay, WAITS[topic_delay])
