"""What an outcome of phase estimation tells of a phase, shared by the algorithms that estimate one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDS = 40


def distribution(phase: float | Floats, outcomes: NDArray[np.int64], bits: int) -> Floats:
    """The probability of each outcome (last axis) for each phase, in turns: Fejer's kernel.

    Args:
        phase: one, or an array of them.
        outcomes: the register read as a number; over 2**bits it is the phase.
        bits: of the register.
    """
    size = 2**bits
    delta = np.asarray(phase, dtype=float)[..., None] - outcomes / size
    delta -= np.round(delta)
    # sinc(x) is sin(pi x) / (pi x), and has its limit at 0.
    weights: Floats = (np.sinc(size * delta) / np.sinc(delta)) ** 2
    return weights


def mixture(exact: Floats, counts: Floats, bits: int) -> tuple[Floats, Floats]:
    """How well each model explains the counts, if a part of the shots is noise that gives any outcome alike.

    Args:
        exact: the probability of each outcome seen (columns) by each model (rows).
        counts: how often each was seen.
        bits: of the register.

    Returns:
        For each model the part of the shots that is no noise, and the logarithm of the likelihood.
    """
    uniform = 2.0**-bits
    signal = np.full(len(exact), 0.9)
    for _ in range(_ROUNDS):
        # Expectation maximisation: which part of each outcome's shots the model explains.
        mixed = signal[:, None] * exact
        part = mixed / (mixed + (1 - signal[:, None]) * uniform + 1e-300)
        signal = np.minimum(part @ counts / counts.sum(), 1 - 1e-9)
    values = np.log(signal[:, None] * exact + (1 - signal[:, None]) * uniform) @ counts
    return signal, values
