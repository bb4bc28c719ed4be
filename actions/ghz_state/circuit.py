"""The circuits that prepare a GHZ state and measure it, in the Z basis and on the equator."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector


def ghz(qubits: int) -> QuantumCircuit:
    """Prepare (|0...0> + |1...1>) / sqrt(2) (Greenberger, Horne, Zeilinger; arXiv:0712.0921).

    The chain of CNOTs grows from its middle in both directions. It is half as deep as one from end to end,
    and still a line, which fits on neighbours of a device's lattice without swaps. A tree would not fit.
    """
    circuit = QuantumCircuit(qubits)
    middle = qubits // 2
    circuit.h(middle)
    for step in range(middle):
        circuit.cx(middle - step, middle - step - 1)
        if middle + step + 1 < qubits:
            circuit.cx(middle + step, middle + step + 1)
    return circuit


def populations_circuit(qubits: int) -> QuantumCircuit:
    """Build the state with measurements in the computational basis."""
    circuit = ghz(qubits)
    circuit.measure_all()
    return circuit


def equatorial_circuit(qubits: int) -> QuantumCircuit:
    """Build the state with each qubit measured at an angle on the equator of the Bloch sphere.

    Parameters `angle[i]`: 0 measures X of qubit i, pi/2 measures Y.
    """
    circuit = ghz(qubits)
    for qubit, angle in enumerate(ParameterVector("angle", qubits)):
        circuit.rz(-angle, qubit)
        circuit.h(qubit)
    circuit.measure_all()
    return circuit
