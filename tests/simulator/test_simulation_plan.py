"""How circuits are simulated: method, noise model, limits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from qiskit import QuantumCircuit

from simulator.backends import catalog
from simulator.demand import bonds
from simulator.errors import InvalidJob
from simulator.noise import DeviceNoise
from simulator.operations import Unitary, program
from simulator.settings import SimulationLimits
from simulator.simulation_plan import Demand, NoiseChoice, plan

NOISY = Demand(qubits=0, gates=0, shots=1024, noisy=True, errors=0.5, resets=0.1)


@pytest.mark.parametrize(
    ("qubits", "gates", "clifford", "noisy", "method", "noise"),
    [
        (2, 5, True, False, "statevector", "none"),
        (16, 60, True, False, "stabilizer", "none"),
        (100, 400, True, False, "stabilizer", "none"),
        (20, 60, False, False, "statevector", "none"),
        (2, 5, True, True, "density_matrix", "full"),
        (5, 100, False, True, "density_matrix", "full"),
        (20, 200, True, True, "stabilizer", "reset_mixture"),
        (100, 400, True, True, "stabilizer", "reset_mixture"),
        (14, 400, False, True, "statevector", "full"),
        (40, 200, False, False, "matrix_product_state", "none"),
    ],
)
def test_plan(qubits: int, gates: int, clifford: bool, noisy: bool, method: str, noise: str) -> None:
    demand = replace(NOISY, qubits=qubits, gates=gates, clifford=clifford, noisy=noisy)
    decided = plan(demand, SimulationLimits())
    assert (decided.method, decided.noise) == (method, noise)


@pytest.mark.parametrize(
    ("demand", "choice", "reason", "otherwise"),
    [
        (replace(NOISY, qubits=40, gates=200), "auto", "is not Clifford", "or any number in a Clifford"),
        # Aer's state vectors, shot by shot or with a seed, are no way out.
        (Demand(40, 200, 10, control_flow=True), "auto", "has control flow", "without control flow"),
        (
            replace(NOISY, qubits=40, gates=200, control_flow=True),
            "auto",
            "has control flow",
            "without control",
        ),
        (Demand(40, 200, 10, seeded=True), "auto", "is not Clifford and has a seed", "without a seed"),
        # Such a circuit is Clifford, but its noise is not.
        (
            replace(NOISY, qubits=40, gates=200, clifford=True),
            "full",
            "has the full noise",
            "with the noise model reset_mixture or auto",
        ),
    ],
)
def test_a_circuit_that_does_not_fit_is_refused_for_its_true_reason(
    demand: Demand, choice: NoiseChoice, reason: str, otherwise: str
) -> None:
    with pytest.raises(InvalidJob, match=f"uses 40 qubits and {reason}.* At most .*{otherwise}") as refused:
        plan(demand, SimulationLimits(), choice)
    assert ("not Clifford" in refused.value.message) == ("not Clifford" in reason)
    if demand.clifford:
        assert plan(demand, SimulationLimits()).method == "stabilizer"


def test_states_must_fit_in_memory() -> None:
    limits = SimulationLimits(max_memory_mb=16)
    assert plan(Demand(qubits=20, gates=10, shots=10), limits).method == "statevector"
    with pytest.raises(InvalidJob, match="At most 20 active qubits"):
        plan(Demand(qubits=21, gates=10, shots=10, control_flow=True), limits)
    with pytest.raises(InvalidJob, match="At most 17 active qubits"):
        plan(replace(NOISY, qubits=18, gates=10), limits)


def test_assignments_with_noise_take_one_more_qubit() -> None:
    """`stores.py` adds it; the client's circuit has as many active qubits as before."""
    limits = SimulationLimits(max_memory_mb=16)
    for qubits in (2, 14):
        plain = replace(NOISY, qubits=qubits, gates=10, control_flow=True)
        decided = plan(replace(plain, assigns=True), limits)
        assert decided.seconds == plan(replace(plain, qubits=qubits + 1), limits).seconds
        assert decided.qubits == qubits
    largest = replace(NOISY, qubits=20, gates=10, control_flow=True)
    assert plan(largest, limits).qubits == 20
    assert plan(replace(largest, assigns=True, noisy=False), limits).qubits == 20
    with pytest.raises(InvalidJob, match=r"uses 20 qubits .* At most 19 active qubits"):
        plan(replace(largest, assigns=True), limits)


def test_full_noise_of_clifford_circuits_is_used_only_up_to_the_requested_time() -> None:
    demand = replace(NOISY, qubits=2, gates=5, clifford=True)
    limits = SimulationLimits(full_noise_seconds=0.0)
    assert plan(demand, limits).noise == "reset_mixture"
    # If relaxation is a mixture, the fast method has the full noise too.
    exact = plan(replace(demand, qubits=30, mixture=True), limits)
    assert (exact.method, exact.noise) == ("stabilizer", "full")
    assert plan(demand, limits, "full").noise == "full"
    assert plan(demand, limits, "pauli_twirled").noise == "pauli_twirled"


def test_the_bond_dimension_is_bounded_by_the_gates_and_by_the_size() -> None:
    chain = QuantumCircuit(5)
    for qubit in range(4):
        chain.cx(qubit, qubit + 1)
    assert bonds(chain) == 4 * 8
    chain.swap(0, 1)  # the outer cut has two sides, the smaller of one qubit
    assert bonds(chain) == 5 * 8
    far = QuantumCircuit(5)
    far.h(range(5))
    far.cz(0, 4)
    assert bonds(far) == 4 * 8
    wide = QuantumCircuit(40)
    wide.h(range(40))
    for _ in range(15):
        wide.cz(19, 20)
    assert bonds(wide) == math.inf


@pytest.mark.parametrize(
    ("demand", "microseconds"),
    [
        # What they took for each gate, and with midway measurements for each gate and shot, when measured.
        (replace(NOISY, qubits=2, gates=120_000), 27),
        (Demand(2, 120_000, 300, midway=True), 0.14 * 300),
        (Demand(2, 120_000, 300, seeded=True, midway=True), 0.14 * 300),
    ],
)
def test_many_gates_on_few_qubits_are_not_estimated_too_low(demand: Demand, microseconds: float) -> None:
    """A job that seems small could occupy every worker for long."""
    measured = demand.gates * microseconds * 1e-6
    assert measured / 2 < plan(demand, SimulationLimits()).seconds < measured * 2


def test_an_execution_takes_time_even_with_few_gates() -> None:
    """Executions of a noisy circuit of 14 gates took a millisecond each."""
    assert plan(replace(NOISY, qubits=2, gates=14), SimulationLimits()).seconds > 5e-4


def test_equal_gates_share_their_noise() -> None:
    """Making and examining the channels of each gate again took most of the time to prepare a circuit."""
    backend = catalog(["fake_fez"])["aer_simulator_noisy_fez"]
    assert backend.properties is not None
    circuit = QuantumCircuit(2)
    for _ in range(50):
        circuit.sx(1)
        circuit.cz(0, 1)
    prepared = program(circuit, DeviceNoise(backend.properties, backend.dt))
    channels = [each for each in prepared.operations if not isinstance(each, Unitary)]
    assert len(channels) > 100
    assert len({id(each) for each in channels}) == len(set(channels)) < 10
