"""Pauli measurements: what to do before measuring in one, and what the counts say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from qiskit import QuantumCircuit

#: The Pauli operator whose eigenvalue a measurement shows.
Basis = Literal["X", "Y", "Z"]

BASES: tuple[Basis, ...] = ("X", "Y", "Z")


def rotate(circuit: QuantumCircuit, qubit: int, basis: Basis) -> None:
    """Turn the qubit so that measuring it shows this Pauli operator: 0 for eigenvalue +1, 1 for -1."""
    if basis == "Y":
        circuit.sdg(qubit)
    if basis != "Z":
        circuit.h(qubit)


def parity(counts: Mapping[str, int]) -> float:
    """The mean of the product of all bits' eigenvalues: from -1 (always odd) to 1 (always even)."""
    return sum(-count if bits.count("1") % 2 else count for bits, count in counts.items()) / shots(counts)


def error(value: float, shots: int) -> float:
    """The standard error of a mean of `shots` eigenvalues.

    With two more shots of opposite outcome added to the data, as Agresti and Coull do (1998): a single shot
    does not pass for a certainty.
    """
    pulled = value * shots / (shots + 2)
    return math.sqrt((1 - pulled**2) / (shots + 2))


def shots(counts: Mapping[str, int]) -> int:
    """How many shots were counted."""
    return sum(counts.values())
