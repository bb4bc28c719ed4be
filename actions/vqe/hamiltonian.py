"""Hamiltonians as sums of Pauli strings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from qiskit.quantum_info import SparsePauliOp

#: The hydrogen molecule at 0.735 angstrom, in hartree: its electrons in the basis STO-3G, mapped to two
#: qubits by parity with two-qubit reduction. The coefficients are those of Qiskit's documentation and tests
#: of VQE, made with PySCF. Without the repulsion of the nuclei, which adds 0.719969.
H2 = (
    ("II", -1.052373245772859),
    ("IZ", 0.39793742484318045),
    ("ZI", -0.39793742484318045),
    ("ZZ", -0.01128010425623538),
    ("XX", 0.18093119978423156),
)

Terms = tuple[tuple[str, float], ...]


@lru_cache(maxsize=64)
def operator(terms: Terms) -> SparsePauliOp:
    """Return the Hamiltonian; the last character of a string is qubit 0."""
    return SparsePauliOp.from_list(list(terms))


@lru_cache(maxsize=64)
def bases(terms: Terms) -> int:
    """Return the number of measurement bases: groups of strings that commute qubit by qubit."""
    paulis = [(label, weight) for label, weight in terms if label.strip("I")]
    return len(operator(tuple(paulis)).paulis.group_commuting(qubit_wise=True)) if paulis else 0


@lru_cache(maxsize=64)
def exact_energy(terms: Terms) -> float:
    """Return the lowest eigenvalue, by diagonalisation."""
    return float(np.linalg.eigvalsh(operator(terms).to_matrix())[0])


@lru_cache(maxsize=64)
def lowest_bits(terms: Terms) -> str:
    """Return the bitstring with the lowest energy (for a molecule, its Hartree-Fock state)."""
    qubits = len(terms[0][0])
    indices = np.arange(2**qubits)
    energies = np.zeros(2**qubits)
    for label, weight in terms:
        if set(label) <= {"I", "Z"}:
            mask = int(label.replace("I", "0").replace("Z", "1"), 2)
            energies += weight * (1 - 2 * (np.bitwise_count(indices & mask) % 2).astype(float))
    return f"{int(np.argmin(energies)):0{qubits}b}"


def is_real(labels: Sequence[str]) -> bool:
    """Return whether the matrix and its lowest eigenvector are real: all strings have an even number of Y."""
    return all(label.count("Y") % 2 == 0 for label in labels)
