"""The main job as fast as a person could write it: Qiskit and Aer in one warm process."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from typing import Any

from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from actions.smile_super_position.circuit import superposition, to_bits
from benchmarks.inputs import pairs
from testkit.percentile import percentile

#: Seconds that the processes of a throughput run may take beyond the run itself.
START_TIMEOUT = 60.0


#: What a person could set to make Aer faster; the fastest on this machine is taken.
CHOICES: list[dict[str, Any]] = [{}, {"method": "statevector"}, {"method": "stabilizer"}]
#: Jobs that each choice is tried with.
TRIALS = 30


def job(shots: int, options: dict[str, Any]) -> Callable[[str, str], dict[str, int]]:
    """Build, transpile with a kept pass manager, run on a kept simulator, read the two counts."""
    simulator = AerSimulator(**options)
    passes = generate_preset_pass_manager(0, backend=simulator)

    def run(first: str, second: str) -> dict[str, int]:
        bits = to_bits(first), to_bits(second)
        counts = simulator.run(passes.run(superposition(*bits)), shots=shots).result().get_counts()
        return {first: counts.get(bits[0], 0), second: counts.get(bits[1], 0)}

    return run


def fastest(shots: int, **fixed: Any) -> dict[str, Any]:
    """Return the options with which Aer is fastest here, including those in `fixed`."""

    def seconds(options: dict[str, Any]) -> float:
        run, inputs = job(shots, options), pairs(0)
        run(*next(inputs))
        return percentile([_timed(run, inputs) for _ in range(TRIALS)], 0.5)

    return min(({**choice, **fixed} for choice in CHOICES), key=seconds)


def latencies(count: int, shots: int, options: dict[str, Any]) -> list[float]:
    """Seconds of each of `count` jobs, one after the other."""
    run, inputs = job(shots, options), pairs(1)
    for _ in range(10):
        run(*next(inputs))
    return [_timed(run, inputs) for _ in range(count)]


def _timed(run: Callable[[str, str], Any], inputs: Iterator[tuple[str, str]]) -> float:
    first, second = next(inputs)
    began = time.perf_counter()
    run(first, second)
    return time.perf_counter() - began


def throughput(processes: int, seconds: float, shots: int, options: dict[str, Any]) -> float:
    """Return the jobs per second of this many processes at once."""
    context = multiprocessing.get_context("spawn")
    ready: Any = context.Barrier(processes)
    counts: Any = context.Queue()
    workers = [
        context.Process(target=_work, args=(index, seconds, shots, options, ready, counts))
        for index in range(processes)
    ]
    for worker in workers:
        worker.start()
    total = sum(counts.get(timeout=seconds + START_TIMEOUT) for _ in workers)
    for worker in workers:
        worker.join(10)
    return float(total) / seconds


def _work(seed: int, seconds: float, shots: int, options: dict[str, Any], ready: Any, counts: Any) -> None:
    run, inputs = job(shots, options), pairs(seed)
    run(*next(inputs))
    ready.wait(START_TIMEOUT)
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        run(*next(inputs))
        done += 1
    counts.put(done)
