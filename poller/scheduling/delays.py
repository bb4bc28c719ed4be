"""Delays: of a simulator's job's next look, after failures, and where an event waits meanwhile. Pure."""

from __future__ import annotations

#: Seconds until the first further look at a simulator's job; most are done within some milliseconds.
FIRST_AGAIN = 0.004
#: A simulator's job is looked at again after this part of the time it has already taken: at most this part
#: is added to its time, and the looks grow with its logarithm only.
BACKOFF = 0.2
#: Seconds between looks at a simulator's job at the most.
SIMULATOR_MAX = 2.0
#: Seconds of expected wait up to which an event is kept in the process.
KEEP = 10.0
#: Seconds until a job that failed by itself is tried again: doubled each time up to the maximum.
FAILURE_FIRST, FAILURE_MAX = 0.5, 60.0


def simulator_delay(elapsed: float) -> float:
    """Seconds until the next look at a simulator's job that has been watched for `elapsed` seconds."""
    return min(SIMULATOR_MAX, max(FIRST_AGAIN, BACKOFF * elapsed))


def failure_delay(failures: int) -> float:
    """Seconds until a job that failed `failures` times in a row is tried again."""
    return min(FAILURE_MAX, FAILURE_FIRST * 2.0 ** min(max(0, failures - 1), 16))
