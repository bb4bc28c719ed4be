"""The circuit that puts two bitstrings of the same length in superposition."""

from __future__ import annotations

from itertools import pairwise

from qiskit import QuantumCircuit


def to_bits(text: str) -> str:
    """Return the text's bits, eight for each character; the last bit is qubit 0 (Qiskit's order)."""
    return "".join(f"{ord(character):08b}" for character in text)


def to_text(bits: str) -> str:
    """Return the text of a measured bitstring; characters that cannot be printed become `\\xNN`."""
    codes = [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]
    return "".join(chr(code) if 32 <= code < 127 else f"\\x{code:02x}" for code in codes)


def superposition(first: str, second: str) -> QuantumCircuit:
    """Build the state (|first> + |second>) / sqrt(2) with measurements.

    Bits on which both agree are set; bits on which they differ are entangled as a GHZ state (Greenberger,
    Horne, Zeilinger 1989; arXiv:0712.0921): one Hadamard, then a chain of CNOTs. A chain and not a star,
    because neighbours on a device's lattice can follow a chain without swaps.

    Args:
        first: bitstring, its last bit on qubit 0.
        second: another of the same length.
    """
    qubits = len(first)
    circuit = QuantumCircuit(qubits)
    differing = []
    for qubit in range(qubits):
        bits = first[qubits - 1 - qubit], second[qubits - 1 - qubit]
        if bits == ("1", "1"):
            circuit.x(qubit)
        elif bits[0] != bits[1]:
            differing.append(qubit)
    head = differing[0]
    # Qubits whose bit in `first` is not that of the head are flipped: then a head of 0 gives one string
    # and a head of 1 the other.
    bit_of_head = first[qubits - 1 - head]
    circuit.h(head)
    for before, qubit in pairwise(differing):
        circuit.cx(before, qubit)
    for qubit in differing[1:]:
        if first[qubits - 1 - qubit] != bit_of_head:
            circuit.x(qubit)
    circuit.measure_all()
    return circuit
