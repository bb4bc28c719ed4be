"""Circuits that the tests run."""

from __future__ import annotations

from typing import Any

from qiskit import QuantumCircuit
from qiskit.transpiler.preset_passmanagers import generate_preset_pass_manager


def ghz(num_qubits: int) -> QuantumCircuit:
    """Return a circuit that gives all zeros or all ones, with equal probability."""
    circuit = QuantumCircuit(num_qubits)
    circuit.h(0)
    for qubit in range(num_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def dense(num_qubits: int) -> QuantumCircuit:
    """Return a circuit that takes a state-vector simulator a long time."""
    circuit = QuantumCircuit(num_qubits)
    for _ in range(40):
        for qubit in range(num_qubits):
            circuit.rx(0.3, qubit)
            circuit.cz(qubit, (qubit + 1) % num_qubits)
    circuit.measure_all()
    return circuit


def isa(circuit: QuantumCircuit, backend: Any) -> QuantumCircuit:
    """Return the circuit in a backend's instructions."""
    return generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=1).run(circuit)
