"""`python -m benchmarks.poller`: compare the poller's scheduler with others, in virtual time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.poller import footprint, report

#: The seeds of the worlds.
SEEDS = (1, 2, 3)


def say(text: str) -> None:
    """Print without buffering: the longer scenarios take minutes."""
    print(text, flush=True)


def main() -> int:
    """Print the tables, draw the plot and return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.poller", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--no-plot", action="store_true", help="tables only")
    options = parser.parse_args()
    run(options.seeds, plot=not options.no_plot)
    return 0


def run(seeds: Sequence[int] = SEEDS, plot: bool = True) -> None:
    """Print the tables and the footprint of a poller; draw the plot of the first seed if `plot` is True."""
    of = ", ".join(map(str, seeds))
    say(f"seeds {of}; calls take no time; lag is from a job's completion to its result's delivery\n")
    report.tables(seeds, say)
    say(footprint.report())
    if plot:
        say(f"lag against calls: {report.plot(seeds[0])}")


if __name__ == "__main__":
    sys.exit(main())
