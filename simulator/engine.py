"""Runs circuits on kept Aer simulators, and decides how: method, noise model, threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

from .backends import Backend
from .circuits import Isa, Shape, examine
from .counts import Bits, shots
from .errors import Refusal, SimulationError
from .noise import DeviceNoise, NoiseKind
from .settings import Limits

Method = Literal["stabilizer", "statevector", "density_matrix"]

#: Seconds above which a job counts as large: it may not occupy every worker, and gets several threads.
LARGE_SECONDS = 0.1
#: Qubits above which the density matrix (4**n numbers) is not considered.
MAX_DENSITY_MATRIX_QUBITS = 12
#: What one step costs, in seconds, on one core; measured with aer 0.18, good to a factor of about three.
COST_CALL = 5e-4
COST_AMPLITUDE = 1.5e-9
COST_MATRIX_ELEMENT = 2e-8
COST_TRAJECTORY_GATE = 8e-6
COST_STABILIZER_GATE = 1e-6
COST_STABILIZER_BIT = 1.3e-8


@dataclass(frozen=True)
class Plan:
    """How a circuit will be simulated.

    Attributes:
        method: Aer's simulation method.
        noise: The noise model.
        seconds: About how long one execution takes on one core.
        qubits: Number of qubits that are not idle.
    """

    method: Method
    noise: NoiseKind | Literal["none"]
    seconds: float
    qubits: int

    def metadata(self) -> dict[str, Any]:
        """Return what a result says about how it was obtained."""
        return {"method": self.method, "noise_model": self.noise, "active_qubits": self.qubits}


def plan(shape: Shape, num_shots: int, noisy: bool, limits: Limits) -> Plan:
    """Decide how to simulate a circuit.

    Args:
        shape: What the circuit is made of.
        num_shots: Number of shots.
        noisy: Whether the backend has noise.
        limits: Bounds, among them the time up to which the full noise model is used.

    Raises:
        Refusal: If no method can simulate the circuit within the bounds.
    """
    qubits, gates = len(shape.qubits), max(shape.gates, 1)
    sampling = num_shots * (2e-6 + qubits**2 * COST_STABILIZER_BIT)
    dynamic = shape.control_flow
    if not noisy:
        if shape.clifford:
            return Plan("stabilizer", "none", COST_CALL + gates * 2e-5 + sampling, qubits)
        _check_state_vector(shape, limits)
        runs = num_shots if dynamic else 1
        return Plan("statevector", "none", COST_CALL + runs * gates * 2**qubits * COST_AMPLITUDE, qubits)
    choices = []
    if qubits <= MAX_DENSITY_MATRIX_QUBITS:
        runs = num_shots if dynamic else 1
        choices.append(Plan("density_matrix", "full", runs * gates * 4**qubits * COST_MATRIX_ELEMENT, qubits))
    if qubits <= limits.max_qubits:
        trajectory = gates * (COST_TRAJECTORY_GATE + 2**qubits * COST_AMPLITUDE * 4)
        choices.append(Plan("statevector", "full", num_shots * trajectory, qubits))
    best = min(choices, key=lambda choice: choice.seconds, default=None)
    if best is not None and best.seconds <= limits.full_noise_seconds:
        return replace(best, seconds=best.seconds + COST_CALL)
    if shape.clifford:
        seconds = num_shots * gates * COST_STABILIZER_GATE + sampling
        return Plan("stabilizer", "pauli_twirled", COST_CALL + seconds, qubits)
    _check_state_vector(shape, limits)
    if best is not None and best.method == "density_matrix":
        return best
    trajectory = gates * (COST_STABILIZER_GATE + 2**qubits * COST_AMPLITUDE)
    return Plan("statevector", "pauli_twirled", COST_CALL + num_shots * trajectory, qubits)


def _check_state_vector(shape: Shape, limits: Limits) -> None:
    if len(shape.qubits) > limits.max_qubits:
        raise Refusal(
            f"The circuit uses {len(shape.qubits)} qubits and is not Clifford: its state vector does not fit. "
            f"At most {limits.max_qubits} active qubits can be simulated, or any number in a Clifford circuit.",
            code=1527,
        )


@dataclass(frozen=True)
class Execution:
    """One circuit without free parameters, ready to run."""

    circuit: QuantumCircuit
    shots: int
    shape: Shape
    plan: Plan


class Engine:
    """Runs circuits; keeps what is dear to make.

    Args:
        backends: The backends on offer.
        limits: Bounds of one job.
        large_threads: Threads that a large job may use.
    """

    def __init__(self, backends: Mapping[str, Backend], limits: Limits, large_threads: int) -> None:
        self.backends = backends
        self.limits = limits
        self._large_threads = large_threads
        self._isas: dict[str, Isa] = {}
        self._noise: dict[str, DeviceNoise] = {}
        self._simulators: dict[Method, AerSimulator] = {}

    def warm(self) -> None:
        """Make the simulators that most jobs use, and run a first circuit, which is slower than the next."""
        circuit = QuantumCircuit(1, 1)
        circuit.h(0)
        circuit.measure(0, 0)
        for method in ("stabilizer", "statevector", "density_matrix"):
            self.simulator(method).run(circuit, shots=1, max_parallel_threads=1).result()

    def isa(self, backend: Backend) -> Isa:
        """Return the instructions of a backend."""
        if backend.name not in self._isas:
            self._isas[backend.name] = Isa(backend)
        return self._isas[backend.name]

    def prepare(
        self, backend: Backend, circuit: QuantumCircuit, parameters: NDArray[np.float64], num_shots: int
    ) -> list[Execution]:
        """Bind and check a circuit, and decide how to run it.

        Args:
            backend: Where it is to run.
            circuit: The circuit.
            parameters: One row of values, in the order of ``circuit.parameters``, per execution.
            num_shots: Shots of each execution.

        Returns:
            One execution per row.

        Raises:
            Refusal: If the backend cannot run the circuit, or a bound is exceeded.
        """
        if not 1 <= num_shots <= self.limits.max_shots:
            raise Refusal(
                f"The number of shots, {num_shots}, is not within 1 and {self.limits.max_shots}.", code=1519
            )
        if parameters.shape[-1] != circuit.num_parameters:
            raise Refusal(
                f"The circuit has {circuit.num_parameters} parameters, but {parameters.shape[-1]} values were given."
            )
        if not np.isfinite(parameters).all():
            raise Refusal("Parameter values must be finite numbers.")
        isa = self.isa(backend)
        noisy = backend.device is not None
        if circuit.num_parameters == 0:
            shape = examine(circuit, isa)
            execution = Execution(circuit, num_shots, shape, plan(shape, num_shots, noisy, self.limits))
            return [execution] * len(parameters)
        executions = []
        for row in parameters:
            bound = circuit.assign_parameters(row)
            shape = examine(bound, isa)
            executions.append(Execution(bound, num_shots, shape, plan(shape, num_shots, noisy, self.limits)))
        return executions

    def run(self, backend: Backend, executions: Sequence[Execution], rng: np.random.Generator) -> list[Bits]:
        """Run circuits.

        Args:
            backend: Where they run.
            executions: What to run.
            rng: Seeds the simulation.

        Returns:
            For each execution an array of shape (shots, classical bits).

        Raises:
            SimulationError: If Aer cannot simulate one of them.
        """
        results: list[Bits] = [np.empty(0, dtype=np.uint8)] * len(executions)
        groups: dict[tuple[Method, str, int], list[int]] = {}
        for index, execution in enumerate(executions):
            groups.setdefault((execution.plan.method, execution.plan.noise, execution.shots), []).append(
                index
            )
        for (method, noise, num_shots), members in groups.items():
            # Circuits of one noise kind share a model that covers them all, and one call to Aer.
            model = self.noise_model(backend, noise, [executions[index].shape for index in members])
            circuits = [executions[index].circuit for index in members]
            counts = self._run_aer(circuits, method, model, num_shots, executions[members[0]].plan, rng)
            for index, outcome in zip(members, counts, strict=True):
                results[index] = shots(outcome, executions[index].circuit.num_clbits, num_shots, rng)
        return results

    def noise_model(self, backend: Backend, noise: str, shapes: Sequence[Shape]) -> NoiseModel | None:
        """Return a noise model covering the instructions of some circuits; None for no noise."""
        if noise == "none" or backend.device is None or backend.properties is None:
            return None
        device = self._noise.get(backend.device)
        if device is None:
            device = self._noise[backend.device] = DeviceNoise(backend.properties)
        uses = shapes[0].uses.copy()
        for shape in shapes[1:]:
            uses |= shape.uses
        return device.model("full" if noise == "full" else "pauli_twirled", uses)

    def threads(self, plan: Plan) -> int:
        """Return how many threads Aer may use."""
        return self._large_threads if plan.seconds > LARGE_SECONDS else 1

    def simulator(self, method: Method) -> AerSimulator:
        """Return the kept simulator of a method."""
        if method not in self._simulators:
            self._simulators[method] = AerSimulator(method=method, max_memory_mb=self.limits.max_memory_mb)
        return self._simulators[method]

    def _run_aer(
        self,
        circuits: list[QuantumCircuit],
        method: Method,
        model: NoiseModel | None,
        num_shots: int,
        plan: Plan,
        rng: np.random.Generator,
    ) -> list[dict[str, int]]:
        options: dict[str, Any] = {"shots": num_shots, "seed_simulator": int(rng.integers(2**31))}
        options["max_parallel_threads"] = self.threads(plan)
        if model is not None:
            options["noise_model"] = model
        try:
            result = self.simulator(method).run(circuits, **options).result()
        except QiskitError as error:
            raise SimulationError(f"Aer could not simulate the circuit: {error.message}") from error
        for item in result.results:
            if not item.success:
                raise SimulationError(f"Aer could not simulate the circuit: {item.status}")
        if not result.success:
            raise SimulationError(f"Aer could not simulate the circuits: {result.status}")
        return [getattr(item.data, "counts", None) or {} for item in result.results]
