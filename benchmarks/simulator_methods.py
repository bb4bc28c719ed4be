"""The simulator's methods for noisy circuits, compared with Aer's noise model of the same device, in one run.

Each circuit is random, on neighbouring qubits of fake_fez: layers of one-qubit gates and of `cz` on every
second pair. Aer simulates the full noise shot by shot; it runs fewer shots, and its time is in proportion.
Times are processor seconds of one thread, the median of the rounds.

A second table compares the outcomes of such circuits with their exact distribution, from the density matrix:
the total variation distance, the one that as many shots of the exact distribution have, and Pearson's
chi-squared test over the outcomes that are expected at least five times and the others together.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel
from scipy.stats import chi2  # type: ignore[import-untyped]

from benchmarks.table import table
from simulator import density
from simulator.aer_noise import AerNoise
from simulator.backends import Backend, catalog
from simulator.engine import Engine
from simulator.noise import DeviceNoise
from simulator.operations import program
from simulator.settings import SimulationLimits
from simulator.simulation_plan import NoiseChoice
from simulator.trajectories import Trajectories

BACKEND = "aer_simulator_noisy_fez"
SHOTS = 1024
#: Shots of each circuit that is compared with its exact distribution, and the sizes of these circuits.
COMPARED_SHOTS = 20_000
COMPARED_QUBITS = (8, 10, 12)
#: Qubits and shots of the circuit that is compared on Aer too.
AER_QUBITS, AER_SHOTS = 8, 4_000
#: Number of times that an outcome has to be expected to count by itself in the chi-squared test.
OFTEN = 5.0


@dataclass(frozen=True)
class Case:
    """One circuit with one noise model.

    Attributes:
        aer_shots: Shots that Aer runs.
        aim: How many times as fast as Aer it should be.
        layers: Its layers of gates.
        rounds: Number of times that both are measured, alternating.
    """

    qubits: int
    clifford: bool
    noise: NoiseChoice
    aer_shots: int
    aim: float
    layers: int = 10
    rounds: int = 3


CASES = (
    Case(16, True, "reset_mixture", 32, 50),
    Case(12, False, "full", 128, 10),
    Case(16, False, "full", 32, 10),
    Case(16, False, "full", 8, 10, layers=40, rounds=1),
    Case(20, False, "full", 2, 10, rounds=1),
)


def row(backend: Backend, length: int) -> list[int]:
    """Return neighbouring qubits of a device."""
    neighbours: dict[int, list[int]] = {}
    for first, second in backend.configuration["coupling_map"]:
        neighbours.setdefault(first, []).append(second)

    def extended(path: list[int]) -> list[int] | None:
        if len(path) == length:
            return path
        for qubit in neighbours[path[-1]]:
            if qubit not in path and (longer := extended([*path, qubit])) is not None:
                return longer
        return None

    path = extended([0])
    assert path is not None
    return path


def random_circuit(case: Case, backend: Backend, seed: int) -> QuantumCircuit:
    """Return a random circuit."""
    rng = np.random.default_rng(seed)
    qubits = row(backend, case.qubits)
    circuit = QuantumCircuit(backend.num_qubits, case.qubits)

    def angle() -> float:
        return float(rng.integers(4)) * np.pi / 2 if case.clifford else float(rng.uniform(0, 2 * np.pi))

    for layer in range(case.layers):
        for qubit in qubits:
            circuit.rz(angle(), qubit)
            circuit.sx(qubit)
            circuit.rz(angle(), qubit)
        for place in range(layer % 2, case.qubits - 1, 2):
            circuit.cz(qubits[place], qubits[place + 1])
    circuit.measure(qubits, range(case.qubits))
    return circuit


def noise_model(backend: Backend, circuit: QuantumCircuit, readout: bool = True) -> NoiseModel:
    """Return Aer's model of the full noise, with or without readout errors."""
    assert backend.properties is not None
    index = {bit: place for place, bit in enumerate(circuit.qubits)}
    uses = {
        (item.name, tuple(index[bit] for bit in item.qubits))
        for item in circuit.data
        if readout or item.name != "measure"
    }
    return AerNoise(DeviceNoise(backend.properties, backend.dt)).model("full", uses)


def seconds(action: Callable[[], Any]) -> float:
    """Return the processor time of an action."""
    began = time.process_time()
    action()
    return time.process_time() - began


def measure(engine: Engine, case: Case) -> list[str]:
    """Return the row of one case."""
    backend = engine.backends[BACKEND]
    circuit = random_circuit(case, backend, case.qubits)
    model = noise_model(backend, circuit)
    simulator = AerSimulator(method="statevector")
    options = {"noise_model": model, "max_parallel_threads": 1}
    method = ""

    def ours() -> None:
        nonlocal method
        executions = engine.prepare(backend, circuit, np.empty((1, 0)), SHOTS, noise=case.noise)
        method = executions[0].plan.method
        engine.run(backend, executions, np.random.default_rng(1))

    def aer() -> None:
        result = simulator.run(circuit, shots=case.aer_shots, **options).result()
        if not result.success:
            raise RuntimeError(result.status)

    simulator.run(circuit, shots=1, **options).result()
    # Alternate, because the speed of the machine changes within seconds.
    pairs = [(seconds(ours), seconds(aer) * SHOTS / case.aer_shots) for _ in range(case.rounds)]
    own, direct = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    name = f"{case.qubits} qubits, {case.layers} layers, {'Clifford' if case.clifford else 'random'}"
    return [
        *(name, case.noise, method, f"{own:.2f} s", f"{direct:.1f} s ({case.aer_shots} shots)"),
        *(f"{direct / own:.0f}", f"{case.aim:.0f}"),
    ]


def compare(engine: Engine, case: Case) -> list[list[str]]:
    """Return the rows that compare outcomes of a circuit with its exact distribution."""
    backend = engine.backends[BACKEND]
    circuit = random_circuit(case, backend, case.qubits)
    assert backend.properties is not None
    prepared = program(circuit, DeviceNoise(backend.properties, backend.dt))
    # Readout errors are left out: they are the same for all methods, and are not part of the density matrix.
    prepared = replace(prepared, flips={})
    exact = density.probabilities(prepared)
    rng = np.random.default_rng(case.qubits)
    weights = 1 << np.arange(case.qubits)
    bits = Trajectories(prepared, rng).sample(case.qubits, COMPARED_SHOTS)
    counts = np.bincount(bits @ weights, minlength=len(exact))
    rows = [[f"{case.qubits} qubits, trajectories", *agreement(counts, exact, rng)]]
    if case.qubits == AER_QUBITS:
        model = noise_model(backend, circuit, readout=False)
        options = {"noise_model": model, "max_parallel_threads": 1, "seed_simulator": 1}
        result = AerSimulator(method="statevector").run(circuit, shots=AER_SHOTS, **options).result()
        counts = np.zeros(len(exact), dtype=np.int64)
        for outcome, count in result.get_counts().int_outcomes().items():
            counts[outcome] = count
        rows.append([f"{case.qubits} qubits, Aer", *agreement(counts, exact, rng)])
    return rows


def agreement(counts: NDArray[np.int64], exact: NDArray[np.float64], rng: np.random.Generator) -> list[str]:
    """Return the shots, both total variation distances, and the p-value of the chi-squared test."""
    total = int(counts.sum())
    distances = [
        abs(each / total - exact).sum() / 2 for each in (counts, rng.multinomial(total, exact / exact.sum()))
    ]
    often = exact * total >= OFTEN
    observed = np.append(counts[often], counts[~often].sum())
    expected = np.append(exact[often], exact[~often].sum()) * total
    kept = expected > 0
    statistic = float(((observed - expected)[kept] ** 2 / expected[kept]).sum())
    p_value = float(chi2.sf(statistic, int(kept.sum()) - 1))
    return [str(total), *(f"{distance:.4f}" for distance in distances), f"{p_value:.2f}"]


def report(largest: int = 20) -> str:
    """Measure and return two tables."""
    engine = Engine(catalog(["fake_fez"]), SimulationLimits())
    speed = [measure(engine, case) for case in CASES if case.qubits <= largest]
    compared = [Case(qubits, False, "full", 0, 0) for qubits in COMPARED_QUBITS if qubits <= largest]
    return "\n\n".join(
        [
            table(
                f"simulator: noisy circuits, {SHOTS} shots, against Aer's full noise shot by shot",
                ["", "noise", "method", "simulator", "Aer", "times as fast", "aim"],
                speed,
            ),
            table(
                "simulator: outcomes with full noise against the exact distribution",
                ["", "shots", "total variation", "of exact sampling", "p of chi-squared"],
                [line for case in compared for line in compare(engine, case)],
            ),
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=20, help="qubits of the largest circuit")
    print(report(parser.parse_args().largest))
