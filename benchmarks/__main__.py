"""`make bench`: latency and throughput of the main job, next to Qiskit and Aer used directly."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import actions, direct, openwhisk, simulator, through
from benchmarks.gateway.report import run as run_gateway
from benchmarks.poller.__main__ import run as run_poller
from benchmarks.table import milliseconds, table
from testkit.percentile import percentile
from testkit.stack import running

#: What this project aims for: seconds added to the median, and the part of the direct jobs per second.
AIM_ADDED, AIM_PART = 0.060, 0.25
#: Seconds of load before anything is measured.
WARM_UP = 6.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--jobs", type=int, default=300, help="jobs whose latency is measured")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a throughput run")
    parser.add_argument("--clients", type=int, nargs="+", default=[2, 4, 8, 16], help="clients at once")
    parser.add_argument("--shots", type=int, default=1024)
    parts = ["main", "openwhisk", "simulator", "gateway", "poller", "actions"]
    parser.add_argument("--only", choices=parts, help="one part; default: all")
    return parser.parse_args()


def main() -> int:
    """Measure and print. Returns 0 whether or not an aim is met: these are figures, not tests."""
    options = _options()
    if options.only in (None, "main"):
        main_job(options)
    if options.only in (None, "openwhisk"):
        print("\n" + openwhisk.report())
    if options.only in (None, "simulator"):
        print("\n" + simulator.report())
    if options.only in (None, "actions"):
        print("\n" + actions.report())
    if options.only in (None, "gateway"):
        run_gateway(options)
    if options.only in (None, "poller"):
        run_poller()
    return 0


def main_job(options: argparse.Namespace) -> None:
    """Measure the main job through the whole stack, compared with Qiskit and Aer in one process."""
    cores = os.cpu_count() or 1
    several = direct.fastest(options.shots)
    single = direct.fastest(options.shots, max_parallel_threads=1)

    def alone_latencies() -> list[float]:
        return direct.latencies(options.jobs // 2, options.shots, several)

    def alone_rate() -> float:
        return direct.throughput(cores, options.seconds / 2, options.shots, single)

    # The direct way is measured before and after, because the speed of the machine changes within minutes.
    alone, rate = alone_latencies(), alone_rate()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as stack:
        # The stack must be warm, as the direct way is: the second process of the action has started.
        through.throughput(stack.gateway, max(options.clients), WARM_UP, options.shots)
        whole = through.latencies(stack.gateway, options.jobs, options.shots)
        rates = {
            clients: through.throughput(stack.gateway, clients, options.seconds, options.shots)
            for clients in options.clients
        }
    alone += alone_latencies()
    rate = (rate + alone_rate()) / 2
    parts = (0.5, 0.99)
    print(
        table(
            f"smile_super_position, 16 qubits, {options.shots} shots, noiseless, {cores} cores",
            ["latency of one job", "p50", "p99"],
            [
                [
                    "direct: qiskit and qiskit-aer",
                    *(milliseconds(percentile(alone, p)) for p in parts),
                ],
                ["qwhisk: HTTP to result", *(milliseconds(percentile(whole, p)) for p in parts)],
                [
                    "added",
                    *(milliseconds(percentile(whole, p) - percentile(alone, p)) for p in parts),
                ],
                ["ratio", *(f"{percentile(whole, p) / percentile(alone, p):.1f}" for p in parts)],
            ],
        )
    )
    print(f"aim: at most {milliseconds(AIM_ADDED)} added at p50\n")
    print(
        table(
            "jobs per second, all cores busy",
            ["", "jobs/s", "part of direct"],
            [
                [f"direct: {cores} processes", f"{rate:.0f}", "1"],
                *(
                    [f"qwhisk: {clients} clients at once", f"{measured:.0f}", f"{measured / rate:.2f}"]
                    for clients, measured in rates.items()
                ),
            ],
        )
    )
    print(f"aim: at least {AIM_PART} of direct")
    print(f"direct: AerSimulator with {several or 'its defaults'} for latency, {single} in each process")


if __name__ == "__main__":
    sys.exit(main())
