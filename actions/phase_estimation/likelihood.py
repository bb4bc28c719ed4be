"""The maximum-likelihood phase of measured counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actions.toolkit.phases import Floats, distribution, mixture

#: Number of most frequent outcomes around which the phase is searched.
CANDIDATES = 5
#: Number of phases of one grid.
GRID = 129
#: Twice the logarithm of the likelihood's ratio that bounds the 95 % interval (chi-square, 1 degree of
#: freedom).
CHI_SQUARE_95 = 3.84
#: The same for a signal that is distinguishable from noise (over 5 standard deviations).
NO_SIGNAL = 30.0


@dataclass(frozen=True)
class Estimate:
    """A phase with its 95 % interval, in turns, and the fraction of the shots that is not noise."""

    phase: float
    error: float
    signal: float
    seen: bool


def estimate(counts: dict[int, int], bits: int) -> Estimate:
    """Return the maximum-likelihood phase.

    Each shot is taken to come from the circuit with probability `signal`, else to be any outcome: a crude
    model of a noisy machine, which keeps stray outcomes from pulling at the phase.
    """
    size = 2**bits
    ranked = sorted(counts, key=lambda outcome: (-counts[outcome], outcome))
    outcomes = np.array(ranked, dtype=np.int64)
    weights = np.array([counts[outcome] for outcome in ranked], dtype=float)
    window = 1 / size
    offsets = np.linspace(-window, window, GRID)
    phases = np.concatenate([outcome / size + offsets for outcome in outcomes[:CANDIDATES]])
    best, signal, value, _ = _best(phases, outcomes, weights, bits)
    seen = 2 * (value + weights.sum() * np.log(size)) > NO_SIGNAL
    error = window
    while True:
        phases = best + np.linspace(-window, window, GRID)
        best, signal, value, values = _best(phases, outcomes, weights, bits)
        within = phases[2 * (value - values) <= CHI_SQUARE_95]
        error = max(float(within[-1] - best), float(best - within[0]), float(phases[1] - phases[0]))
        # An interval of a dozen grid points is resolved.
        if len(within) >= GRID // 10 or window < 1e-9:
            return Estimate(best % 1.0, error, signal, bool(seen))
        window /= 8


def _best(
    phases: Floats, outcomes: NDArray[np.int64], weights: Floats, bits: int
) -> tuple[float, float, float, Floats]:
    """The best of the phases, its signal, the logarithm of its likelihood, and that of all."""
    signal, values = mixture(distribution(phases, outcomes, bits), weights, bits)
    place = int(np.argmax(values))
    return float(phases[place]), float(signal[place]), float(values[place]), values
