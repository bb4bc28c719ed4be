"""The tests' own exact simulation, held against closed forms."""

from __future__ import annotations

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister

from tests.actions.theory import probabilities


def test_plain_measurements_agree_with_the_state_vector() -> None:
    circuit = QuantumCircuit(2)
    circuit.ry(1.0471975511965976, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    assert probabilities(circuit) == pytest.approx({"00": 0.75, "11": 0.25})


def test_an_outcome_steers_what_follows() -> None:
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
