"""The circuits that make a GHZ state and measure it, in the computational basis and across it."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector


def ghz(qubits: int) -> QuantumCircuit:
    """(|0...0> + |1...1>) / sqrt(2), not measured (Greenberger, Horne, Zeilinger; arXiv:0712.0921).

    A chain that grows from its middle in both directions: half as deep as one from end to end, and still a
    line, which lies along neighbours of a device's lattice without swaps. A tree of depth log n would not.
    """
    circuit = QuantumCircuit(qubits)
    middle = qubits // 2
    circuit.h(middle)
    for step in range(middle):
        circuit.cx(middle - step, middle - step - 1)
        if middle + step + 1 < qubits:
            circuit.cx(middle + step, middle + step + 1)
    return circuit


def populations(qubits: int) -> QuantumCircuit:
    """The state, measured as it is."""
    circuit = ghz(qubits)
    circuit.measure_all()
    return circuit


def rotated(qubits: int) -> QuantumCircuit:
    """The state, each qubit measured at its own angle in the equator of the Bloch sphere.

    Parameters `angle[i]`: 0 measures X of qubit i, pi/2 measures Y.
    """
    circuit = ghz(qubits)
    for qubit, angle in enumerate(ParameterVector("angle", qubits)):
        circuit.rz(-angle, qubit)
        circuit.h(qubit)
    circuit.measure_all()
    return circuit
