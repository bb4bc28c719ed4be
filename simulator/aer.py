"""Running circuits on Aer: large noiseless ones, those with control flow, those with a seed of the client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Gate
from qiskit.circuit.library import UnitaryGate
from qiskit.exceptions import QiskitError
from qiskit_aer import AerSimulator
from qiskit_aer.jobs import utils as jobs_utils

from .aer_noise import AerNoise
from .clifford import for_aer
from .counts import Bits, shots
from .errors import SimulationError
from .narrow import narrowed
from .simulation_plan import LARGE_SECONDS, Execution, Method, SimulationPlan
from .spare_bit import drops_assignments, has_unmeasured, with_spare_bit
from .stores import as_measurements

#: The methods that are used, and a first circuit is run with.
METHODS: tuple[Method, ...] = ("stabilizer", "statevector", "density_matrix")


class Inline(Executor):
    """Runs a function at once in the calling thread.

    Aer would use another thread for each run, which costs a small circuit a quarter of its time. A worker
    only waits for it.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Aer:
    """Aer's simulators.

    Args:
        max_memory_mb: MB that the simulated state may take.
    """

    def __init__(self, max_memory_mb: int) -> None:
        #: Threads that a large job may use.
        self.large_threads = 1
        self._max_memory_mb = max_memory_mb
        self._simulators: dict[Method, AerSimulator] = {}

    def warm(self) -> None:
        """Create the simulators, and run a first circuit on each, which takes longer than the next ones.

        From then on Aer runs in the calling thread of this process.
        """
        jobs_utils.DEFAULT_EXECUTOR = Inline()
        circuit = QuantumCircuit(1, 1)
        circuit.h(0)
        circuit.measure(0, 0)
        for method in METHODS:
            self._simulator(method).run(circuit, shots=1, max_parallel_threads=1).result()

    def run(
        self,
        executions: Sequence[Execution],
        noise: AerNoise | None,
        rng: np.random.Generator,
        seed: int | None,
    ) -> list[Bits]:
        """Run circuits.

        Args:
            executions: The executions.
            noise: The device's noise; None for no noise.
            rng: Seeds the simulation.
            seed: Seeds Aer instead, if it is set.

        Returns:
            For each execution an array of shape (shots, classical bits).

        Raises:
            SimulationError: If Aer cannot simulate one of them.
        """
        results: list[Bits] = [np.empty((0, 0), dtype=np.uint8)] * len(executions)
        groups: dict[tuple[Method, str, int], list[int]] = {}
        for index, execution in enumerate(executions):
            key = (execution.plan.method, execution.plan.noise, execution.shots)
            groups.setdefault(key, []).append(index)
        for (method, _, num_shots), members in groups.items():
            aer_seed = int(rng.integers(2**31)) if seed is None else seed
            chosen = [executions[index] for index in members]
            data = self._run(chosen, method, noise, num_shots, aer_seed, seed is not None)
            for index, item in zip(members, data, strict=True):
                outcomes = getattr(item, "counts", None) or {}
                results[index] = shots(outcomes, executions[index].num_clbits, num_shots, rng)
        return results

    def _run(
        self,
        executions: list[Execution],
        method: Method,
        noise: AerNoise | None,
        num_shots: int,
        seed: int,
        like_aer: bool,
    ) -> list[Any]:
        """Run circuits in one call, with one noise model that covers all of them.

        With `like_aer` a result without noise is what Aer gives for the circuit and the seed, unless Aer
        fails for the circuit or drops its assignments.
        """
        plan = executions[0].plan
        simulator = self._simulator(method)
        circuits = [_narrowed(each.circuit) for each in executions if each.circuit is not None]
        options: dict[str, Any] = {"shots": num_shots, "seed_simulator": seed}
        options["max_parallel_threads"] = self._threads(plan)
        if noise is not None and plan.noise != "none":
            uses = frozenset[tuple[str, tuple[int, ...]]]().union(*(each.uses for each in executions))
            options["noise_model"] = noise.model(plan.noise, uses)
            circuits = [
                noise.with_delays(as_measurements(with_spare_bit(circuit)), plan.noise)
                for circuit in circuits
            ]
            return _data(simulator, circuits, options)
        if method == "stabilizer":
            circuits = [for_aer(circuit) for circuit in circuits]
        if method == "matrix_product_state":
            known = frozenset(simulator.configuration().basis_gates)
            circuits = [_with_known_gates(circuit, known) for circuit in circuits]
        circuits = [with_spare_bit(each) if drops_assignments(each) else each for each in circuits]
        if like_aer:
            return _data_like_aer(simulator, circuits, options)
        circuits = [with_spare_bit(each) if _may_fail(each) else each for each in circuits]
        return _data(simulator, circuits, options)

    def _threads(self, plan: SimulationPlan) -> int:
        """Return how many threads Aer may use."""
        return self.large_threads if plan.seconds > LARGE_SECONDS else 1

    def _simulator(self, method: Method) -> AerSimulator:
        """Return the cached simulator of a method."""
        if method not in self._simulators:
            self._simulators[method] = AerSimulator(method=method, max_memory_mb=self._max_memory_mb)
        return self._simulators[method]


def _narrowed(circuit: QuantumCircuit) -> QuantumCircuit:
    return narrowed(circuit) if _has_control_flow(circuit) else circuit


def _has_control_flow(circuit: QuantumCircuit) -> bool:
    return any(item.is_control_flow() for item in circuit.data)


def _may_fail(circuit: QuantumCircuit) -> bool:
    """Return whether Aer may fail for the circuit's control flow."""
    return _has_control_flow(circuit) and has_unmeasured(circuit)


def _data(simulator: AerSimulator, circuits: list[QuantumCircuit], options: dict[str, Any]) -> list[Any]:
    """Run circuits in one call, and return the data of each.

    Raises:
        SimulationError: If Aer cannot simulate one of them.
    """
    try:
        result = simulator.run(circuits, **options).result()
    except QiskitError as error:
        raise SimulationError(f"Aer could not simulate the circuit: {error.message}") from error
    for item in result.results:
        if not item.success:
            raise SimulationError(f"Aer could not simulate the circuit: {item.status}")
    if not result.success:
        raise SimulationError(f"Aer could not simulate the circuits: {result.status}")
    return [item.data for item in result.results]


def _data_like_aer(
    simulator: AerSimulator, circuits: list[QuantumCircuit], options: dict[str, Any]
) -> list[Any]:
    """Run circuits without noise in one call, unchanged except for those that Aer fails for.

    Raises:
        SimulationError: If Aer cannot simulate one of them.
    """
    try:
        return _data(simulator, circuits, options)
    except SimulationError:
        # Aer does not say which circuit it failed for.
        failing = [_may_fail(circuit) and not _runs(simulator, circuit, options) for circuit in circuits]
        if not any(failing):
            raise
    # Each circuit keeps its place, since Aer derives its seed from it.
    circuits = [
        with_spare_bit(circuit) if fails else circuit
        for circuit, fails in zip(circuits, failing, strict=True)
    ]
    return _data(simulator, circuits, options)


def _runs(simulator: AerSimulator, circuit: QuantumCircuit, options: dict[str, Any]) -> bool:
    """Return whether Aer can run one shot of a circuit."""
    try:
        _data(simulator, [circuit], {**options, "shots": 1})
    except SimulationError:
        return False
    return True


def _with_known_gates(circuit: QuantumCircuit, known: frozenset[str]) -> QuantumCircuit:
    """Return a circuit in which gates that a method of Aer does not know are matrices."""
    result = circuit.copy_empty_like()
    for item in circuit.data:
        if item.name in known or not isinstance(item.operation, Gate):
            result._append(item)
        else:
            matrix = UnitaryGate(item.operation.to_matrix())
            result._append(CircuitInstruction(matrix, item.qubits, item.clbits))
    return result
