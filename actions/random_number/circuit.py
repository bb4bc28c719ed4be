"""The circuit of quantum coins."""

from __future__ import annotations

from qiskit import QuantumCircuit

#: Qubits whose bits become the numbers.
VALUE_QUBITS = 16
#: Qubits whose bits define the order of the shots.
ORDER_QUBITS = 16


def coins(value: int = VALUE_QUBITS, order: int = ORDER_QUBITS) -> QuantumCircuit:
    """Build the circuit of qubits in equal superposition, measured: each is a fair coin.

    A job's result has the number of shots with each outcome, but not the order of the shots. Sorted by
    outcome, they would no longer be random. So some qubits, independent of the others, give each shot a
    random place.

    Args:
        value: number of qubits for the numbers, the lowest bits of an outcome.
        order: number of qubits for the order, the highest bits.
    """
    circuit = QuantumCircuit(value + order)
    circuit.h(range(value + order))
    circuit.measure_all()
    return circuit
