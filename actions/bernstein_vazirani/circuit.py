"""The circuit of Bernstein and Vazirani."""

from __future__ import annotations

from qiskit import QuantumCircuit


def bernstein_vazirani(secret: str) -> QuantumCircuit:
    """All inputs at once, the parity of the bits they share with the secret as a sign, and the interference.

    E. Bernstein, U. Vazirani, "Quantum complexity theory", STOC 1993; SIAM J. Comput. 26, 1411 (1997). The
    function is asked as a phase, which needs no further qubit and no entanglement (Du et al.,
    arXiv:quant-ph/0012114): every measured bit stands for itself, however long the secret is. The barriers
    keep the function a black box; without them the transpiler would write the secret into the circuit.

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
