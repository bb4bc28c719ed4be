"""Runs circuits on Aer simulators, and chooses the method, the noise model and the threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit_aer import AerSimulator
from qiskit_aer.jobs import utils as jobs_utils
from qiskit_aer.library import SaveProbabilities
from qiskit_aer.noise import NoiseModel

from .backends import Backend
from .circuits import (
    ANGLE_TOLERANCE,
    Isa,
    IsolatedQubit,
    Shape,
    examine,
    is_clifford,
    remove_final_measurements,
    separate_isolated_qubits,
)
from .counts import Bits, draw, shots
from .errors import InvalidJob, SimulationError
from .isolated_qubits import IsolatedQubits
from .noise import DeviceNoise
from .settings import SimulationLimits
from .simulation_plan import (
    LARGE_SECONDS,
    MAX_SEEDED_QUBITS,
    SMALL_QUBITS,
    Execution,
    Method,
    NoiseChoice,
    SimulationPlan,
    plan,
)


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


class Engine:
    """Runs circuits, and caches what is expensive to create.

    Args:
        backends: The backends.
        limits: Limits of one job.
    """

    def __init__(self, backends: Mapping[str, Backend], limits: SimulationLimits) -> None:
        self.backends = backends
        self.limits = limits
        #: Threads that a large job may use.
        self.large_threads = 1
        self._isas: dict[str, Isa] = {}
        self._noise: dict[str, DeviceNoise] = {}
        self._simulators: dict[Method, AerSimulator] = {}

    def warm(self) -> None:
        """Create the simulators, and run a first circuit on each, which takes longer than the next ones.

        From then on Aer runs in the calling thread of this process.
        """
        jobs_utils.DEFAULT_EXECUTOR = Inline()
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
        self,
        backend: Backend,
        circuit: QuantumCircuit,
        parameters: NDArray[np.float64],
        num_shots: int,
        whole: bool = False,
        seeded: bool = False,
        noise: NoiseChoice = "auto",
    ) -> list[Execution]:
        """Bind and check a circuit, and decide how to run it.

        Args:
            backend: The backend.
            circuit: The circuit.
            parameters: One row of values, in the order of ``circuit.parameters``, per execution.
            num_shots: Shots of each execution.
            whole: Whether isolated qubits stay in the circuit.
            seeded: Whether the client has set a seed, so that the result must be that of Aer.
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
        turns = parameters / (np.pi / 2)
        nearest = np.round(turns)
        parameters = np.where(np.abs(turns - nearest) < ANGLE_TOLERANCE, nearest * (np.pi / 2), parameters)
        # What does not depend on the parameters is computed once. Parameters of isolated qubits are not
        # bound.
        shape = examine(circuit, self.isa(backend))
        rest: QuantumCircuit | None = circuit
        split: list[IsolatedQubit] = []
        if not whole and not (seeded and len(shape.qubits) <= MAX_SEEDED_QUBITS):
            rest, shape, split = separate_isolated_qubits(circuit, shape)
        columns = {parameter: column for column, parameter in enumerate(circuit.parameters)}
        # Without parameters all executions are equal.
        rows = parameters if count else parameters[:1]
        isolated = IsolatedQubits(split, columns, rows) if split else None
        exact = not (whole or seeded or shape.control_flow)
        executions = []
        for row, values in enumerate(rows):
            bound, form = rest, shape
            if rest is not None and rest.parameters:
                bound = rest.assign_parameters({free: values[columns[free]] for free in rest.parameters})
                form = replace(shape, clifford=not shape.control_flow and is_clifford(bound))
            execution = self._execution(backend, bound, form, isolated, num_shots, noise, exact)
            executions.append(replace(execution, num_clbits=circuit.num_clbits, row=row))
        return executions if count else executions * len(parameters)

    def _execution(
        self,
        backend: Backend,
        circuit: QuantumCircuit | None,
        shape: Shape,
        isolated: IsolatedQubits | None,
        num_shots: int,
        choice: NoiseChoice,
        exact: bool,
    ) -> Execution:
        """Decide how to run a circuit without parameters; with `exact` Aer may compute probabilities."""
        noisy = backend.device is not None
        if circuit is None:
            seconds = isolated.seconds if isolated else 0.0
            decided = SimulationPlan("bloch", "full" if noisy else "none", seconds, 0)
            return Execution(None, 0, num_shots, shape, decided, isolated)
        decided = plan(shape, num_shots, noisy, self.limits, choice)
        small = decided.method == "statevector" and decided.noise == "none" and decided.qubits <= SMALL_QUBITS
        if exact and small and (bare := remove_final_measurements(circuit)) is not None:
            rest, measured = bare
            rest.append(SaveProbabilities(len(measured)), list(measured), copy=False)
            return Execution(rest, 0, num_shots, shape, decided, isolated, clbits=list(measured.values()))
        return Execution(circuit, 0, num_shots, shape, decided, isolated)

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
            SimulationError: If Aer cannot simulate one of them.
        """
        results = [
            np.zeros((execution.shots, execution.num_clbits), dtype=np.uint8) for execution in executions
        ]
        groups: dict[tuple[Method, str, int, bool], list[int]] = {}
        for index, execution in enumerate(executions):
            if execution.circuit is not None:
                exact = execution.clbits is not None
                key = (execution.plan.method, execution.plan.noise, 1 if exact else execution.shots, exact)
                groups.setdefault(key, []).append(index)
        for (method, noise, num_shots, _), members in groups.items():
            # Circuits with the same kind of noise share one model that covers all of them, and one call to
            # Aer.
            model = self.noise_model(backend, noise, [executions[index].shape for index in members])
            circuits = [executions[index].circuit for index in members]
            aer_seed = int(rng.integers(2**31)) if seed is None else seed
            data = self._run_aer(circuits, method, model, num_shots, executions[members[0]].plan, aer_seed)
            for index, item in zip(members, data, strict=True):
                execution = executions[index]
                if execution.clbits is not None:
                    results[index][:, execution.clbits] = draw(
                        item.probabilities, len(execution.clbits), execution.shots, rng
                    )
                else:
                    outcomes = getattr(item, "counts", None) or {}
                    results[index] = shots(outcomes, execution.num_clbits, num_shots, rng)
        device = self.device_noise(backend)
        for execution, bits in zip(executions, results, strict=True):
            if execution.isolated is not None:
                execution.isolated.sample(execution.row, device, bits, rng)
        return results

    def device_noise(self, backend: Backend) -> DeviceNoise | None:
        """Return the noise of a backend's device; None for a noiseless backend."""
        if backend.device is None or backend.properties is None:
            return None
        if backend.device not in self._noise:
            self._noise[backend.device] = DeviceNoise(backend.properties)
        return self._noise[backend.device]

    def noise_model(self, backend: Backend, noise: str, shapes: Sequence[Shape]) -> NoiseModel | None:
        """Return a noise model that covers the instructions of some circuits; None for no noise."""
        device = self.device_noise(backend)
        if device is None or noise == "none":
            return None
        uses = shapes[0].uses.copy()
        for shape in shapes[1:]:
            uses |= shape.uses
        return device.model("full" if noise == "full" else "pauli_twirled", uses)

    def threads(self, plan: SimulationPlan) -> int:
        """Return how many threads Aer may use."""
        return self.large_threads if plan.seconds > LARGE_SECONDS else 1

    def simulator(self, method: Method) -> AerSimulator:
        """Return the cached simulator of a method."""
        if method not in self._simulators:
            self._simulators[method] = AerSimulator(method=method, max_memory_mb=self.limits.max_memory_mb)
        return self._simulators[method]

    def _run_aer(
        self,
        circuits: list[QuantumCircuit | None],
        method: Method,
        model: NoiseModel | None,
        num_shots: int,
        plan: SimulationPlan,
        seed: int,
    ) -> list[Any]:
        options: dict[str, Any] = {"shots": num_shots, "seed_simulator": seed}
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
        return [item.data for item in result.results]
