"""Jobs per second through the simulator's REST API, compared with the same circuits run by Aer directly.

Both ways use all cores, and every job has a different circuit. A job through the API is what the client
of IBM Quantum makes of it: POST /jobs, GET /jobs/{id}, GET /jobs/{id}/results; the service has its default
settings and keeps jobs on disk. The direct way has its circuits in memory, transpiled, and reads the counts.

The part of the direct jobs per second includes the client that sends the requests on the same cores, and
whatever else runs on the machine. "By CPU" is the ratio of the processor times, without the client.
"""

from __future__ import annotations

import asyncio
import base64
import io
import multiprocessing
import os
import socket
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from qiskit import QuantumCircuit, qpy
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from benchmarks.table import table
from core.settings.provider import NO_INSTANCE
from testkit.percentile import percentile
from testkit.simulator import SimulatorProcess

#: Seconds that anything except the measurement itself may take.
TIMEOUT = 60.0
#: What a person could set to make Aer faster; the fastest for each circuit is taken.
CHOICES: list[dict[str, Any]] = [{}, {"method": "statevector"}, {"max_parallel_threads": 1}]
#: What this project aims for: seconds added to the median of one job.
AIM_ADDED = 0.010


@dataclass(frozen=True)
class Case:
    """One kind of circuit.

    Attributes:
        layers: Layers of rotations and entangling gates.
        distinct: Number of different circuits; they repeat only after all others.
        connections: Jobs that the client has in progress at once.
        aim: The part of the direct jobs per second that this project aims for.
        longer: How much longer it is measured than the others.
        rounds: Number of times that both ways are measured, alternating.
    """

    qubits: int
    layers: int
    distinct: int
    connections: int
    aim: float | None
    longer: float = 1.0
    rounds: int = 4


CASES = (Case(2, 1, 200, 8, 0.6), Case(16, 2, 100, 6, None), Case(22, 1, 12, 4, 0.9, longer=2.0, rounds=2))


def circuits(case: Case) -> list[QuantumCircuit]:
    """Return different circuits of one kind. None is Clifford, so that Aer has to work."""
    source = np.random.default_rng(case.qubits)
    made = []
    for _ in range(case.distinct):
        circuit = QuantumCircuit(case.qubits)
        for _ in range(case.layers):
            for qubit in range(case.qubits):
                circuit.ry(source.uniform(0, np.pi), qubit)
            for qubit in range(case.qubits - 1):
                circuit.cx(qubit, qubit + 1)
        circuit.measure_all()
        made.append(circuit)
    prepared: list[QuantumCircuit] = generate_preset_pass_manager(0, backend=AerSimulator()).run(made)
    return prepared


def body(circuit: QuantumCircuit, shots: int) -> bytes:
    """A job of the `executor` program, as the client's Sampler submits it."""
    buffer = io.BytesIO()
    qpy.dump(circuit, buffer, version=17)
    packed = base64.b64encode(zlib.compress(buffer.getvalue())).decode()
    nothing = {"data": base64.b64encode(zlib.compress(b"")).decode(), "shape": [0], "dtype": "f64"}
    program = {
        "shots": shots,
        "circuits": {"b64_data": packed, "qpy_version": 17, "num_programs": 1},
        "items": [{"item_type": "circuit", "circuit_arguments": nothing, "shape": [], "chunk_size": "auto"}],
        "meas_level": "classified",
        "passthrough_data": None,
        "semantic_role": None,
    }
    params = {"schema_version": "v2.0", "quantum_program": program, "options": {}}
    return orjson.dumps({"program_id": "executor", "backend": "aer_simulator", "params": params})


@contextmanager
def started() -> Iterator[SimulatorProcess]:
    """Start a separate simulator, which keeps its jobs on disk; it ends with the context."""
    with tempfile.TemporaryDirectory() as folder, SimulatorProcess("--database", f"{folder}/jobs.db") as made:
        yield made


class Connection(asyncio.Protocol):
    """One connection that does job after job in as few steps as possible: it uses the cores that it measures.

    Args:
        requests: The whole HTTP requests that submit jobs.
        authorization: The header that each request has as well.
        go_on: Called after each job, with the seconds that it took.
        pause: Seconds between two looks at a job; the client's are half a second, after the first.
    """

    def __init__(
        self,
        requests: Iterator[bytes],
        authorization: bytes,
        go_on: Callable[[float], bool],
        pause: float,
    ) -> None:
        self._requests = requests
        self._authorization = authorization
        self._go_on = go_on
        self._pause = pause
        self._received = bytearray()
        self._stage = 0
        self._job = b""
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Start."""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._submit()

    def _submit(self) -> None:
        self._stage = 0
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def _get(self, path: bytes) -> None:
        self._transport.write(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n" % (path, self._authorization))

    def data_received(self, data: bytes) -> None:
        """Receive a part of an answer."""
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._received.find(b"Content-Length: ") + 16
        length = int(self._received[at : self._received.find(b"\r\n", at)])
        if len(self._received) < head + 4 + length:
            return
        answer, self._received = bytes(self._received), bytearray()
        try:
            self._answered(answer[9:12], answer[head + 4 :])
        except Exception as error:
            self.done.set_exception(error)
            self._transport.close()

    def _answered(self, status: bytes, answer: bytes) -> None:
        if status != b"200":
            raise RuntimeError(f"a job failed: {status!r} {answer[:300]!r}")
        if self._stage == 0:
            self._job = orjson.loads(answer)["id"].encode()
            self._get(b"/jobs/%s?exclude_params=true" % self._job)
        elif self._stage == 1:
            if b'"Completed"' not in answer:
                if b'"Queued"' not in answer and b'"Running"' not in answer:
                    raise RuntimeError(f"a job failed: {answer[:300]!r}")
                asyncio.get_running_loop().call_later(
                    self._pause, self._get, b"/jobs/%s?exclude_params=true" % self._job
                )
                return
            self._get(b"/jobs/%s/results" % self._job)
        else:
            if b"schema_version" not in answer:
                raise RuntimeError(f"this is no result: {answer[:300]!r}")
            if self._go_on(time.perf_counter() - self._began):
                self._submit()
            else:
                self._transport.close()
                self.done.set_result(None)
            return
        self._stage += 1

    def connection_lost(self, error: Exception | None) -> None:
        """Raise an error if the connection ended too early."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the service closed the connection"))


@dataclass
class Done:
    """The outcome of a run.

    Attributes:
        taken: Seconds of each job.
        counted: Jobs that ended in the counted time, which begins when all cores are busy, and
            ends while they still are.
        seconds: The length of the counted time.
    """

    taken: list[float]
    counted: int
    seconds: float


async def _through(
    url: str, token: str, bodies: list[bytes], connections: int, seconds: float, jobs: int | None
) -> Done:
    """Do jobs for some time, or a number of jobs."""
    host, _, port = url.removeprefix("http://").partition(":")
    authorization = f"Authorization: Bearer {token}\r\nService-CRN: {NO_INSTANCE}\r\n".encode()
    requests = [
        b"POST /jobs HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (authorization, len(one), one)
        for one in bodies
    ]

    def endless(start: int) -> Iterator[bytes]:
        while True:
            yield requests[start % len(requests)]
            start += connections

    taken: list[float] = []
    ends: list[float] = []
    end = time.perf_counter() + seconds

    def go_on(latency: float) -> bool:
        taken.append(latency)
        ends.append(time.perf_counter())
        return ends[-1] < end if jobs is None else len(taken) < jobs

    # Many looks use the cores that are measured; few would round up the latency of one job.
    pause = 0.01 if connections == 1 else 0.1
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(
            partial(Connection, endless(index), authorization, go_on, pause), host, int(port)
        )
        for index in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    # By the second end all cores are busy. Jobs in progress at the start and at the end balance each other.
    began = ends[min(2, len(ends)) - 1] if ends[min(2, len(ends)) - 1] < end else end - seconds
    return Done(taken, sum(began < moment <= end for moment in ends), end - began)


def through(
    url: str, token: str, bodies: list[bytes], connections: int, seconds: float = 0.0, jobs: int | None = None
) -> Done:
    """Do jobs through the API."""
    return asyncio.run(_through(url, token, bodies, connections, seconds, jobs))


class Direct:
    """Warm processes, one per core, each with only Qiskit and Aer."""

    def __init__(self, case: Case, processes: int, shots: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes = []
        self.processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(case, shots, theirs))
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self.processes.append(process)
        for pipe in self._pipes:
            self._receive(pipe, 0.0)

    @staticmethod
    def _receive(pipe: Any, seconds: float) -> Any:
        if not pipe.poll(seconds + 2 * TIMEOUT):
            raise TimeoutError("a process does not answer")
        return pipe.recv()

    def run(self, seconds: float, options: dict[str, Any], alone: bool = False) -> list[list[float]]:
        """Do jobs for some time, in all processes or in one; gives each process's seconds of each job."""
        pipes = self._pipes[:1] if alone else self._pipes
        for pipe in pipes:
            pipe.send((seconds, options))
        return [self._receive(pipe, seconds) for pipe in pipes]

    def fastest(self, **fixed: Any) -> dict[str, Any]:
        """Return the options with which Aer is fastest here, including those in `fixed`."""

        def seconds(options: dict[str, Any]) -> float:
            return percentile(self.run(0.5, options, alone=True)[0], 0.5)

        return min(({**choice, **fixed} for choice in CHOICES), key=seconds)

    def close(self) -> None:
        """End the processes."""
        for pipe in self._pipes:
            pipe.send(None)
        for process in self.processes:
            process.join(TIMEOUT)


def _timed(simulator: AerSimulator, circuit: QuantumCircuit, shots: int) -> float:
    began = time.perf_counter()
    result = simulator.run(circuit, shots=shots).result()
    if not result.success:
        raise RuntimeError(result.status)
    result.get_counts()
    return time.perf_counter() - began


def _work(case: Case, shots: int, pipe: Any) -> None:
    made = circuits(case)
    simulators: dict[str, AerSimulator] = {}
    pipe.send("ready")
    while (asked := pipe.recv()) is not None:
        seconds, options = asked
        simulator = simulators.get(str(options))
        if simulator is None:
            simulator = simulators[str(options)] = AerSimulator(**options)
            _timed(simulator, made[-1], shots)
        taken: list[float] = []
        end = time.perf_counter() + seconds
        while not taken or time.perf_counter() < end:
            taken.append(_timed(simulator, made[len(taken) % len(made)], shots))
        pipe.send(taken)


def _cpu_seconds(pids: Iterable[int]) -> float:
    """Processor time that some processes have used; 0 where there is no /proc."""
    total = 0.0
    for pid in pids:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _tree(pid: int) -> list[int]:
    tree = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            tree += _tree(int(child))
    return tree


def measure(case: Case, seconds: float, shots: int) -> tuple[list[str], list[str]]:
    """The rows of one kind of circuit: jobs per second, and the latency of one job."""
    cores = os.cpu_count() or 1
    direct = Direct(case, cores, shots)
    bodies = [body(circuit, shots) for circuit in circuits(case)]
    several, single = direct.fastest(), direct.fastest(max_parallel_threads=1)
    counts, times, cpu = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    alone: list[list[float]] = [[], []]
    jobs = 0
    try:
        with started() as simulator:
            url, token, pid = simulator.url, simulator.token(), simulator.process.pid
            through(url, token, bodies, case.connections, jobs=2 * case.connections)
            # Alternate, because the speed of the machine changes within seconds.
            for _ in range(case.rounds):
                before = _cpu_seconds(process.pid or 0 for process in direct.processes)
                for taken in direct.run(seconds / case.rounds, single):
                    counts[0] += len(taken) / cores
                    times[0] += sum(taken) / cores / cores
                cpu[0] += _cpu_seconds(process.pid or 0 for process in direct.processes) - before
                before = _cpu_seconds(_tree(pid))
                done = through(url, token, bodies, case.connections, seconds / case.rounds)
                counts[1], times[1] = counts[1] + done.counted, times[1] + done.seconds
                jobs, cpu[1] = jobs + len(done.taken), cpu[1] + _cpu_seconds(_tree(pid)) - before
                alone[0] += direct.run(seconds / case.rounds / 2, several, alone=True)[0]
                alone[1] += through(url, token, bodies, 1, seconds / case.rounds / 2).taken
    finally:
        direct.close()
    rates = [counts[0] / times[0], counts[1] / times[1]]
    used = [1000 * cpu[0] / (counts[0] * cores), 1000 * cpu[1] / jobs]
    aim = "" if case.aim is None else f"{case.aim:.2f}"
    name = f"{case.qubits} qubits"
    parts = [f"{rates[1] / rates[0]:.2f}", f"{used[0] / used[1]:.2f}" if used[1] else "", aim]
    first = [name, *(f"{rate:.1f}" for rate in rates), *parts]
    middle = [percentile(taken, 0.5) for taken in alone]
    second = [name, *(f"{value * 1000:.1f} ms" for value in (*middle, middle[1] - middle[0]))]
    return [*first, *(f"{value:.2f} ms" for value in used)], second


def rows(seconds: float = 8.0, shots: int = 1024) -> tuple[list[list[str]], list[list[str]]]:
    """Measure and return the rows of the two tables: jobs per second, and the latency of one job."""
    measured = [measure(case, seconds * case.longer, shots) for case in CASES]
    return [rate for rate, _ in measured], [latency for _, latency in measured]


def report(seconds: float = 8.0) -> str:
    """Measure and print two tables."""
    cores = os.cpu_count() or 1
    rates, latencies = rows(seconds)
    return "\n\n".join(
        [
            table(
                f"simulator: jobs per second, {cores} cores busy, 1024 shots; direct: {cores} processes",
                [
                    "",
                    "direct",
                    "REST API",
                    "part of direct",
                    "by CPU",
                    "aim",
                    "CPU a job: direct",
                    "REST API",
                ],
                rates,
            ),
            table("simulator: one job at a time, p50", ["", "direct", "REST API", "added"], latencies)
            + f"\naim: at most {AIM_ADDED * 1000:.0f} ms added",
        ]
    )


if __name__ == "__main__":
    print(report())
