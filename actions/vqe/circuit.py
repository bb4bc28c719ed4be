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
    """Build layers of one-qubit rotations with a chain of CNOTs between them.

    Args:
        qubits: number of qubits.
        layers: number of layers of CNOTs.
        real: whether to use only rotations about Y, which reach real states with half the parameters.
    """
    make = real_amplitudes if real else efficient_su2
    return make(qubits, reps=layers)


def ansatz_name(real: bool) -> str:
    """Return the name of the ansatz in Qiskit's circuit library."""
    return "real_amplitudes" if real else "efficient_su2"


def starting_angles(circuit: QuantumCircuit, bits: str) -> list[float]:
    """Return angles that give nearly the basis state `bits`: only rotations about Y in the last layer."""
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
    result: list[float] = angles.tolist()
    return result
