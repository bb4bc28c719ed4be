"""From measured phases to an order, and from an order to factors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd

import numpy as np

from actions.toolkit.phases import Floats, distribution, mixture

#: Orders that are checked, the likeliest first, until one is right.
CANDIDATES = 3
#: Twice the logarithm of the likelihood's ratio below which a signal is not told from noise alone.
NO_SIGNAL = 30.0


@dataclass(frozen=True)
class Found:
    """What the outcomes tell.

    Args:
        order: the likeliest that stood the test; None if none did.
        signal: the part of the shots that the likeliest order explains.
        seen: whether that can be told from pure chance.
    """

    order: int | None
    signal: float
    seen: bool


def outcome_probabilities(
    order: int, outcomes: np.ndarray[tuple[int], np.dtype[np.int64]], bits: int
) -> Floats:
    """The exact probability of each outcome for an order; each of the phases s / order is equally likely."""
    phases = np.arange(order) / order
    found: Floats = distribution(phases, outcomes, bits).mean(axis=0)
    return found


def find(counts: dict[int, int], number: int, base: int, bits: int) -> Found:
    """The order of greatest likelihood, all outcomes taken together, and noise allowed for.

    An order is believed only if base**order is 1 modulo `number`, which is quickly checked.
    """
    outcomes = np.array(sorted(counts), dtype=np.int64)
    weights = np.array([counts[outcome] for outcome in sorted(counts)], dtype=float)
    # No order is larger than half of what is left when 0 and a factor's multiples are taken away.
    orders = range(2, number // 2 + 1)
    exact = np.array([outcome_probabilities(order, outcomes, bits) for order in orders])
    signal, values = mixture(exact, weights, bits)
    ranked = np.argsort(-values, kind="stable")
    best = int(ranked[0])
    seen = bool(2 * (values[best] + weights.sum() * bits * np.log(2)) > NO_SIGNAL)
    for place in ranked[:CANDIDATES]:
        if pow(base, orders[place], number) == 1:
            return Found(_smallest(orders[place], number, base), float(signal[best]), seen)
    return Found(None, float(signal[best]), seen)


def _smallest(multiple: int, number: int, base: int) -> int:
    """The order, of which a multiple is known: what may be divided out is divided out."""
    order = multiple
    for divisor in range(2, multiple + 1):
        while order % divisor == 0 and pow(base, order // divisor, number) == 1:
            order //= divisor
    return order


def factors(number: int, base: int, order: int | None) -> tuple[int, int] | None:
    """The factors that an order leads to; None if it is odd, or base**(order / 2) is -1."""
    if order is None or order % 2:
        return None
    root = pow(base, order // 2, number)
    first = gcd(root - 1, number)
    if first in (1, number):
        return None
    return min(first, number // first), max(first, number // first)


@lru_cache(maxsize=4096)
def leads_to_factors(outcome: int, number: int, base: int, bits: int) -> bool:
    """Whether a single outcome is enough, by its continued fraction, as in Shor's paper.

    The outcome 0 says nothing. A denominator may be half of the order, if the numerator was even.
    """
    if outcome == 0:
        return False
    for denominator in _denominators(Fraction(outcome, 2**bits), number):
        for order in (denominator, 2 * denominator):
            if pow(base, order, number) == 1 and factors(number, base, order):
                return True
    return False


def _denominators(value: Fraction, limit: int) -> Iterator[int]:
    """The denominators of the value's convergents, over 1 and below the limit."""
    numerator, denominator = value.numerator, value.denominator
    before, now = 1, 0
    while denominator:
        whole, rest = divmod(numerator, denominator)
        before, now = now, whole * now + before
        if now >= limit:
            return
        if now > 1:
            yield now
        numerator, denominator = denominator, rest


def exact_order(number: int, base: int) -> int:
    """The order by trying: what a classical computer does while numbers are small."""
    order, power = 1, base % number
    while power != 1:
        order, power = order + 1, power * base % number
    return order
