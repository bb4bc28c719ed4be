"""The main job as fast as a person could write it: Qiskit and Aer in one warm process, nothing between."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from typing import Any

from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from actions.smile_super_position.circuit import superposition, to_bits
from benchmarks.inputs import pairs

#: Seconds that the processes of a throughput run may take beyond the run itself.
START_TIMEOUT = 60.0


def job(shots: int) -> Callable[[str, str], dict[str, int]]:
    """Build, transpile with a kept pass manager, run on a kept simulator, read the two counts."""
    # One thread: at this size a second one gains nothing, and with two processes it costs.
    simulator = AerSimulator(max_parallel_threads=1)
    passes = generate_preset_pass_manager(0, backend=simulator)

    def run(first: str, second: str) -> dict[str, int]:
        bits = to_bits(first), to_bits(second)
        counts = simulator.run(passes.run(superposition(*bits)), shots=shots).result().get_counts()
        return {first: counts.get(bits[0], 0), second: counts.get(bits[1], 0)}

    return run


def latencies(count: int, shots: int) -> list[float]:
    """Seconds of each of `count` jobs, one after the other."""
    run, inputs = job(shots), pairs(1)
    for _ in range(10):
        run(*next(inputs))
    return [_timed(run, inputs) for _ in range(count)]


def _timed(run: Callable[[str, str], Any], inputs: Iterator[tuple[str, str]]) -> float:
    first, second = next(inputs)
    began = time.perf_counter()
    run(first, second)
    return time.perf_counter() - began


def throughput(processes: int, seconds: float, shots: int) -> float:
    """Jobs per second of so many processes at once."""
    context = multiprocessing.get_context("spawn")
    ready: Any = context.Barrier(processes)
    counts: Any = context.Queue()
    workers = [
        context.Process(target=_work, args=(index, seconds, shots, ready, counts))
        for index in range(processes)
    ]
    for worker in workers:
        worker.start()
    total = sum(counts.get(timeout=seconds + START_TIMEOUT) for _ in workers)
    for worker in workers:
        worker.join(10)
    return float(total) / seconds


def _work(seed: int, seconds: float, shots: int, ready: Any, counts: Any) -> None:
    run, inputs = job(shots), pairs(seed)
    run(*next(inputs))
    ready.wait(START_TIMEOUT)
    done, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        run(*next(inputs))
        done += 1
    counts.put(done)
