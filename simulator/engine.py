"""Prepares circuits, chooses how each is simulated, and runs them with that method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from . import density, stabilizer, state_vector
from .aer import Aer
from .aer_noise import AerNoise
from .backends import Backend
from .circuits import (
    Isa,
    IsolatedQubit,
    Shape,
    examine,
    fitting_values,
    separate_isolated_qubits,
)
from .clifford import for_aer, is_clifford
from .costs import Costs
from .counts import Bits
from .demand import demand_of
from .errors import InvalidJob, SimulationError
from .isolated_qubits import IsolatedQubits
from .noise import DeviceNoise
from .operations import Program, draw_outcomes, program
from .settings import SimulationLimits
from .simulation_plan import (
    MAX_SEEDED_QUBITS,
    SMALL_QUBITS,
    Execution,
    Method,
    NoiseChoice,
    SimulationPlan,
    plan,
)
from .timing import has_parameters, scheduled
from .trajectories import Trajectories


def _state_vectors(program: Program, num_clbits: int, shots: int, rng: np.random.Generator) -> Bits:
    """Sample from state vectors: from one if nothing happens at random before the end."""
    if program.unitary:
        return draw_outcomes(program, state_vector.probabilities, num_clbits, shots, rng)
    return Trajectories(program, rng).sample(num_clbits, shots)


def _density_matrix(program: Program, num_clbits: int, shots: int, rng: np.random.Generator) -> Bits:
    return draw_outcomes(program, density.probabilities, num_clbits, shots, rng)


#: The simulator's own methods.
OWN: dict[Method, Callable[[Program, int, int, np.random.Generator], Bits]] = {
    "stabilizer": stabilizer.sample,
    "density_matrix": _density_matrix,
    "statevector": _state_vectors,
}


class Engine:
    """Runs circuits, and caches what is expensive to create.

    Args:
        backends: The backends.
        limits: Limits of one job.
        costs: The cost model.
    """

    def __init__(
        self, backends: Mapping[str, Backend], limits: SimulationLimits, costs: Costs | None = None
    ) -> None:
        self.backends = backends
        self.limits = limits
        self.costs = costs or Costs()
        self.aer = Aer(limits.max_memory_mb)
        self._isas: dict[str, Isa] = {}
        self._noise: dict[str, tuple[DeviceNoise, AerNoise]] = {}

    def isa(self, backend: Backend) -> Isa:
        """Return the instructions of a backend."""
        if backend.name not in self._isas:
            self._isas[backend.name] = Isa(backend)
        return self._isas[backend.name]

    def check(self, backend: Backend, circuit: QuantumCircuit) -> None:
        """Check a circuit.

        Raises:
            InvalidJob: If the backend cannot run it.
        """
        examine(circuit, self.isa(backend))

    def uses(self, backend: Backend, circuit: QuantumCircuit) -> frozenset[tuple[str, tuple[int, ...]]]:
        """Return the instructions of a circuit with their qubits."""
        return frozenset(examine(circuit, self.isa(backend)).uses)

    def scheduled(self, backend: Backend, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a circuit without free parameters in which all waiting is explicit."""
        device = self._device(backend)
        if device is None or any(item.is_control_flow() for item in circuit.data):
            return circuit
        return scheduled(circuit, device[0])

    def prepare(
        self,
        backend: Backend,
        circuit: QuantumCircuit,
        parameters: NDArray[np.float64],
        num_shots: int,
        seeded: bool = False,
        noise: NoiseChoice = "auto",
    ) -> list[Execution]:
        """Bind and check a circuit, and decide how to run it.

        Args:
            backend: The backend.
            circuit: The circuit.
            parameters: One row of values, in the order of ``circuit.parameters``, per execution.
            num_shots: Shots of each execution.
            seeded: Whether the client has set a seed, so that a noiseless result must be that of Aer.
            noise: The noise model that the client has chosen.

        Returns:
            One execution per row.

        Raises:
            InvalidJob: If the backend cannot run the circuit, or a limit is exceeded.
        """
        if not 1 <= num_shots <= self.limits.max_shots:
            raise InvalidJob(
                f"The number of shots, {num_shots}, is not within 1 and {self.limits.max_shots}.", code=1519
            )
        count = circuit.num_parameters
        if parameters.shape[-1] != count:
            raise InvalidJob(
                f"The circuit has {count} parameters, but {parameters.shape[-1]} values were given."
            )
        if not np.isfinite(parameters).all():
            raise InvalidJob("Parameter values must be finite numbers.")
        # What does not depend on the parameters is computed once. Parameters of isolated qubits are not
        # bound.
        device = self._device(backend)
        shape = examine(circuit, self.isa(backend))
        if not shape.control_flow:
            if any(item.name == "delay" and has_parameters(item.operation) for item in circuit.data):
                # Each set of parameters has a schedule of its own, and may have impossible delays.
                return [
                    self.prepare(backend, bound, np.empty((1, 0)), num_shots, seeded, noise)[0]
                    for bound in (_bound(circuit, values) for values in parameters)
                ]
            circuit = circuit if device is None else scheduled(circuit, device[0])
        rest: QuantumCircuit | None = circuit
        split: list[IsolatedQubit] = []
        seeded = seeded and device is None
        if not (seeded and len(shape.qubits) <= MAX_SEEDED_QUBITS):
            rest, shape, split = separate_isolated_qubits(circuit, shape)
        columns = {parameter: column for column, parameter in enumerate(circuit.parameters)}
        # Without parameters all executions are equal.
        rows = parameters if count else parameters[:1]
        noise_model = None if device is None else device[0]
        isolated = IsolatedQubits(split, columns, rows, noise_model) if split else None
        plans: dict[bool, SimulationPlan] = {}
        executions = []
        for row, values in enumerate(rows):
            bound, clifford = rest, shape.clifford
            if rest is not None and rest.parameters:
                bound = _bound(rest, {free: values[columns[free]] for free in rest.parameters})
                clifford = not shape.control_flow and is_clifford(bound)
                if shape.control_flow:
                    # The lengths of delays are known now.
                    self.check(backend, bound)
            if bound is not None and clifford not in plans:
                form = replace(shape, clifford=clifford)
                plans[clifford] = self._plan(bound, form, noise_model, num_shots, seeded, noise)
            decided = None if bound is None else plans[clifford]
            execution = self._execution(bound, shape, decided, isolated, num_shots)
            executions.append(replace(execution, num_clbits=circuit.num_clbits, row=row))
        return executions if count else executions * len(parameters)

    def _plan(
        self,
        circuit: QuantumCircuit,
        shape: Shape,
        noise: DeviceNoise | None,
        num_shots: int,
        seeded: bool,
        choice: NoiseChoice,
    ) -> SimulationPlan:
        demand = demand_of(circuit, shape, noise, num_shots, seeded)
        if demand.seeded and demand.clifford and demand.qubits > SMALL_QUBITS and for_aer(circuit) is None:
            demand = replace(demand, seeded=False)
        return plan(demand, self.limits, choice, self.costs)

    @staticmethod
    def _execution(
        circuit: QuantumCircuit | None,
        shape: Shape,
        decided: SimulationPlan | None,
        isolated: IsolatedQubits | None,
        num_shots: int,
    ) -> Execution:
        seconds = isolated.seconds(num_shots) if isolated else 0.0
        if circuit is None or decided is None:
            decided = SimulationPlan("bloch", "full" if isolated and isolated.noisy else "none", seconds, 0)
            return Execution(None, 0, num_shots, frozenset(), decided, isolated)
        decided = replace(decided, seconds=decided.seconds + seconds)
        return Execution(circuit, 0, num_shots, frozenset(shape.uses), decided, isolated)

    def run(
        self,
        backend: Backend,
        executions: Sequence[Execution],
        rng: np.random.Generator,
        seed: int | None = None,
    ) -> list[Bits]:
        """Run circuits.

        Args:
            backend: The backend.
            executions: The executions.
            rng: Seeds the simulation.
            seed: Seeds Aer instead, if it is set.

        Returns:
            For each execution an array of shape (shots, classical bits).

        Raises:
            SimulationError: If one of them cannot be simulated.
        """
        device = self._device(backend)
        results = [
            np.zeros((execution.shots, execution.num_clbits), dtype=np.uint8) for execution in executions
        ]
        on_aer = [
            index for index, each in enumerate(executions) if each.circuit is not None and each.plan.aer
        ]
        noise = None if device is None else device[1]
        outcomes = self.aer.run([executions[index] for index in on_aer], noise, rng, seed)
        for index, bits in zip(on_aer, outcomes, strict=True):
            results[index] = bits
        for index, execution in enumerate(executions):
            if execution.circuit is not None and not execution.plan.aer:
                results[index] = self._run_own(execution, None if device is None else device[0], rng)
            if execution.isolated is not None:
                execution.isolated.sample(execution.row, results[index], rng)
        return results

    @staticmethod
    def _run_own(execution: Execution, device: DeviceNoise | None, rng: np.random.Generator) -> Bits:
        """Run a circuit with one of the simulator's own methods."""
        assert execution.circuit is not None
        noise = execution.plan.noise
        prepared = program(execution.circuit, device, "full" if noise == "none" else noise)
        try:
            return OWN[execution.plan.method](prepared, execution.num_clbits, execution.shots, rng)
        except MemoryError as error:
            raise SimulationError("The simulation ran out of memory.") from error

    def _device(self, backend: Backend) -> tuple[DeviceNoise, AerNoise] | None:
        """Return the noise of a backend's device; None for a noiseless backend."""
        if backend.device is None or backend.properties is None:
            return None
        if backend.device not in self._noise:
            noise = DeviceNoise(backend.properties, backend.dt)
            self._noise[backend.device] = (noise, AerNoise(noise))
        return self._noise[backend.device]


def _bound(circuit: QuantumCircuit, values: Any) -> QuantumCircuit:
    """Return a circuit with values for its parameters.

    Raises:
        InvalidJob: If the values do not fit.
    """
    with fitting_values():
        return circuit.assign_parameters(values)
