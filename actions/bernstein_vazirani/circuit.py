"""The circuit of Bernstein and Vazirani."""

from __future__ import annotations

from qiskit import QuantumCircuit


def bernstein_vazirani(secret: str) -> QuantumCircuit:
    """Build the circuit: all inputs in superposition, their parities as signs, and the interference.

    E. Bernstein, U. Vazirani, "Quantum complexity theory", STOC 1993; SIAM J. Comput. 26, 1411 (1997). The
    function is a phase oracle, which needs no ancilla and no entanglement (Du et al.,
    arXiv:quant-ph/0012114), so the error of a bit does not depend on the length of the secret. The barriers
    keep the function a black box; without them the transpiler would simplify it away.

    Args:
        secret: a bitstring; its last character is qubit 0.
    """
    qubits = len(secret)
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    circuit.barrier()
    for qubit, bit in enumerate(reversed(secret)):
        if bit == "1":
            circuit.z(qubit)
    circuit.barrier()
    circuit.h(range(qubits))
    circuit.measure_all()
    return circuit
