"""Runs circuits on kept Aer simulators, and decides how: method, noise model, threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit_aer import AerSimulator
from qiskit_aer.jobs import utils as jobs_utils
from qiskit_aer.library import SaveProbabilities
from qiskit_aer.noise import NoiseModel

from simulator.isolated_qubits import IsolatedQubits

from .backends import Backend
from .circuits import (
    ANGLE_TOLERANCE,
    Isa,
    IsolatedQubit,
    Shape,
    examine,
    examine_clifford,
    separate,
    unmeasured,
)
from .counts import Bits, draw, shots
from .errors import InvalidJob, SimulationError
from .noise import DeviceNoise, NoiseKind
from .settings import Limits

#: Which noise model a client wants: `auto` is the full one as long as it is affordable.
NoiseChoice = Literal["auto", "full", "pauli_twirled"]
Method = Literal["stabilizer", "statevector", "density_matrix", "bloch"]

#: Seconds above which a job counts as large: it may not occupy every worker, and gets several threads.
LARGE_SECONDS = 0.1
#: Up to so many qubits the state vector is quicker than the stabilizers of a Clifford circuit.
SMALL_QUBITS = 12
#: Up to so many active qubits a job with a seed is left to Aer as it is, so that it gives what Aer gives.
MAX_SEEDED_QUBITS = 20
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
class SimulationPlan:
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


def plan(
    shape: Shape, num_shots: int, noisy: bool, limits: Limits, wanted: NoiseChoice = "auto"
) -> SimulationPlan:
    """Decide how to simulate a circuit.

    Args:
        shape: What the circuit is made of.
        num_shots: Number of shots.
        noisy: Whether the backend has noise.
        limits: Bounds, among them the time up to which the full noise model is used.
        wanted: The noise model, if not the one that the time decides.

    Raises:
        InvalidJob: If no method can simulate the circuit within the bounds.
    """
    qubits, gates = len(shape.qubits), max(shape.gates, 1)
    sampling = num_shots * (2e-6 + qubits**2 * COST_STABILIZER_BIT)
    dynamic = shape.control_flow
    if not noisy:
        if shape.clifford and (qubits > SMALL_QUBITS or dynamic):
            return SimulationPlan("stabilizer", "none", COST_CALL + gates * 2e-5 + sampling, qubits)
        _check_state_vector(shape, limits)
        runs = num_shots if dynamic else 1
        return SimulationPlan(
            "statevector", "none", COST_CALL + runs * gates * 2**qubits * COST_AMPLITUDE, qubits
        )
    choices = []
    if qubits <= MAX_DENSITY_MATRIX_QUBITS:
        runs = num_shots if dynamic else 1
        choices.append(
            SimulationPlan("density_matrix", "full", runs * gates * 4**qubits * COST_MATRIX_ELEMENT, qubits)
        )
    if qubits <= limits.max_qubits:
        trajectory = gates * (COST_TRAJECTORY_GATE + 2**qubits * COST_AMPLITUDE * 4)
        choices.append(SimulationPlan("statevector", "full", num_shots * trajectory, qubits))
    best = min(choices, key=lambda choice: choice.seconds, default=None)
    if wanted == "full" and best is None:
        _check_state_vector(shape, limits)
    if (
        best is not None
        and wanted != "pauli_twirled"
        and (wanted == "full" or best.seconds <= limits.full_noise_seconds)
    ):
        return replace(best, seconds=best.seconds + COST_CALL)
    if shape.clifford:
        seconds = num_shots * gates * COST_STABILIZER_GATE + sampling
        return SimulationPlan("stabilizer", "pauli_twirled", COST_CALL + seconds, qubits)
    _check_state_vector(shape, limits)
    if best is not None and best.method == "density_matrix" and wanted != "pauli_twirled":
        return best
    trajectory = gates * (COST_STABILIZER_GATE + 2**qubits * COST_AMPLITUDE)
    return SimulationPlan("statevector", "pauli_twirled", COST_CALL + num_shots * trajectory, qubits)


def _check_state_vector(shape: Shape, limits: Limits) -> None:
    if len(shape.qubits) > limits.max_qubits:
        raise InvalidJob(
            f"The circuit uses {len(shape.qubits)} qubits and is not Clifford: its state vector does not "
            f"fit. At most {limits.max_qubits} active qubits can be simulated, or any number in a Clifford "
            "circuit.",
            code=1527,
        )


@dataclass(frozen=True)
class Execution:
    """One circuit without free parameters, ready to run.

    Attributes:
        circuit: What Aer is to run; None if no qubit meets another.
        num_clbits: Number of classical bits.
        shots: Number of shots.
        shape: What `circuit` is made of.
        plan: How `circuit` is simulated.
        apart: Qubits that meet no other, simulated beside it; None if there are none.
        row: Which of `apart`'s executions this is.
    """

    circuit: QuantumCircuit | None
    num_clbits: int
    shots: int
    shape: Shape
    plan: SimulationPlan
    apart: IsolatedQubits | None
    row: int = 0
    #: The classical bits of the measured qubits where Aer is to give the probabilities of their outcomes, of
    #: which the shots are then drawn; None where Aer makes the shots.
    clbits: list[int] | None = None

    def metadata(self) -> dict[str, Any]:
        """Return what a result says about how it was obtained."""
        return {
            "method": self.plan.method,
            "noise_model": self.plan.noise,
            "active_qubits": self.plan.qubits + (self.apart.size if self.apart else 0),
        }


class Inline(Executor):
    """Runs what it is given at once, in the thread that gives it.

    Aer hands each run to a thread of its own, which costs a small circuit a quarter of its time; a worker has
    nothing else to do meanwhile.
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
    """Runs circuits; keeps what is dear to make.

    Args:
        backends: The backends on offer.
        limits: Bounds of one job.
    """

    def __init__(self, backends: Mapping[str, Backend], limits: Limits) -> None:
        self.backends = backends
        self.limits = limits
        #: Threads that a large job may use.
        self.large_threads = 1
        self._isas: dict[str, Isa] = {}
        self._noise: dict[str, DeviceNoise] = {}
        self._simulators: dict[Method, AerSimulator] = {}

    def warm(self) -> None:
        """Make the simulators, and run a first circuit on each, which is slower than the next.

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
            backend: Where it is to run.
            circuit: The circuit.
            parameters: One row of values, in the order of ``circuit.parameters``, per execution.
            num_shots: Shots of each execution.
            whole: Whether to leave qubits that meet no other in the circuit.
            seeded: Whether the client gave a seed, and may expect what Aer itself gives with it.
            noise: Which noise model the client wants.

        Returns:
            One execution per row.

        Raises:
            InvalidJob: If the backend cannot run the circuit, or a bound is exceeded.
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
        # What does not depend on the parameters is found out once; only qubits that meet others are bound.
        shape = examine(circuit, self.isa(backend))
        rest: QuantumCircuit | None = circuit
        split: list[IsolatedQubit] = []
        if not whole and not (seeded and len(shape.qubits) <= MAX_SEEDED_QUBITS):
            rest, shape, split = separate(circuit, shape)
        columns = {parameter: column for column, parameter in enumerate(circuit.parameters)}
        # Without parameters all executions are the same one.
        rows = parameters if count else parameters[:1]
        apart = IsolatedQubits(split, columns, rows) if split else None
        exact = not (whole or seeded or shape.control_flow)
        executions = []
        for row, values in enumerate(rows):
            bound, form = rest, shape
            if rest is not None and rest.parameters:
                bound = rest.assign_parameters({free: values[columns[free]] for free in rest.parameters})
                form = replace(shape, clifford=not shape.control_flow and examine_clifford(bound))
            execution = self._execution(backend, bound, form, apart, num_shots, noise, exact)
            executions.append(replace(execution, num_clbits=circuit.num_clbits, row=row))
        return executions if count else executions * len(parameters)

    def _execution(
        self,
        backend: Backend,
        circuit: QuantumCircuit | None,
        shape: Shape,
        apart: IsolatedQubits | None,
        num_shots: int,
        wanted: NoiseChoice,
        exact: bool,
    ) -> Execution:
        """Decide how to run a circuit without parameters; `exact`: Aer may be asked for probabilities."""
        noisy = backend.device is not None
        if circuit is None:
            seconds = apart.seconds if apart else 0.0
            decided = SimulationPlan("bloch", "full" if noisy else "none", seconds, 0)
            return Execution(None, 0, num_shots, shape, decided, apart)
        decided = plan(shape, num_shots, noisy, self.limits, wanted)
        small = decided.method == "statevector" and decided.noise == "none" and decided.qubits <= SMALL_QUBITS
        if exact and small and (bare := unmeasured(circuit)) is not None:
            rest, measured = bare
            rest.append(SaveProbabilities(len(measured)), list(measured), copy=False)
            return Execution(rest, 0, num_shots, shape, decided, apart, clbits=list(measured.values()))
        return Execution(circuit, 0, num_shots, shape, decided, apart)

    def run(
        self,
        backend: Backend,
        executions: Sequence[Execution],
        rng: np.random.Generator,
        seed: int | None = None,
    ) -> list[Bits]:
        """Run circuits.

        Args:
            backend: Where they run.
            executions: What to run.
            rng: Seeds the simulation.
            seed: Seeds Aer instead, if given.

        Returns:
            For each execution an array of shape (shots, classical bits).

        Raises:
            SimulationError: If Aer cannot simulate one of them.
        """
        results = [np.zeros((one.shots, one.num_clbits), dtype=np.uint8) for one in executions]
        groups: dict[tuple[Method, str, int, bool], list[int]] = {}
        for index, execution in enumerate(executions):
            if execution.circuit is not None:
                exact = execution.clbits is not None
                key = (execution.plan.method, execution.plan.noise, 1 if exact else execution.shots, exact)
                groups.setdefault(key, []).append(index)
        for (method, noise, num_shots, _), members in groups.items():
            # Circuits of one noise kind share a model that covers them all, and one call to Aer.
            model = self.noise_model(backend, noise, [executions[index].shape for index in members])
            circuits = [executions[index].circuit for index in members]
            aer_seed = int(rng.integers(2**31)) if seed is None else seed
            data = self._run_aer(circuits, method, model, num_shots, executions[members[0]].plan, aer_seed)
            for index, item in zip(members, data, strict=True):
                one = executions[index]
                if one.clbits is not None:
                    results[index][:, one.clbits] = draw(item.probabilities, len(one.clbits), one.shots, rng)
                else:
                    outcomes = getattr(item, "counts", None) or {}
                    results[index] = shots(outcomes, one.num_clbits, num_shots, rng)
        device = self.device_noise(backend)
        for execution, bits in zip(executions, results, strict=True):
            if execution.apart is not None:
                execution.apart.sample(execution.row, device, bits, rng)
        return results

    def device_noise(self, backend: Backend) -> DeviceNoise | None:
        """Return the noise of a backend's device; None for a noiseless backend."""
        if backend.device is None or backend.properties is None:
            return None
        if backend.device not in self._noise:
            self._noise[backend.device] = DeviceNoise(backend.properties)
        return self._noise[backend.device]

    def noise_model(self, backend: Backend, noise: str, shapes: Sequence[Shape]) -> NoiseModel | None:
        """Return a noise model covering the instructions of some circuits; None for no noise."""
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
        """Return the kept simulator of a method."""
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
