"""The statistics of phase estimation: the distribution of outcomes, and the likelihood of counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDS = 40


def distribution(phase: float | Floats, outcomes: NDArray[np.int64], bits: int) -> Floats:
    """Return the probability of each outcome (last axis) for each phase: Fejer's kernel.

    Args:
        phase: a phase or an array of phases, in turns.
        outcomes: the register as a number; divided by 2**bits it is the phase.
        bits: number of bits of the register.
    """
    size = 2**bits
    delta = np.asarray(phase, dtype=float)[..., None] - outcomes / size
    delta -= np.round(delta)
    # sinc(x) is sin(pi x) / (pi x), and has its limit at 0.
    weights: Floats = (np.sinc(size * delta) / np.sinc(delta)) ** 2
    return weights


def mixture(exact: Floats, counts: Floats, bits: int) -> tuple[Floats, Floats]:
    """Fit each model to the counts, if a fraction of the shots is uniform noise.

    Args:
        exact: the probability of each measured outcome (columns) in each model (rows).
        counts: number of shots with each outcome.
        bits: number of bits of the register.

    Returns:
        For each model the fraction of the shots that is not noise, and the logarithm of the likelihood.
    """
    uniform = 2.0**-bits
    signal = np.full(len(exact), 0.9)
    for _ in range(_ROUNDS):
        # Expectation maximisation: the fraction of each outcome's shots that the model explains.
        mixed = signal[:, None] * exact
        part = mixed / (mixed + (1 - signal[:, None]) * uniform + 1e-300)
        signal = np.minimum(part @ counts / counts.sum(), 1 - 1e-9)
    values = np.log(signal[:, None] * exact + (1 - signal[:, None]) * uniform) @ counts
    return signal, values
