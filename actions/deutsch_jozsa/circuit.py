"""The circuit of Deutsch and Jozsa."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from actions.toolkit.phase_oracle import phase_oracle
from actions.toolkit.walsh import walsh


def parity_table(mask: str) -> list[int]:
    """Return the truth table of the parity of the input bits that the mask marks with a 1."""
    marked = int(mask, 2)
    return [(value & marked).bit_count() & 1 for value in range(2 ** len(mask))]


def deutsch_jozsa(truth: Sequence[int]) -> QuantumCircuit:
    """Build the circuit: all inputs in superposition, their values as signs, and the interference.

    D. Deutsch, R. Jozsa, "Rapid solution of problems by quantum computation", Proc. R. Soc. A 439, 553,
    1992, as improved by Cleve, Ekert, Macchiavello, Mosca (arXiv:quant-ph/9708016): one query, and no
    ancilla.
    The barriers keep the function a black box; without them the transpiler would compute the answer.

    Args:
        truth: f(0), f(1), ... f(2^n - 1), each 0 or 1; bit 0 of an input is on qubit 0.
    """
    qubits = len(truth).bit_length() - 1
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    circuit.barrier()
    circuit.compose(phase_oracle(truth), inplace=True)
    circuit.barrier()
    circuit.h(range(qubits))
    circuit.measure_all(add_bits=True)
    return circuit


def distribution(truth: Sequence[int]) -> NDArray[np.float64]:
    """Return the probability of each outcome without noise: f's squared correlation with its parity."""
    signs = [1.0 - 2.0 * value for value in truth]
    probabilities: NDArray[np.float64] = (walsh(signs) / len(truth)) ** 2
    return probabilities
