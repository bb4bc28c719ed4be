"""State vectors of small noiseless circuits, which the simulator computes without Aer."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import Statevector

from simulator import state_vector
from simulator.backends import catalog
from simulator.engine import OWN, Engine
from simulator.operations import Program, Unitary, ends_with_measurements, program
from simulator.own_gates import STANDARD
from simulator.settings import SimulationLimits
from simulator.simulation_plan import SMALL_QUBITS, Method


def measured(seed: int) -> tuple[QuantumCircuit, list[int], list[int]]:
    """Return a random circuit, its measured qubits, and their classical bits."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 6))
    gates = random_circuit(size, int(rng.integers(1, 8)), max_operands=min(size, 3), seed=seed)
    circuit = QuantumCircuit(size + 2, size + 1)
    places = rng.permutation(size + 2)[:size].tolist()
    circuit.compose(gates, places, inplace=True)
    used = [place for place in places if rng.random() < 0.7]
    clbits = rng.permutation(size + 1)[: len(used)].tolist()
    circuit.measure(used, clbits)
    return circuit, used, clbits


@pytest.mark.parametrize("seed", range(40))
def test_probabilities_are_those_of_the_circuit(seed: int) -> None:
    circuit, qubits, _ = measured(seed)
    prepared = program(circuit, None)
    assert prepared.unitary
    assert {item.name for item in circuit.data} <= STANDARD.keys() | {"measure"}
    state = Statevector(circuit.remove_final_measurements(inplace=False))
    expected = state.probabilities(qubits) if qubits else [1.0]
    assert state_vector.probabilities(prepared) == pytest.approx(expected, abs=1e-12)


def test_each_result_is_in_the_bit_that_its_qubit_is_measured_into() -> None:
    circuit = QuantumCircuit(4, 5)
    circuit.x([0, 3])
    circuit.measure([3, 1, 0], [4, 2, 0])
    bits = OWN["statevector"](program(circuit, None), 5, 7, np.random.default_rng(1))
    assert bits.tolist() == [[1, 0, 0, 0, 1]] * 7


@pytest.mark.parametrize("method", ["statevector", "density_matrix"])
def test_gates_without_noise_are_still_misread(method: Method) -> None:
    program = Program([Unitary("x", (), (0,))], 2, {0: 1, 1: 0}, {0: (1.0, 0.0), 1: (0.0, 1.0)})
    assert OWN[method](program, 3, 4, np.random.default_rng(1)).tolist() == [[1, 0, 0]] * 4


def ends() -> QuantumCircuit:
    """Return a circuit with its measurements at its end."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    circuit.barrier()
    circuit.delay(10, 0)
    circuit.measure(1, 1)
    return circuit


def test_measurements_at_the_end_are_recognized() -> None:
    assert ends_with_measurements(ends())
    again, twice, reset, overwritten = ends(), ends(), ends(), ends()
    again.x(0)
    twice.measure(0, 0)
    reset.reset(1)
    overwritten.measure(1, 0)
    for circuit in (again, twice, reset, overwritten):
        assert not ends_with_measurements(circuit)
    for circuit in (ends(), again, twice, overwritten):
        assert ends_with_measurements(circuit) != program(circuit, None).measures_midway


@pytest.mark.parametrize(("qubits", "seeded", "aer"), [(2, False, False), (2, True, True), (13, False, True)])
def test_aer_runs_large_circuits_and_those_with_a_seed(qubits: int, seeded: bool, aer: bool) -> None:
    assert (qubits > SMALL_QUBITS) == (qubits == 13)
    engine = Engine(catalog(["fake_fez"]), SimulationLimits())
    backend = engine.backends["aer_simulator"]
    circuit = QuantumCircuit(qubits, qubits)
    for qubit in range(qubits - 1):
        circuit.ry(0.3, qubit)
        circuit.cx(qubit, qubit + 1)
    for _ in range(30):
        # So many gates that a matrix product state is no way.
        circuit.cx(0, qubits - 1)
        circuit.ry(0.4, qubits - 1)
    circuit.measure(range(qubits), range(qubits))
    (execution,) = engine.prepare(backend, circuit, np.empty((1, 0)), 10, seeded=seeded)
    assert (execution.plan.method, execution.plan.aer) == ("statevector", aer)
    assert engine.run(backend, [execution], np.random.default_rng(1), 5 if seeded else None)[0].shape == (
        10,
        qubits,
    )
