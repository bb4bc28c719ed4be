"""`python -m benchmarks.pooling`: compare pooling with other ways to submit, in virtual time."""

from __future__ import annotations

import argparse
import sys

from benchmarks.pooling import report
from benchmarks.pooling.scenarios import OVERHEAD

#: The seeds of the scenarios.
SEEDS = (1, 2, 3)


def main() -> int:
    """Print the tables, draw the plot and return 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pooling", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--no-plot", action="store_true", help="tables only")
    options = parser.parse_args()
    print(f"seeds {', '.join(map(str, options.seeds))}; the device takes {OVERHEAD:g} s more for each job\n")
    report.tables(options.seeds, lambda text: print(text, flush=True))
    if not options.no_plot:
        print(f"time against jobs: {report.plot(options.seeds[0])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
