"""A kernel matrix from the shares of the outcome 0...0: removal of noise, and the nearest kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def mitigate(matrix: Matrix, qubits: int) -> Matrix:
    """Return the matrix without the contribution of depolarizing noise.

    Each vector's circuit is taken to keep its state with some probability and to lose it altogether
    otherwise. The diagonal, which is 1 without noise, gives that probability for each vector, so that it can
    be taken out of all other entries (Hubregtsen et al., arXiv:2105.02276, section V, "M-SPLIT").

    Args:
        matrix: as measured, diagonal included.
        qubits: number of qubits of the circuit.
    """
    floor = 2.0**-qubits
    kept = np.clip((np.diag(matrix) - floor) / (1 - floor), 1e-3, 1)
    both = np.sqrt(np.outer(kept, kept))
    return np.clip((matrix - floor * (1 - both)) / both, 0, 1)


def nearest(matrix: Matrix) -> Matrix:
    """Return a positive semidefinite matrix near it, with ones on its diagonal."""
    values, vectors = np.linalg.eigh(matrix)
    cut = (vectors * np.clip(values, 0, None)) @ vectors.T
    scale = np.sqrt(np.clip(np.diag(cut), 1e-12, None))
    result: Matrix = cut / np.outer(scale, scale)
    return result


def alignment(first: Matrix, second: Matrix) -> float:
    """Return the alignment of two kernels, the cosine between them: 1 if they differ only by a factor."""
    lengths = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum() / lengths) if lengths > 0 else 0.0
