"""The trial states of VQE: hardware-efficient, shallow (Kandala et al. 2017, arXiv:1704.05018)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2, real_amplitudes

#: Standard deviation, in radians, by which the start differs from a basis state: there the slope may be zero
#: along all directions that matter. And the seed of these differences, the same for every run.
NUDGE, SEED = 0.1, 1


@lru_cache(maxsize=64)
def ansatz(qubits: int, layers: int, real: bool) -> QuantumCircuit:
    """Layers of one-qubit rotations with a chain of CNOTs between each and the next.

    Args:
        qubits: how many.
        layers: of CNOTs.
        real: only rotations about Y, which reach the real states with half the parameters.
    """
    make = real_amplitudes if real else efficient_su2
    return make(qubits, reps=layers)


def name(real: bool) -> str:
    """What Qiskit's circuit library calls the ansatz."""
    return "real_amplitudes" if real else "efficient_su2"


def starting_angles(circuit: QuantumCircuit, bits: str) -> list[float]:
    """Angles that give the basis state `bits`, nearly: all zero but for the last layer's rotations "
    "about Y."""
    angles = np.random.default_rng(SEED).normal(0.0, NUDGE, circuit.num_parameters)
    last = {
        circuit.find_bit(item.qubits[0]).index: item.operation.params[0]
        for item in circuit.data
        if item.operation.name == "ry"
    }
    places = {parameter: index for index, parameter in enumerate(circuit.parameters)}
    for qubit, bit in enumerate(reversed(bits)):
        if bit == "1":
            angles[places[last[qubit]]] += np.pi
    found: list[float] = angles.tolist()
    return found
