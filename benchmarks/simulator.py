"""Jobs per second through the simulator's REST API, beside the same circuits run by Aer directly.

Either way all cores are busy, and every job is a circuit of its own. A job through the API is what the client
of IBM Quantum makes of it: POST /jobs, GET /jobs/{id}, GET /jobs/{id}/results; the service has its default
settings and keeps jobs on disk. The direct way has its circuits in memory, transpiled, and reads the counts.
"""

from __future__ import annotations

import asyncio
import base64
import io
import multiprocessing
import os
import queue
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import orjson
import urllib3
from qiskit import QuantumCircuit, qpy
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator

from benchmarks.table import percentile, table

ROOT = Path(__file__).resolve().parents[1]
#: Seconds that anything but the measuring itself may take.
TIMEOUT = 60.0
#: What a person could set to make Aer faster; the fastest for each circuit is taken.
CHOICES: list[dict[str, Any]] = [{}, {"method": "statevector"}]
#: What this project aims for: seconds added to the median of one job.
AIM_ADDED = 0.010


@dataclass(frozen=True)
class Case:
    """One kind of circuit.

    Attributes:
        layers: Layers of rotations and entangling gates.
        distinct: Number of different circuits; they come round again only after all others.
        connections: Jobs that the client has under way at once.
        jobs: Jobs whose latency is measured.
        aim: The part of the direct jobs per second that this project aims for.
    """

    qubits: int
    layers: int
    distinct: int
    connections: int
    jobs: int
    aim: float | None


CASES = (Case(2, 1, 200, 8, 200, 0.6), Case(16, 2, 100, 6, 60, None), Case(22, 1, 12, 4, 12, 0.9))


def circuits(case: Case) -> list[QuantumCircuit]:
    """Different circuits of one kind: nothing that is Clifford, so that Aer has to work."""
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


def _read(stream: Iterable[bytes], lines: queue.Queue[bytes]) -> None:
    for line in stream:
        lines.put(line)


@contextmanager
def service() -> Iterator[tuple[str, str]]:
    """A simulator of its own; gives its address and a token."""
    api_key = secrets.token_hex(16)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIMULATOR_")}
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", "0", "--database", f"{folder}/jobs.db"]
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *options],
            cwd=ROOT,
            env=clean | {"SIMULATOR_API_KEY": api_key},
            stderr=subprocess.PIPE,
        )
        assert process.stderr is not None
        lines: queue.Queue[bytes] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process.stderr, lines), daemon=True)
        reader.start()
        try:
            ready = orjson.loads(lines.get(timeout=TIMEOUT))
            if ready["event"] != "ready":
                raise RuntimeError(f"the simulator did not start: {ready}")
            form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": api_key}
            answer = urllib3.request(
                "POST",
                f"{ready['url']}/identity/token",
                body=urlencode(form),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
            )
            yield ready["url"], orjson.loads(answer.data)["access_token"]
        finally:
            process.terminate()
            process.wait(TIMEOUT)
            reader.join(TIMEOUT)
            process.stderr.close()


class Connection(asyncio.Protocol):
    """One connection that does job after job, in as few steps as can be: it runs on the cores it measures.

    Args:
        requests: The whole HTTP requests that submit jobs.
        authorization: The header that goes with the others.
        go_on: Asked after each job, with the seconds that it took.
    """

    def __init__(
        self, requests: Iterator[bytes], authorization: bytes, go_on: Callable[[float], bool]
    ) -> None:
        self._requests = requests
        self._authorization = authorization
        self._go_on = go_on
        self._received = bytearray()
        self._stage = 0
        self._job = b""
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = transport
        self._submit()

    def _submit(self) -> None:
        self._stage = 0
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def _get(self, path: bytes) -> None:
        self._transport.write(b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path, self._authorization))

    def data_received(self, data: bytes) -> None:
        """Take a piece of an answer."""
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
                # The client looks again half a second later; this one at once, after the held look.
                asyncio.get_running_loop().call_later(
                    0.02, self._get, b"/jobs/%s?exclude_params=true" % self._job
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
        """Fail if that was too early."""
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the service closed the connection"))


async def _through(
    url: str, token: str, bodies: list[bytes], connections: int, seconds: float, jobs: int | None
) -> tuple[list[float], float]:
    """Do jobs for some time, or a number of jobs; gives the seconds of each, and of all."""
    host, _, port = url.removeprefix("http://").partition(":")
    authorization = f"Authorization: Bearer {token}\r\n".encode()
    requests = [
        b"POST /jobs HTTP/1.1\r\nHost: x\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (authorization, len(one), one)
        for one in bodies
    ]

    def endless(start: int) -> Iterator[bytes]:
        while True:
            yield requests[start % len(requests)]
            start += connections

    taken: list[float] = []
    end = time.perf_counter() + seconds

    def go_on(one: float) -> bool:
        taken.append(one)
        return time.perf_counter() < end if jobs is None else len(taken) < jobs

    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [
        await loop.create_connection(
            partial(Connection, endless(index), authorization, go_on), host, int(port)
        )
        for index in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in made))
    return taken, time.perf_counter() - began


def through(
    url: str, token: str, bodies: list[bytes], connections: int, seconds: float = 0.0, jobs: int | None = None
) -> tuple[list[float], float]:
    """Do jobs through the API."""
    return asyncio.run(_through(url, token, bodies, connections, seconds, jobs))


def fastest(case: Case, shots: int, **fixed: Any) -> dict[str, Any]:
    """The options with which Aer is fastest here, `fixed` ones included."""
    tried = circuits(case)[:5]

    def seconds(options: dict[str, Any]) -> float:
        simulator = AerSimulator(**options)
        return percentile([_timed(simulator, circuit, shots) for circuit in [*tried, *tried]], 0.5)

    return min(({**choice, **fixed} for choice in CHOICES), key=seconds)


def _timed(simulator: AerSimulator, circuit: QuantumCircuit, shots: int) -> float:
    began = time.perf_counter()
    result = simulator.run(circuit, shots=shots).result()
    if not result.success:
        raise RuntimeError(result.status)
    result.get_counts()
    return time.perf_counter() - began


def direct_latencies(case: Case, shots: int, options: dict[str, Any]) -> list[float]:
    """Seconds of each job, one after the other."""
    simulator = AerSimulator(**options)
    made = circuits(case)
    _timed(simulator, made[-1], shots)
    return [_timed(simulator, made[index % len(made)], shots) for index in range(case.jobs // 2)]


def direct_rate(case: Case, processes: int, seconds: float, shots: int, options: dict[str, Any]) -> float:
    """Jobs per second of so many processes at once."""
    context = multiprocessing.get_context("spawn")
    ready: Any = context.Barrier(processes)
    counts: Any = context.Queue()
    workers = [
        context.Process(target=_work, args=(case, seconds, shots, options, ready, counts))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    total = sum(counts.get(timeout=seconds + 2 * TIMEOUT) for _ in workers)
    for worker in workers:
        worker.join(TIMEOUT)
    return float(total)


def _work(case: Case, seconds: float, shots: int, options: dict[str, Any], ready: Any, rates: Any) -> None:
    simulator = AerSimulator(**options)
    made = circuits(case)
    _timed(simulator, made[-1], shots)
    ready.wait(TIMEOUT)
    done, began = 0, time.perf_counter()
    while time.perf_counter() < began + seconds:
        _timed(simulator, made[done % len(made)], shots)
        done += 1
    rates.put(done / (time.perf_counter() - began))


def rows(seconds: float = 6.0, shots: int = 1024) -> tuple[list[list[str]], list[list[str]]]:
    """Measure; gives the rows of the two tables: jobs per second, and the latency of one job."""
    cores = os.cpu_count() or 1
    rates, latencies = [], []
    for case in CASES:
        single = fastest(case, shots, max_parallel_threads=1)
        several = fastest(case, shots)
        bodies = [body(circuit, shots) for circuit in circuits(case)]
        # The direct way is measured before and after: these machines change their speed within minutes.
        rate = direct_rate(case, cores, seconds / 2, shots, single)
        alone = direct_latencies(case, shots, several)
        with service() as (url, token):
            through(url, token, bodies, case.connections, jobs=2 * case.connections)
            done, took = through(url, token, bodies, case.connections, seconds)
            one, _ = through(url, token, bodies, 1, jobs=case.jobs)
        alone += direct_latencies(case, shots, several)
        rate = (rate + direct_rate(case, cores, seconds / 2, shots, single)) / 2
        found = len(done) / took
        aim = "" if case.aim is None else f"{case.aim:.2f}"
        rates.append([f"{case.qubits} qubits", f"{rate:.1f}", f"{found:.1f}", f"{found / rate:.2f}", aim])
        middle, whole = percentile(alone, 0.5), percentile(one, 0.5)
        values = (middle, whole, whole - middle)
        latencies.append([f"{case.qubits} qubits", *(f"{value * 1000:.1f} ms" for value in values)])
    return rates, latencies


def report(seconds: float = 6.0) -> str:
    """Measure, and say it in two tables."""
    cores = os.cpu_count() or 1
    rates, latencies = rows(seconds)
    return "\n\n".join(
        [
            table(
                f"simulator: jobs per second, {cores} cores busy, 1024 shots",
                ["", f"direct: {cores} processes", "REST API", "part of direct", "aim"],
                rates,
            ),
            table("simulator: one job at a time, p50", ["", "direct", "REST API", "added"], latencies)
            + f"\naim: at most {AIM_ADDED * 1000:.0f} ms added",
        ]
    )


if __name__ == "__main__":
    print(report())
