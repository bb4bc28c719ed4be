"""The tests' exact simulation, checked against closed forms."""

from __future__ import annotations

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from actions.framework.job import Job, Pub
from tests.actions.theory import parts, probabilities, result_of


def test_plain_measurements_agree_with_the_state_vector() -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(1.0471975511965976, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    assert probabilities(circuit) == pytest.approx({"00": 0.75, "11": 0.25})


def test_an_outcome_controls_what_follows() -> None:
    first, second = ClassicalRegister(1, "first"), ClassicalRegister(2, "second")
    circuit = QuantumCircuit(QuantumRegister(2), first, second)
    circuit.h(0)
    circuit.measure(0, first[0])
    with circuit.if_test((first, 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.h(1)
    circuit.reset(0)
    circuit.measure([0, 1], second)
    assert probabilities(circuit, "first") == pytest.approx({"0": 0.5, "1": 0.5})
    assert probabilities(circuit, "second") == pytest.approx({"00": 0.25, "10": 0.75})


def test_qubits_that_never_interact_are_drawn_separately() -> None:
    qubits = 40
    circuit = QuantumCircuit(qubits)
    circuit.x(range(0, qubits, 2))
    circuit.h(qubits - 1)
    circuit.cx(qubits - 1, qubits - 3)
    circuit.measure_all()
    assert sorted(part.num_qubits for part in parts(circuit)) == [1] * (qubits - 2) + [2]
    [pub] = [result_of(Job([Pub(circuit)]), shots=400)]
    assert pub.counts is not None
    plain = "".join("1" if qubit % 2 == 0 else "0" for qubit in reversed(range(qubits)))
    assert set(pub.counts["meas"]) == {plain, "1" + plain[1] + "1" + plain[3:]}
    assert sum(pub.counts["meas"].values()) == 400
    # Seven standard deviations of a fair coin.
    assert abs(pub.counts["meas"][plain] - 200) < 70


def test_a_bit_that_controls_a_gate_joins_its_qubits() -> None:
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "one"), ClassicalRegister(1, "two"))
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    assert len(parts(circuit)) == 1
