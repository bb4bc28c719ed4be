"""The secret from Simon's outcomes, with and without noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from actions.simon.gf2 import independent, null_space
from actions.toolkit.outcomes import frequencies
from actions.toolkit.walsh import walsh

#: Minimum correlation of an accepted candidate. It is 1 without noise, and about 0 for anything but the
#: secret; reading errors that favour 0 can make it 0.1.
BELIEVED = 0.25
#: Minimum distance from 0 in standard deviations, for few shots: by chance 1 in 30,000 candidates has it.
SIGNIFICANT = 4.0


@dataclass(frozen=True)
class Decoded:
    """The result of the outcomes.

    Args:
        secret: the most likely secret; 0 means that the function is one-to-one.
        agreement: the share of outcomes orthogonal to it: 1 without noise, about a half by chance.
        equations: independent outcomes orthogonal to it, the most frequent first; n - 1 of them single out
            a secret, n rule every one out.
        certain: whether the outcomes exclude all others.
    """

    secret: int
    agreement: float
    equations: list[int]
    certain: bool


def decode(counts: dict[str, int], bits: int, noisy: bool) -> Decoded:
    """Return the secret s from outcomes y. All of them have y.s = 0, or most of them with noise.

    Without noise elimination says it. With noise a wrong outcome spoils an elimination, so every candidate is
    held against all outcomes: y.s = 0 holds for half of them by chance and for more only if s is the secret,
    which makes the one with the highest share the likeliest. One Walsh transform gives the shares of all.
    """
    seen = frequencies(counts, bits)
    outcomes = [int(y) for y in np.argsort(-seen, kind="stable") if seen[y] > 0]
    solutions = null_space(outcomes, bits)
    if len(solutions) == 1 or (not solutions and not noisy):
        secret = solutions[0] if solutions else 0
        return Decoded(secret, 1.0, independent(outcomes), True)
    shots = float(seen.sum())
    correlations = walsh(seen) / shots
    best = 1 + int(np.argmax(correlations[1:]))
    if solutions:
        # Too few different outcomes: several candidates agree with all of them.
        return Decoded(best, 1.0, independent(outcomes), False)
    correlation = float(correlations[best])
    believed = correlation >= BELIEVED and correlation * math.sqrt(shots) >= SIGNIFICANT
    if not believed:
        return Decoded(0, 1.0, independent(outcomes), False)
    agreeing = [y for y in outcomes if (y & best).bit_count() % 2 == 0]
    return Decoded(best, (1 + correlation) / 2, independent(agreeing), True)
