"""Measurements of Pauli operators: the change of basis, and the expectation values from counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from qiskit import QuantumCircuit

#: The Pauli operator whose eigenvalue is measured.
Basis = Literal["X", "Y", "Z"]

BASES: tuple[Basis, ...] = ("X", "Y", "Z")


def rotate(circuit: QuantumCircuit, qubit: int, basis: Basis) -> None:
    """Rotate the qubit so that its measurement gives this operator: 0 for eigenvalue +1, 1 for -1."""
    if basis == "Y":
        circuit.sdg(qubit)
    if basis != "Z":
        circuit.h(qubit)


def parity(counts: Mapping[str, int]) -> float:
    """Return the mean product of all bits' eigenvalues, from -1 (always odd) to 1 (always even)."""
    return sum(-count if bits.count("1") % 2 else count for bits, count in counts.items()) / shots(counts)


def standard_error(value: float, shots: int) -> float:
    """Return the standard error of a mean of `shots` eigenvalues.

    Two shots with opposite outcomes are added to the data (Agresti and Coull 1998), so that a single shot
    is not certain.
    """
    shrunk = value * shots / (shots + 2)
    return math.sqrt((1 - shrunk**2) / (shots + 2))


def shots(counts: Mapping[str, int]) -> int:
    """Return the number of shots."""
    return sum(counts.values())
