"""Circuits that amplify the probability of what is looked for by a known number of rounds."""

from __future__ import annotations

from collections.abc import Sequence
from math import asin, sqrt

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import grover_operator
from qiskit.quantum_info import Statevector


def bernoulli(probability: float) -> tuple[QuantumCircuit, Statevector]:
    """A qubit that is 1 with this probability, and which of its states is looked for."""
    circuit = QuantumCircuit(1)
    circuit.ry(2 * asin(sqrt(probability)), 0)
    return circuit, Statevector([0, 1])


def uniform(qubits: int, marked: Sequence[int]) -> tuple[QuantumCircuit, Statevector]:
    """All numbers of so many bits in superposition, and which of them are looked for."""
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    wanted = np.zeros(2**qubits)
    wanted[list(marked)] = 1
    return circuit, Statevector(wanted)


def amplified(preparation: QuantumCircuit, wanted: Statevector, power: int) -> QuantumCircuit:
    """The state after `power` rounds of amplitude amplification, measured.

    Where the preparation gives what is wanted with probability sin(t)^2, this gives it with probability
    sin((2 power + 1) t)^2 (Brassard, Hoyer, Mosca, Tapp, quant-ph/0005055). Rounds of a single qubit are
    rotations, which a compiler makes one of.
    """
    circuit = preparation.copy()
    if power:
        operator = grover_operator(wanted, preparation)
        for _ in range(power):
            circuit.compose(operator, inplace=True)
    circuit.measure_all()
    return circuit
