"""Circuits that amplify the probability of the wanted states by a given number of rounds."""

from __future__ import annotations

from collections.abc import Sequence
from math import asin, sqrt

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import grover_operator
from qiskit.quantum_info import Statevector


def bernoulli(probability: float) -> tuple[QuantumCircuit, Statevector]:
    """Return the preparation of a qubit that is 1 with this probability, and the wanted state."""
    circuit = QuantumCircuit(1)
    circuit.ry(2 * asin(sqrt(probability)), 0)
    return circuit, Statevector([0, 1])


def uniform(qubits: int, marked: Sequence[int]) -> tuple[QuantumCircuit, Statevector]:
    """Return the preparation of all numbers of this many bits, and the sum of the wanted states."""
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    wanted = np.zeros(2**qubits)
    wanted[list(marked)] = 1
    return circuit, Statevector(wanted)


def amplification_circuit(preparation: QuantumCircuit, wanted: Statevector, power: int) -> QuantumCircuit:
    """Build the circuit of `power` rounds of amplitude amplification, with measurements.

    If the preparation gives a wanted state with probability sin(t)^2, this circuit gives one with probability
    sin((2 power + 1) t)^2 (Brassard, Hoyer, Mosca, Tapp, quant-ph/0005055). The rounds of a single qubit are
    rotations, which a compiler merges into one.
    """
    circuit = preparation.copy()
    if power:
        operator = grover_operator(wanted, preparation)
        for _ in range(power):
            circuit.compose(operator, inplace=True)
    circuit.measure_all()
    return circuit
