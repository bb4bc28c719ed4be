"""Random circuits by every method and noise model, against exact density matrices (`exact.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Clbit
from scipy.stats import chi2  # type: ignore[import-untyped]

from simulator.backends import catalog
from simulator.channels import NoiseKind
from simulator.engine import Engine
from simulator.settings import SimulationLimits
from simulator.simulation_plan import Execution, Method, SimulationPlan
from simulator.variables import lower

from . import dynamic, exact

SHOTS = 8_000
#: Qubits in a row on fake_fez; the times of some have T2 > T1.
ROW = (0, 1, 2, 3, 4, 5, 6, 7)
#: Outcomes that are expected less often than this are counted together.
RARE = 10.0


@dataclass(frozen=True)
class Way:
    """One method with one noise model.

    Attributes:
        clifford: Whether it runs only Clifford circuits.
        control_flow: Whether the circuit has control flow.
        midway: Whether it can measure in the middle.
        aer: Whether Aer runs it.
        unitary: Whether it runs only circuits of gates, measured at their end.
    """

    method: Method
    noise: NoiseKind | None = None
    clifford: bool = False
    control_flow: bool = False
    midway: bool = False
    aer: bool = False
    unitary: bool = False

    def __str__(self) -> str:
        where = "Aer, " if self.aer else ""
        return f"{where}{self.method}, {self.noise or 'none'}{', control flow' if self.control_flow else ''}"


KINDS: tuple[NoiseKind, ...] = ("full", "reset_mixture", "pauli_twirled")
WAYS = (
    Way("statevector", aer=True, midway=True),
    Way("matrix_product_state", aer=True),
    Way("stabilizer", clifford=True, midway=True),
    *(Way("density_matrix", kind) for kind in KINDS),
    *(Way("statevector", kind, midway=True) for kind in KINDS),
    *(Way("stabilizer", kind, clifford=True, midway=True) for kind in KINDS[1:]),
    *(Way("statevector", kind, control_flow=True, aer=True) for kind in KINDS),
    Way("density_matrix", "full", control_flow=True, aer=True),
    Way("bloch", "full"),
    Way("statevector", unitary=True),
)
#: Dynamic circuits, whose method the simulator chooses.
DYNAMIC_WAYS = (
    Way("statevector", control_flow=True, aer=True),
    Way("density_matrix", "full", control_flow=True, aer=True),
)


def random_circuit(rng: np.random.Generator, qubits: int, way: Way) -> QuantumCircuit:
    """Return a random circuit in the instructions of fake_fez."""
    circuit = QuantumCircuit(len(ROW), qubits)
    row = ROW[:qubits]
    delays = not way.control_flow and rng.random() < 0.5
    for layer in range(int(rng.integers(2, 6))):
        for qubit in row:
            circuit.rz(rng.integers(4) * np.pi / 2 if way.clifford else rng.uniform(-np.pi, np.pi), qubit)
            (circuit.sx if rng.random() < 0.8 else circuit.x)(qubit)
            if delays and rng.random() < 0.3:
                circuit.delay(float(rng.integers(1, 40)), qubit, unit="us")
            if not way.unitary and rng.random() < 0.05:
                circuit.reset(qubit)
            if way.midway and rng.random() < 0.05:
                circuit.measure(qubit, int(rng.integers(qubits)))
        if way.method != "bloch":
            for left in range(layer % 2, qubits - 1, 2):
                circuit.cz(row[left], row[left + 1])
    circuit.barrier()
    for qubit, clbit in zip(row, rng.permutation(qubits).tolist(), strict=True):
        if rng.random() < 0.9:
            circuit.measure(qubit, clbit)
    return circuit


def with_control_flow(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit whose gates are in a block that is always executed."""
    result = circuit.copy_empty_like()
    final = [item for item in circuit.data if item.name == "measure"]
    flag = result.num_clbits
    result.add_bits([Clbit()])
    with result.if_test((result.clbits[flag], 0)):
        for item in circuit.data:
            if item.name not in ("measure", "barrier"):
                result.append(item)
    for item in final:
        result.append(item)
    return result


@dataclass
class Comparison:
    """The chi-squared statistics of all circuits of one way."""

    way: Way
    statistics: list[tuple[float, int]] = field(default_factory=list)

    def p_values(self) -> list[float]:
        """Return the p-value of each circuit, and that of all together, for small systematic errors."""
        total = np.sum(self.statistics, axis=0)
        return [
            # A circuit with one possible outcome has no freedom.
            float(chi2.sf(value, freedom)) if freedom else 1.0
            for value, freedom in [*self.statistics, tuple(total)]
        ]


class Laboratory:
    """Runs circuits and compares their outcomes with the exact probabilities."""

    def __init__(self) -> None:
        self.engine = Engine(catalog(["fake_fez"]), SimulationLimits())
        self._noisy = self.engine.backends["aer_simulator_noisy_fez"]
        self._noiseless = self.engine.backends["aer_simulator"]

    def compare(self, way: Way, seeds: Iterator[int], most_qubits: int) -> Comparison:
        """Compare one circuit per seed."""
        comparison = Comparison(way)
        for seed in seeds:
            rng = np.random.default_rng(seed)
            # Larger ones are rarer: their exact density matrices take seconds.
            qubits = 1 + min(int(rng.geometric(0.3)), most_qubits - 1)
            circuit = random_circuit(rng, qubits, way)
            expected = exact.distribution(circuit, self._device(way))
            observed = np.bincount(self._outcomes(way, circuit, rng), minlength=len(expected))
            comparison.statistics.append(chi_squared(observed[: len(expected)], expected))
        return comparison

    def compare_dynamic(self, way: Way, seeds: Iterator[int]) -> Comparison:
        """Compare one dynamic circuit per seed, run as the simulator plans it."""
        comparison = Comparison(way)
        backend = self._noiseless if way.noise is None else self._noisy
        for seed in seeds:
            rng = np.random.default_rng(seed)
            circuit = dynamic.random_dynamic_circuit(rng, backend.num_qubits)
            expected = dynamic.distribution(circuit, self._device(way))
            executions = self.engine.prepare(backend, lower(circuit), np.empty((1, 0)), SHOTS)
            (bits,) = self.engine.run(backend, executions, rng)
            outcomes = bits[:, : circuit.num_clbits] @ (1 << np.arange(circuit.num_clbits))
            comparison.statistics.append(
                chi_squared(np.bincount(outcomes, minlength=len(expected)), expected)
            )
        return comparison

    def _device(self, way: Way) -> exact.Device | None:
        if way.noise is None:
            return None
        assert self._noisy.properties is not None
        return exact.Device(self._noisy.properties, self._noisy.configuration["dt"], way.noise)

    def _outcomes(self, way: Way, circuit: QuantumCircuit, rng: np.random.Generator) -> NDArray[np.int64]:
        backend = self._noiseless if way.noise is None else self._noisy
        executed = with_control_flow(circuit) if way.control_flow else circuit
        (prepared,) = self.engine.prepare(backend, executed, np.empty((1, 0)), SHOTS)
        if way.method != "bloch" and (bound := self.engine.scheduled(backend, executed)) is not None:
            plan = SimulationPlan(way.method, way.noise or "none", 0.0, circuit.num_clbits, way.aer)
            uses = self.engine.uses(backend, bound)
            prepared = Execution(bound, executed.num_clbits, SHOTS, uses, plan, None)
        (bits,) = self.engine.run(backend, [prepared], rng)
        outcomes: NDArray[np.int64] = bits.astype(np.int64) @ (1 << np.arange(bits.shape[1]))
        return outcomes


def chi_squared(observed: NDArray[np.int64], expected: NDArray[np.float64]) -> tuple[float, int]:
    """Return Pearson's statistic and its degrees of freedom; impossible outcomes must not occur."""
    total = observed.sum()
    mean = expected * total
    assert not observed[expected < 1e-12].any(), "an impossible outcome occurred"
    often = mean >= RARE
    counts = [*observed[often], observed[~often].sum()]
    means = [*mean[often], mean[~often].sum()]
    if means[-1] < RARE and len(means) > 1:
        counts[-2:], means[-2:] = [sum(counts[-2:])], [sum(means[-2:])]
    statistic = sum((count - value) ** 2 / value for count, value in zip(counts, means, strict=True))
    return float(statistic), len(means) - 1
