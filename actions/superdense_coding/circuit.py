"""The circuit that sends two bits with one qubit."""

from __future__ import annotations

from qiskit import QuantumCircuit


def superdense_coding(message: str) -> QuantumCircuit:
    """Build the circuit that sends two bits with each qubit (Bennett and Wiesner) and measures the message.

    For each two bits Alice and Bob share a Bell pair; Alice turns her half into one of the four Bell states
    and sends it; Bob undoes the entanglement and reads both bits. Barriers separate the three steps:
    otherwise the transpiler would reduce all three to setting the bits.

    Args:
        message: an even number of bits; the first is the highest of a measured outcome.
    """
    size = len(message)
    hers, his = range(size - 1, 0, -2), range(size - 2, -1, -2)
    circuit = QuantumCircuit(size)
    circuit.h(hers)
    circuit.cx(hers, his)
    circuit.barrier()
    for qubit, phase, flip in zip(hers, message[::2], message[1::2], strict=True):
        if flip == "1":
            circuit.x(qubit)
        if phase == "1":
            circuit.z(qubit)
    circuit.barrier()
    circuit.cx(hers, his)
    circuit.h(hers)
    circuit.measure_all()
    return circuit
