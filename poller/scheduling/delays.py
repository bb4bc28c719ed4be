"""Delays of looks at simulators' jobs and of retries. Pure."""

from __future__ import annotations

#: Seconds until the second look at a simulator's job; most are done within a few milliseconds.
FIRST_AGAIN = 0.004
#: The pause before the next look at a simulator's job, as a fraction of the time since the job was added. So
#: polling adds at most this fraction to its duration, and the number of looks grows with its logarithm.
BACKOFF = 0.2
#: The longest pause between two looks at a simulator's job, in seconds.
SIMULATOR_MAX = 2.0
#: An event is kept in the process if it has to wait for at most this many seconds.
KEEP = 10.0
#: Seconds before the first retry of a job that failed, which double with each failure, and at most.
FAILURE_FIRST, FAILURE_MAX = 0.5, 60.0


def simulator_delay(elapsed: float) -> float:
    """Return the seconds until the next look at a simulator's job that was added `elapsed` seconds ago."""
    return min(SIMULATOR_MAX, max(FIRST_AGAIN, BACKOFF * elapsed))


def failure_delay(failures: int) -> float:
    """Return the seconds before the retry of a job that failed `failures` times in a row."""
    return min(FAILURE_MAX, FAILURE_FIRST * 2.0 ** min(max(0, failures - 1), 16))
