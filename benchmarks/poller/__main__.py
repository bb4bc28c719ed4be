"""`python -m benchmarks.poller`: the poller's scheduler beside others, in virtual time."""

from __future__ import annotations

import argparse
import sys

from benchmarks.poller import report


def say(text: str) -> None:
    """Print at once: the longer scenarios take a while."""
    print(text, flush=True)


def main() -> int:
    """Print the tables and draw the plot; gives 0: these are figures, not tests."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.poller", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-plot", action="store_true", help="tables only")
    options = parser.parse_args()
    run(options.seed, plot=not options.no_plot)
    return 0


def run(seed: int, plot: bool) -> None:
    """Print the tables; draw the plot where it is wanted."""
    say(f"seed {seed}; calls take no time; lag is from a job's completion to its result's delivery\n")
    report.tables(seed, say)
    if plot:
        say(f"lag against calls: {report.plot(seed)}")


if __name__ == "__main__":
    sys.exit(main())
