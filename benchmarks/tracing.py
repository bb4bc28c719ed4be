"""`python -m benchmarks.tracing`: the processor time of a job with traces, against one without, in one run.

Two stacks run at the same time, and only one of them exports traces. They take turns with batches of jobs.
Counted is the processor time of all processes of a stack, also of those that have ended.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from testkit.collector import collector
from testkit.stack import Client, Stack, running

#: Batches of each stack, jobs of a batch, and those of them that are under way at the same time.
ROUNDS, JOBS, AT_ONCE = 10, 40, 4
#: Jobs before the first batch: the actions' processes start, and caches fill.
WARM_UP = 20

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(stack: Stack) -> float:
    """Return the processor time that the processes of a stack have used, with their ended children."""
    total = 0
    for pid in [stack.process.pid, *stack.descendants()]:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def batch(client: Client, jobs: int) -> float:
    """Run jobs to their ends, and return the processor seconds of the stack for each."""
    before = processor_seconds(client.stack)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(client.smile) for _ in range(jobs)]:
            assert done.result()["status"] == "DONE"
    return (processor_seconds(client.stack) - before) / jobs


def main() -> int:
    """Print the ratio of each round, and the ratio of the sums."""
    settings = {"GATEWAY_JOBS_PER_MINUTE": "100000"}
    with tempfile.TemporaryDirectory() as folder, collector() as traces:
        exporting = settings | {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url}
        with (
            running(Path(folder) / "off", **settings) as without,
            running(Path(folder) / "on", **exporting) as traced,
        ):
            off, on = without.client(), traced.client()
            batch(off, WARM_UP)
            batch(on, WARM_UP)
            sums = [0.0, 0.0]
            for number in range(ROUNDS):
                # In turns also within a round, so that a change of the machine's load does not favour one.
                order = ((0, off), (1, on)) if number % 2 == 0 else ((1, on), (0, off))
                seconds = [0.0, 0.0]
                for place, client in order:
                    seconds[place] = batch(client, JOBS)
                    sums[place] += seconds[place]
                print(f"round {number + 1}: {seconds[0] * 1e3:.1f} ms, with traces {seconds[1] * 1e3:.1f} ms")
            traced_jobs = traces.received.count(b"transpile")
            mean = [each / ROUNDS * 1e3 for each in sums]
            print(
                f"{ROUNDS * JOBS} jobs each: {mean[0]:.1f} ms of processor time for a job, "
                f"{mean[1]:.1f} ms with traces: {(sums[1] / sums[0] - 1) * 100:+.1f} % "
                f"({traced_jobs} traces)"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
