"""How a circuit is simulated: method, noise model, cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from qiskit import QuantumCircuit

from .channels import NoiseKind
from .costs import Costs
from .errors import InvalidJob
from .isolated_qubits import IsolatedQubits
from .settings import SimulationLimits

#: The noise models that a client can choose; `auto` is the full one unless that takes too long.
NoiseChoice = Literal["auto", "full", "reset_mixture", "pauli_twirled"]
Method = Literal["stabilizer", "statevector", "density_matrix", "matrix_product_state", "bloch"]

#: Seconds above which a job is large: such jobs may not occupy all workers, and get several threads.
LARGE_SECONDS = 0.1
#: Number of qubits up to which the state vector is faster than the stabilizers of a Clifford circuit, and the
#: simulator's own is faster than Aer, which prepares a run for longer.
SMALL_QUBITS = 12
#: Number of active qubits up to which a job with a seed runs unchanged on Aer, so that the result is Aer's.
MAX_SEEDED_QUBITS = 20
#: Qubits up to which the density matrix (4**n numbers) is considered.
MAX_DENSITY_MATRIX_QUBITS = 12
#: Bytes of an amplitude of Aer's state vector, and of all the states that trajectories hold at once.
AMPLITUDE_BYTES = 16
TRAJECTORY_BYTES = 80
#: Bytes of an element of a density matrix and of its copies.
ELEMENT_BYTES = 24
#: Seconds that Aer takes to write out one instruction of control flow, before it simulates.
WRITE_OUT_SECONDS = 1e-4


@dataclass(frozen=True)
class Demand:
    """What a simulation has to do.

    Attributes:
        qubits: Number of qubits that are not idle.
        gates: Number of instructions other than barriers and delays.
        shots: Number of shots.
        noisy: Whether the backend has noise.
        clifford: Whether the stabilizer method can simulate the gates.
        control_flow: Whether there are control-flow instructions.
        assigns: Whether there are assignments, for which a noisy simulation has one more qubit (`stores.py`).
        midway: Whether there are measurements other than at the end.
        errors: Expected number of errors in a shot.
        resets: Expected number of resets by noise in a shot.
        mixture: Whether the noise is exactly a mixture of Paulis and resets.
        bonds: Bound of the sum of cubed bond dimensions over the gates of a matrix product state.
        seeded: Whether the client has set a seed for Aer.
    """

    qubits: int
    gates: int
    shots: int
    noisy: bool = False
    clifford: bool = False
    control_flow: bool = False
    assigns: bool = False
    midway: bool = False
    errors: float = 0.0
    resets: float = 0.0
    mixture: bool = False
    bonds: float = math.inf
    seeded: bool = False


@dataclass(frozen=True)
class SimulationPlan:
    """How a circuit will be simulated.

    Attributes:
        method: The simulation method.
        noise: The noise model that the result has.
        seconds: Approximate time of one execution on one core.
        qubits: Number of qubits that are not idle.
        aer: Whether Aer runs it; otherwise the simulator's own methods do.
    """

    method: Method
    noise: NoiseKind | Literal["none"]
    seconds: float
    qubits: int
    aer: bool = False


def plan(
    demand: Demand, limits: SimulationLimits, choice: NoiseChoice = "auto", costs: Costs | None = None
) -> SimulationPlan:
    """Decide how to simulate a circuit.

    Args:
        demand: What there is to simulate.
        limits: Limits of a job, including the time up to which the full noise model is used.
        choice: The noise model; `auto` lets the time decide.
        costs: The cost model.

    Raises:
        InvalidJob: If no method can simulate the circuit within the limits.
    """
    costs = costs or Costs()
    if not demand.control_flow:
        return _noisy(demand, limits, choice, costs) if demand.noisy else _noiseless(demand, limits, costs)
    decided = _dynamic(demand, limits, choice, costs) if demand.noisy else _noiseless(demand, limits, costs)
    return replace(decided, seconds=decided.seconds + demand.gates * WRITE_OUT_SECONDS)


def _noiseless(demand: Demand, limits: SimulationLimits, costs: Costs) -> SimulationPlan:
    qubits, gates = demand.qubits, demand.gates
    if demand.clifford and qubits > SMALL_QUBITS:
        seconds = costs.stabilizer(qubits, gates, demand.shots)
        return SimulationPlan("stabilizer", "none", seconds, qubits, aer=demand.seeded)
    shot_by_shot = demand.control_flow or demand.midway
    if qubits <= SMALL_QUBITS and not shot_by_shot and not demand.seeded:
        return SimulationPlan("statevector", "none", costs.small_state_vector(qubits, gates), qubits)
    runs = demand.shots if shot_by_shot else 1
    choices = []
    if qubits <= _state_vector_qubits(limits):
        seconds = costs.state_vector(qubits, gates, runs)
        choices.append(SimulationPlan("statevector", "none", seconds, qubits, aer=True))
    # Without a state vector a matrix product state is tried even if its size is not known in advance. The
    # limits of time and memory end it.
    if not demand.control_flow and not demand.seeded and (not choices or math.isfinite(demand.bonds)):
        seconds = min(costs.product_state(demand.bonds, demand.shots, qubits), limits.max_seconds)
        choices.append(SimulationPlan("matrix_product_state", "none", seconds, qubits, aer=True))
    if not choices:
        raise _too_large(demand, _state_vector_qubits(limits))
    return min(choices, key=lambda each: each.seconds)


def _dynamic(demand: Demand, limits: SimulationLimits, choice: NoiseChoice, costs: Costs) -> SimulationPlan:
    """Decide for a noisy circuit with control flow, which Aer runs shot by shot."""
    qubits, gates, shots = demand.qubits, demand.gates, demand.shots
    size = qubits + demand.assigns
    most = _state_vector_qubits(limits)
    if size > most:
        raise _too_large(demand, most - demand.assigns)
    kind: NoiseKind = "full" if choice == "auto" else choice
    choices = [SimulationPlan("statevector", kind, costs.shots(size, gates, shots), qubits, aer=True)]
    if size <= MAX_DENSITY_MATRIX_QUBITS:
        seconds = costs.aer_density(size, gates, shots)
        choices.append(SimulationPlan("density_matrix", kind, seconds, qubits, aer=True))
    best = min(choices, key=lambda each: each.seconds)
    if choice == "auto" and best.seconds > limits.full_noise_seconds:
        # Without Kraus operators the state need not be examined at each error.
        return replace(choices[0], noise="full" if demand.mixture else "reset_mixture")
    return best


def _noisy(demand: Demand, limits: SimulationLimits, choice: NoiseChoice, costs: Costs) -> SimulationPlan:
    qubits, gates, shots = demand.qubits, demand.gates, demand.shots
    kind: NoiseKind = "full" if choice == "auto" else choice
    choices = []
    if (
        qubits <= MAX_DENSITY_MATRIX_QUBITS
        and not demand.midway
        and _fits(4.0**qubits * ELEMENT_BYTES, limits)
    ):
        choices.append(SimulationPlan("density_matrix", kind, costs.density(qubits, gates), qubits))
    most = _state_vector_qubits(limits, TRAJECTORY_BYTES)
    if qubits <= most:
        seconds = costs.trajectories(qubits, gates, shots, demand.errors)
        choices.append(SimulationPlan("statevector", kind, seconds, qubits))
    seconds = costs.stabilizer(qubits, gates, shots, demand.resets)
    if demand.clifford and (demand.mixture or kind != "full"):
        choices.append(SimulationPlan("stabilizer", kind, seconds, qubits))
    best = min(choices, key=lambda each: each.seconds, default=None)
    fast = best is not None and (best.seconds <= limits.full_noise_seconds or best.method == "stabilizer")
    if demand.clifford and choice == "auto" and not fast:
        return SimulationPlan("stabilizer", "full" if demand.mixture else "reset_mixture", seconds, qubits)
    if best is None:
        raise _too_large(demand, most)
    return best


def _fits(size: float, limits: SimulationLimits) -> bool:
    return size <= limits.max_memory_mb * 2.0**20


def _state_vector_qubits(limits: SimulationLimits, size: int = AMPLITUDE_BYTES) -> int:
    """Return the number of qubits whose state vectors fit."""
    most = limits.max_qubits
    while most > 0 and not _fits(2.0**most * size, limits):
        most -= 1
    return most


def _too_large(demand: Demand, most: int) -> InvalidJob:
    """Return the error for a circuit whose state vector does not fit, with what would let it fit."""
    if demand.control_flow:
        reason, otherwise = "has control flow", "without control flow also any number in a Clifford circuit"
    elif demand.clifford:
        reason = "has the full noise, which no stabilizer method can simulate for its qubits"
        otherwise = "with the noise model reset_mixture or auto any number, since it is Clifford"
    elif demand.seeded:
        reason = "is not Clifford and has a seed"
        otherwise = "or any number in a Clifford circuit; without a seed a matrix product state is tried"
    else:
        reason, otherwise = "is not Clifford", "or any number in a Clifford circuit"
    return InvalidJob(
        f"The circuit uses {demand.qubits} qubits and {reason}: its state vector does not fit. "
        f"At most {most} active qubits can be simulated, {otherwise}.",
        code=1527,
    )


@dataclass(frozen=True)
class Execution:
    """One circuit without free parameters, ready to run.

    Attributes:
        circuit: The circuit; None if all qubits are isolated.
        num_clbits: Number of classical bits.
        shots: Number of shots.
        uses: The instructions of `circuit`, by name and qubits.
        plan: How `circuit` is simulated.
        isolated: The isolated qubits, simulated by themselves; None if there are none.
        row: The index of this execution in `isolated`.
    """

    circuit: QuantumCircuit | None
    num_clbits: int
    shots: int
    uses: frozenset[tuple[str, tuple[int, ...]]]
    plan: SimulationPlan
    isolated: IsolatedQubits | None
    row: int = 0

    def metadata(self) -> dict[str, Any]:
        """Return how the circuit is simulated, for the result's metadata."""
        return {
            "method": self.plan.method,
            "noise_model": self.plan.noise,
            "active_qubits": self.plan.qubits + (self.isolated.size if self.isolated else 0),
        }
