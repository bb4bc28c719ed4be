"""Simon's circuit, with a function that has few gates."""

from __future__ import annotations

from itertools import pairwise

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister


def simon(secret: str) -> QuantumCircuit:
    """Build the circuit: all inputs in superposition, the function's values, and the interference.

    D. R. Simon, "On the power of quantum computation", FOCS 1994; SIAM J. Comput. 26, 1474 (1997). Every
    outcome y is equally likely among those that share an even number of 1s with the secret.

    The function must have the same value for x and x xor secret, and for no other pair. Here its values are
    the bits of x where the secret has a 0, and the parities of every two neighbouring bits where it has a 1:
    flipping all of the latter changes no parity. Each value is made by one or two CNOTs, and qubits and
    values form chains, so that a device's lattice needs few swaps or none.

    Args:
        secret: a bitstring, its last character is qubit 0; of zeros only: the function is one-to-one.

    Returns:
        A circuit with registers `x` and `f` of qubits; only `x` is measured, into the register `meas`.
    """
    bits = len(secret)
    flipped = [qubit for qubit in range(bits) if secret[bits - 1 - qubit] == "1"]
    kept = [qubit for qubit in range(bits) if qubit not in flipped]
    sources = [(qubit,) for qubit in kept] + list(pairwise(flipped))
    x = QuantumRegister(bits, "x")
    circuit = QuantumCircuit(x, ClassicalRegister(bits, "meas"))
    circuit.h(x)
    if sources:
        values = QuantumRegister(len(sources), "f")
        circuit.add_register(values)
        # All first gates before all second ones: two layers for any length of the secret.
        for layer in range(2):
            for value, source in zip(values, sources, strict=True):
                if layer < len(source):
                    circuit.cx(x[source[layer]], value)
    circuit.h(x)
    circuit.measure(x, circuit.cregs[0])
    return circuit
