"""The order from measured phases, and the factors from an order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd

import numpy as np

from actions.toolkit.phases import Floats, distribution, mixture

#: Maximum number of orders to check, the most likely first.
CANDIDATES = 3
#: Twice the logarithm of the likelihood's ratio above which a signal is distinguishable from noise.
NO_SIGNAL = 30.0


@dataclass(frozen=True)
class FoundOrder:
    """The result of the outcomes.

    Args:
        order: the most likely order that passed the check; None if none did.
        signal: the share of shots that the most likely order explains.
        seen: whether that is distinguishable from chance.
    """

    order: int | None
    signal: float
    seen: bool


def outcome_probabilities(
    order: int, outcomes: np.ndarray[tuple[int], np.dtype[np.int64]], bits: int
) -> Floats:
    """Return the exact probability of each outcome for an order; the phases s / order are equally likely."""
    phases = np.arange(order) / order
    result: Floats = distribution(phases, outcomes, bits).mean(axis=0)
    return result


def find_order(counts: dict[int, int], number: int, base: int, bits: int) -> FoundOrder:
    """Return the maximum-likelihood order of all outcomes, in the presence of noise.

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
            return FoundOrder(_smallest(orders[place], number, base), float(signal[best]), seen)
    return FoundOrder(None, float(signal[best]), seen)


def _smallest(multiple: int, number: int, base: int) -> int:
    """Return the order from a multiple of it."""
    order = multiple
    for divisor in range(2, multiple + 1):
        while order % divisor == 0 and pow(base, order // divisor, number) == 1:
            order //= divisor
    return order


def factors(number: int, base: int, order: int | None) -> tuple[int, int] | None:
    """Return the factors from an order; None if it is odd, or base**(order / 2) is -1."""
    if order is None or order % 2:
        return None
    root = pow(base, order // 2, number)
    first = gcd(root - 1, number)
    if first in (1, number):
        return None
    return min(first, number // first), max(first, number // first)


@lru_cache(maxsize=4096)
def leads_to_factors(outcome: int, number: int, base: int, bits: int) -> bool:
    """Return whether one outcome gives the factors by its continued fraction, as in Shor's paper.

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
    """Yield the denominators of the value's convergents, above 1 and below the limit."""
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
    """Return the order by trial, as a classical computer can for small numbers."""
    order, power = 1, base % number
    while power != 1:
        order, power = order + 1, power * base % number
    return order
