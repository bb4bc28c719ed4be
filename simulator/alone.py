"""Exact simulation of single qubits, by their Bloch vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Gate
from qiskit.circuit.library import get_standard_gate_name_mapping

from .circuits import Alone
from .noise import DeviceNoise

GATES = get_standard_gate_name_mapping()
PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
#: Rotations kept; twirled circuits draw their angles from few values.
KEPT = 4096


@lru_cache(maxsize=KEPT)
def rotation(name: str, parameters: tuple[float, ...]) -> NDArray[np.float64]:
    """Return what a gate does to the Bloch vector, a rotation matrix."""
    gate: Gate = GATES[name].base_class(*parameters)
    unitary = gate.to_matrix()
    turned = unitary @ PAULIS @ unitary.conj().T
    matrix: NDArray[np.float64] = np.einsum("iab,jba->ij", PAULIS, turned).real / 2
    return matrix


def probability_of_one(one: Alone, noise: DeviceNoise | None) -> float:
    """Return how probable it is that a qubit is read as 1 at the end.

    Args:
        one: What happens to the qubit.
        noise: The device's noise; None for no noise.
    """
    bloch = np.array([0.0, 0.0, 1.0])
    for instruction in one.gates:
        if instruction.name == "reset":
            bloch = np.array([0.0, 0.0, 1.0])
            continue
        bloch = rotation(instruction.name, tuple(map(float, instruction.params))) @ bloch
        if noise is not None and (change := noise.gate(instruction.name, one.qubit)) is not None:
            factor, shift = change
            bloch = bloch * factor + shift
    probability = min(max((1 - float(bloch[2])) / 2, 0.0), 1.0)
    if noise is not None:
        up, down = noise.readout(one.qubit)
        probability = probability * (1 - down) + (1 - probability) * up
    return probability


def sample(
    qubits: Sequence[Alone], noise: DeviceNoise | None, bits: NDArray[np.uint8], rng: np.random.Generator
) -> None:
    """Draw the outcomes of qubits that meet no other.

    Args:
        qubits: The qubits.
        noise: The device's noise; None for no noise.
        bits: Array of shape (shots, classical bits); the outcomes are written into it.
        rng: Where the randomness comes from.
    """
    measured = [(one.clbit, probability_of_one(one, noise)) for one in qubits if one.clbit is not None]
    if measured:
        places = [clbit for clbit, _ in measured]
        probabilities = np.array([probability for _, probability in measured])
        bits[:, places] = rng.random((len(bits), len(places))) < probabilities
