"""The circuit whose probability of the outcome 0...0 is an entry of the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit.library import zz_feature_map
from qiskit.quantum_info import Statevector

Entanglement = Literal["linear", "full"]


@lru_cache(maxsize=32)
def feature_map(features: int, reps: int, entanglement: Entanglement, prefix: str = "x") -> QuantumCircuit:
    """Qiskit's ZZ feature map (arXiv:1804.11326, second-order expansion), with one qubit for each feature."""
    return zz_feature_map(features, reps=reps, entanglement=entanglement, parameter_prefix=prefix)


@lru_cache(maxsize=32)
def overlap(features: int, reps: int, entanglement: Entanglement) -> QuantumCircuit:
    """Build the feature map of one vector, then the inverse map of another: compute, uncompute.

    The probability of measuring 0...0 is |<map(y)|map(x)>|^2. Its parameters are x[0], x[1], ..., y[0], ...
    """
    circuit = feature_map(features, reps, entanglement).copy()
    circuit.compose(feature_map(features, reps, entanglement, "y").inverse(), inplace=True)
    circuit.measure_all()
    return circuit


def states(
    vectors: Sequence[Sequence[float]], reps: int, entanglement: Entanglement
) -> NDArray[np.complex128]:
    """Return the exact states of the vectors, one in each row."""
    circuit = feature_map(len(vectors[0]), reps, entanglement)
    return np.array([Statevector(circuit.assign_parameters(list(vector))).data for vector in vectors])


def outcomes(
    first: Sequence[float], second: Sequence[float], reps: int, entanglement: Entanglement
) -> dict[str, float]:
    """Return the exact distribution of `overlap` for two vectors."""
    bare = overlap(len(first), reps, entanglement).remove_final_measurements(inplace=False)
    state = Statevector(bare.assign_parameters([*first, *second]))
    return {bits: float(part) for bits, part in state.probabilities_dict().items() if part > 1e-12}
