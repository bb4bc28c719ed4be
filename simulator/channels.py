"""The noise channels of gates and of waiting, in the forms that the simulation methods need.

Depolarizing noise is a mixture of Paulis. Thermal relaxation for a time t damps the coherence of a qubit by
c = exp(-t/T2) and its excitation by d = exp(-t/T1), towards the ground state. If T2 <= T1 it is exactly a
mixture of identity, Z and reset, which the stabilizer method can simulate (Garner et al.,
arXiv:2512.09189). Otherwise the weight of Z would be negative, and the closest mixture has only identity and
reset, see `relaxation_mixture`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NoiseKind = Literal["full", "reset_mixture", "pauli_twirled"]
Matrix = NDArray[np.complex128]

#: I, X, Y, Z.
PAULIS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
#: For the Paulis I, X, Y, Z (rows and columns): 1 if they commute, otherwise -1.
COMMUTES = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=float)
#: How far the reset probability lies from 1 - c towards 1 - d in the closest mixture for T2 > T1.
CLOSEST = 0.4
#: Probabilities below this are rounding errors.
NEGLIGIBLE = 1e-12


@lru_cache(maxsize=8)
def pauli_strings(num_qubits: int) -> Matrix:
    """Return all Pauli strings as matrices; the first qubit is the lowest digit, base 4, of the index."""
    strings = PAULIS
    for _ in range(num_qubits - 1):
        strings = np.einsum("aij,bkl->abikjl", PAULIS, strings).reshape(
            4 * len(strings), 2 * strings.shape[1], 2 * strings.shape[2]
        )
    return strings


@dataclass(frozen=True)
class Mixture:
    """A mixture of Paulis and reset on one qubit; identity has the remaining probability.

    Attributes:
        x, y, z: Probabilities of the Paulis.
        reset: Probability of a reset.
        exact: Whether the mixture equals the relaxation that it stands for.
    """

    x: float
    y: float
    z: float
    reset: float
    exact: bool


def relaxation_mixture(coherence: float, excitation: float) -> Mixture:
    """Return thermal relaxation as a mixture of identity, Z and reset, or the closest mixture.

    Closest is meant in the trace distance of the Choi states. A mixture of identity and reset with the reset
    probability (1 - c) + y (c - d) is off by (c - d) (1 - y + sqrt((1 - y)^2 + 4 y^2)) / 4, which is least
    for y = 2/5. Further Paulis only add to the distance.

    Args:
        coherence: The factor c of the coherence.
        excitation: The factor d of the excitation.
    """
    if coherence <= excitation * (1 + 1e-12):
        dephasing = max((excitation - coherence) / 2, 0.0)
        return Mixture(0.0, 0.0, dephasing, 1 - excitation, exact=True)
    reset = 1 - coherence + CLOSEST * (coherence - excitation)
    return Mixture(0.0, 0.0, 0.0, reset, exact=False)


def twirled_relaxation(coherence: float, excitation: float) -> Mixture:
    """Return the Pauli channel with the diagonal of thermal relaxation.

    Source: Geller & Zhou, PRA 88, 012314, 2013.
    """
    flips = (1 - excitation) / 4
    phase = max((1 + excitation) / 4 - coherence / 2, 0.0)
    return Mixture(flips, flips, phase, 0.0, exact=flips < NEGLIGIBLE)


@dataclass(frozen=True)
class Depolarizing:
    """Replaces qubits by the completely mixed state with some probability."""

    qubits: tuple[int, ...]
    probability: float

    def on(self, qubits: tuple[int, ...]) -> Depolarizing:
        """Return it on other qubits."""
        return Depolarizing(qubits, self.probability)

    def kraus(self) -> Matrix:
        """Return the Kraus operators; the first is the one of no error."""
        strings = pauli_strings(len(self.qubits))
        weights = np.full(len(strings), self.probability / len(strings))
        weights[0] = 1 - weights[1:].sum()
        operators: Matrix = np.sqrt(weights)[:, None, None] * strings
        return operators

    def transfer(self) -> NDArray[np.float64]:
        """Return the Pauli transfer matrix."""
        diagonal = np.full(4 ** len(self.qubits), 1 - self.probability)
        diagonal[0] = 1.0
        return np.diag(diagonal)


@dataclass(frozen=True)
class Relaxation:
    """Thermal relaxation of a qubit.

    Attributes:
        qubits: The qubit.
        coherence: The factor of its coherence.
        excitation: The factor of its excitation.
        kind: `full` is exact; the others are the mixtures of this module.
    """

    qubits: tuple[int]
    coherence: float
    excitation: float
    kind: NoiseKind = "full"

    def on(self, qubits: tuple[int, ...]) -> Relaxation:
        """Return it on another qubit."""
        return Relaxation((qubits[0],), self.coherence, self.excitation, self.kind)

    def mixture(self) -> Mixture:
        """Return the mixture; for the full kind the closest one."""
        make = twirled_relaxation if self.kind == "pauli_twirled" else relaxation_mixture
        return make(self.coherence, self.excitation)

    def kraus(self) -> Matrix:
        """Return the Kraus operators; the first is the one closest to no error."""
        if self.kind != "full":
            return _mixture_kraus(self.mixture())
        return _relaxation_kraus(self.coherence, self.excitation)

    def transfer(self) -> NDArray[np.float64]:
        """Return the Pauli transfer matrix."""
        if self.kind == "full":
            matrix: NDArray[np.float64] = np.diag([1.0, self.coherence, self.coherence, self.excitation])
            matrix[3, 0] = 1 - self.excitation
            return matrix
        mixture = self.mixture()
        kept = 1 - mixture.x - mixture.y - mixture.z - mixture.reset
        matrix = np.diag(COMMUTES @ [kept, mixture.x, mixture.y, mixture.z])
        matrix[0, 0] = 1.0
        matrix[3, 0] = mixture.reset
        return matrix


Channel = Depolarizing | Relaxation


@lru_cache(maxsize=4096)
def _relaxation_kraus(coherence: float, excitation: float) -> Matrix:
    # Amplitude damping, and a phase flip without which the coherence would be sqrt(d).
    ratio = coherence / math.sqrt(excitation) if excitation > 0 else 1.0
    flip = max((1 - ratio) / 2, 0.0)
    damped = math.sqrt(excitation)
    kept = np.diag([1.0, damped]).astype(complex) * math.sqrt(1 - flip)
    flipped = np.diag([1.0, -damped]).astype(complex) * math.sqrt(flip)
    decay = np.array([[0, math.sqrt(1 - excitation)], [0, 0]], dtype=complex)
    return np.stack([kept, flipped, decay])


@lru_cache(maxsize=4096)
def _mixture_kraus(mixture: Mixture) -> Matrix:
    kept = max(1 - mixture.x - mixture.y - mixture.z - mixture.reset, 0.0)
    weights = np.sqrt([kept, mixture.x, mixture.y, mixture.z])
    resets = math.sqrt(mixture.reset) * np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]])
    return np.concatenate([weights[:, None, None] * PAULIS, resets])
