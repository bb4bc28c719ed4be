"""The maximum-likelihood amplitude, from the hits of all powers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Angles of one grid; it has over fifty angles in a period of the largest power's likelihood.
GRID = 1001
#: Decays to fit if there is noise: the natural logarithm by which each round damps the oscillation.
DECAYS = np.concatenate([[0.0], np.geomspace(1e-3, 4.0, 31)])
#: Twice the logarithm of the likelihood's ratio that bounds the 95 % interval (chi-square, 1 degree of
#: freedom).
CHI_SQUARE_95 = 3.84

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A probability with its 95 % interval, and the fitted decay of one round."""

    probability: float
    lower: float
    upper: float
    decay: float


def estimate(
    powers: Sequence[int], hits: Sequence[int], shots: Sequence[int], noisy: bool, floor: float | None
) -> Estimate:
    """Return the maximum-likelihood probability (arXiv:1904.10246, section 2).

    With noise, each round damps the oscillation. The decay is a second parameter of the fit (Tanaka et al.,
    arXiv:2006.16223).

    Args:
        powers: amplification rounds of each circuit.
        hits: number of shots of each circuit with a wanted outcome.
        shots: number of shots of each circuit.
        noisy: whether to fit a decay.
        floor: the probability of a wanted outcome under complete noise; None if it is the estimated one.
    """
    decays = DECAYS if noisy else DECAYS[:1]
    low, high = 0.0, np.pi / 2
    while True:
        angles = np.linspace(low, high, GRID)
        values = _values(angles, decays, powers, hits, shots, floor)
        profile = values.max(axis=1)
        place = int(np.argmax(profile))
        within = np.flatnonzero(2 * (profile[place] - profile) <= CHI_SQUARE_95)
        first, last = int(within[0]), int(within[-1])
        # One grid step wider, so that the ends of the interval are inside the next, finer grid.
        lower, upper = angles[max(first - 1, 0)], angles[min(last + 1, GRID - 1)]
        if last - first >= GRID // 10 or high - low < 1e-9:
            break
        low, high = lower, upper
    return Estimate(
        probability=float(np.sin(angles[place]) ** 2),
        lower=float(np.sin(lower) ** 2),
        upper=float(np.sin(upper) ** 2),
        decay=float(decays[int(np.argmax(values[place]))]),
    )


def _values(
    angles: Floats,
    decays: Floats,
    powers: Sequence[int],
    hits: Sequence[int],
    shots: Sequence[int],
    floor: float | None,
) -> Floats:
    """The logarithm of the likelihood for each angle (rows) and decay (columns)."""
    total = np.zeros((len(angles), len(decays)))
    lost = np.sin(angles) ** 2 if floor is None else np.full(len(angles), floor)
    for power, seen, out_of in zip(powers, hits, shots, strict=True):
        kept = np.exp(-decays * power)
        pure = np.sin((2 * power + 1) * angles) ** 2
        chance = np.clip(np.outer(pure, kept) + np.outer(lost, 1 - kept), 1e-12, 1 - 1e-12)
        total += seen * np.log(chance) + (out_of - seen) * np.log1p(-chance)
    return total
