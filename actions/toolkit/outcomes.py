"""Measured outcomes, and how likely they should be, as answers show them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

#: Entries of an answer's `ideal`.
MAX_IDEAL = 64
#: Probabilities below this are rounding.
_NOTHING = 1e-12


def bitstring(value: int, bits: int) -> str:
    """The number as measured bits: the last character is bit 0, as in Qiskit's counts."""
    return f"{value:0{bits}b}"


def ideal(probabilities: NDArray[np.float64]) -> dict[str, float]:
    """The likeliest outcomes by their bitstrings, the likeliest first; equally likely ones in their order.

    Args:
        probabilities: of the outcomes 0 to 2^n - 1.
    """
    bits = len(probabilities).bit_length() - 1
    # Rounded for the order only: what differs by rounding is equally likely.
    order = np.argsort(-np.round(probabilities, 12), kind="stable")[:MAX_IDEAL]
    return {
        bitstring(int(value), bits): float(probabilities[value])
        for value in order
        if probabilities[value] > _NOTHING
    }


def frequencies(counts: dict[str, int], bits: int) -> NDArray[np.float64]:
    """How often each outcome 0 to 2^bits - 1 was seen."""
    seen = np.zeros(2**bits)
    for outcome, count in counts.items():
        seen[int(outcome, 2)] += count
    return seen


def percent(probability: float) -> str:
    """`97.3 %`, `100 %`; never 100 % or 0 % for what is only nearly so."""
    for digits in (1, 2, 3):
        text = f"{100 * probability:.{digits}f}"
        if float(text) not in (0.0, 100.0) or probability in (0.0, 1.0):
            break
    return f"{text.rstrip('0').rstrip('.')} %"


def listed(items: Iterable[object]) -> str:
    """`5`, `5 and 6`, `5, 6 and 7`."""
    words = [str(item) for item in items]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def times(count: int, noun: str) -> str:
    """`1 shot`, `2,000 shots`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
