"""The circuit of quantum coins."""

from __future__ import annotations

from qiskit import QuantumCircuit

#: Qubits whose bits the numbers are made of.
VALUE_QUBITS = 16
#: Qubits whose bits put the shots in an order.
ORDER_QUBITS = 16


def coins(value: int = VALUE_QUBITS, order: int = ORDER_QUBITS) -> QuantumCircuit:
    """Every qubit in an equal superposition, measured: a fair coin each.

    A job's result tells how often each outcome was seen, but not in which shot: sorted by the outcome, the
    shots would not be random any more. So some qubits, which have nothing to do with the others, give each
    shot a random place.

    Args:
        value: how many qubits make the numbers; the lowest of an outcome's bits.
        order: how many make the order; the highest.
    """
    circuit = QuantumCircuit(value + order)
    circuit.h(range(value + order))
    circuit.measure_all()
    return circuit
