"""How a circuit is simulated: method, noise model, cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from qiskit import QuantumCircuit

from .circuits import Shape
from .errors import InvalidJob
from .isolated_qubits import IsolatedQubits
from .noise import NoiseKind
from .settings import SimulationLimits

#: The noise models that a client can choose; `auto` is the full one unless that takes too long.
NoiseChoice = Literal["auto", "full", "pauli_twirled"]
Method = Literal["stabilizer", "statevector", "density_matrix", "bloch"]

#: Seconds above which a job is large: such jobs may not occupy all workers, and get several threads.
LARGE_SECONDS = 0.1
#: Number of qubits up to which the state vector is faster than the stabilizers of a Clifford circuit.
SMALL_QUBITS = 12
#: Number of active qubits up to which a job with a seed runs unchanged on Aer, so that the result is Aer's.
MAX_SEEDED_QUBITS = 20
#: Qubits up to which the density matrix (4**n numbers) is considered.
MAX_DENSITY_MATRIX_QUBITS = 12
#: Seconds of one step on one core; measured with Aer 0.18, accurate to a factor of about three.
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
        seconds: Approximate time of one execution on one core.
        qubits: Number of qubits that are not idle.
    """

    method: Method
    noise: NoiseKind | Literal["none"]
    seconds: float
    qubits: int


def plan(
    shape: Shape, num_shots: int, noisy: bool, limits: SimulationLimits, choice: NoiseChoice = "auto"
) -> SimulationPlan:
    """Decide how to simulate a circuit.

    Args:
        shape: The circuit's instructions.
        num_shots: Number of shots.
        noisy: Whether the backend has noise.
        limits: Limits of a job, including the time up to which the full noise model is used.
        choice: The noise model; `auto` lets the time decide.

    Raises:
        InvalidJob: If no method can simulate the circuit within the limits.
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
    if choice == "full" and best is None:
        _check_state_vector(shape, limits)
    if (
        best is not None
        and choice != "pauli_twirled"
        and (choice == "full" or best.seconds <= limits.full_noise_seconds)
    ):
        return replace(best, seconds=best.seconds + COST_CALL)
    if shape.clifford:
        seconds = num_shots * gates * COST_STABILIZER_GATE + sampling
        return SimulationPlan("stabilizer", "pauli_twirled", COST_CALL + seconds, qubits)
    _check_state_vector(shape, limits)
    if best is not None and best.method == "density_matrix" and choice != "pauli_twirled":
        return best
    trajectory = gates * (COST_STABILIZER_GATE + 2**qubits * COST_AMPLITUDE)
    return SimulationPlan("statevector", "pauli_twirled", COST_CALL + num_shots * trajectory, qubits)


def _check_state_vector(shape: Shape, limits: SimulationLimits) -> None:
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
        circuit: The circuit for Aer; None if all qubits are isolated.
        num_clbits: Number of classical bits.
        shots: Number of shots.
        shape: The instructions of `circuit`.
        plan: How `circuit` is simulated.
        isolated: The isolated qubits, simulated without Aer; None if there are none.
        row: The index of this execution in `isolated`.
    """

    circuit: QuantumCircuit | None
    num_clbits: int
    shots: int
    shape: Shape
    plan: SimulationPlan
    isolated: IsolatedQubits | None
    row: int = 0
    #: The classical bits of the measured qubits if Aer computes the probabilities of their outcomes, from
    #: which the shots are drawn; None if Aer draws the shots.
    clbits: list[int] | None = None

    def metadata(self) -> dict[str, Any]:
        """Return how the circuit is simulated, for the result's metadata."""
        return {
            "method": self.plan.method,
            "noise_model": self.plan.noise,
            "active_qubits": self.plan.qubits + (self.isolated.size if self.isolated else 0),
        }
