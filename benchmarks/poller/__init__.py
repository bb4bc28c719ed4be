"""The poller's estimator and scheduler beside others, on the same arrivals, in virtual time."""

from __future__ import annotations


def report(seed: int) -> None:
    """Print the tables and draw the plot."""
    from benchmarks.poller.__main__ import run

    run(seed, plot=True)
