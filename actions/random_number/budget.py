"""The number of shots that the requested numbers need."""

from __future__ import annotations

import math

from actions.random_number.circuit import ORDER_QUBITS, VALUE_QUBITS

#: Margin in standard deviations: too few shots less than once in 10^9 runs.
MARGIN = 7.0
#: Tries more, since few tries scatter further than a normal distribution has it.
FEW = 14
#: How likely a qubit of a noisy backend may give 1, or 0, for the shots to suffice.
WORST_COIN = 0.6


def trials(wanted: float, probability: float) -> int:
    """Return the trials n for `wanted` successes with a margin: n p - m sqrt(n p (1 - p)) >= wanted."""
    spread = MARGIN * math.sqrt(probability * (1 - probability))
    root = (spread + math.sqrt(spread**2 + 4 * probability * wanted)) / (2 * probability)
    return math.ceil(root**2) + (FEW if probability < 1 else 0)


def shots(size: int, count: int, noisy: bool) -> int:
    """Shots for `count` numbers out of `size`; on a noisy backend with what von Neumann's trick costs."""
    width = (size - 1).bit_length()
    bits = width * trials(count, size / 2**width)
    if noisy:
        needed = 2 * math.ceil(trials(bits, 2 * WORST_COIN * (1 - WORST_COIN)) / VALUE_QUBITS)
    else:
        needed = math.ceil(bits / VALUE_QUBITS)
    # Some share their place with another and are lost: of n about n^2 / 2^ORDER_QUBITS, two at a time.
    places = 2.0**ORDER_QUBITS
    total = needed
    for _ in range(20):
        lost = total**2 / places
        total = math.ceil(needed + lost + 2 * MARGIN * math.sqrt(lost) + 2)
    return total
