"""The four maximally entangled states of two qubits, measured in one Pauli basis."""

from __future__ import annotations

from typing import Literal

from qiskit import QuantumCircuit

from actions.toolkit.pauli import Basis, rotate

BellState = Literal["phi_plus", "phi_minus", "psi_plus", "psi_minus"]

#: The product of both qubits' eigenvalues in each basis. The three signs identify the state.
SIGNS: dict[BellState, dict[Basis, int]] = {
    "phi_plus": {"X": 1, "Y": -1, "Z": 1},
    "phi_minus": {"X": -1, "Y": 1, "Z": 1},
    "psi_plus": {"X": 1, "Y": 1, "Z": -1},
    "psi_minus": {"X": -1, "Y": -1, "Z": -1},
}


def bell(state: BellState, basis: Basis) -> QuantumCircuit:
    """Build the circuit of a Bell state with both qubits measured in one basis.

    `phi` is |00> and |11>, `psi` is |01> and |10>, with the sign of the second: for example, psi_minus is
    (|01> - |10>) / sqrt(2), first qubit first. Nielsen and Chuang, section 1.3.6.
    """
    circuit = QuantumCircuit(2)
    # Both flips are at the start, where they cost only a gate on an idle qubit.
    if state.endswith("minus"):
        circuit.x(0)
    if state.startswith("psi"):
        circuit.x(1)
    circuit.h(0)
    circuit.cx(0, 1)
    for qubit in range(2):
        rotate(circuit, qubit, basis)
    circuit.measure_all()
    return circuit
