"""Measured outcomes and their probabilities in the form that answers show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

#: Maximum number of entries of an answer's `ideal`.
MAX_IDEAL = 64
#: Probabilities below this are rounding errors.
_NOTHING = 1e-12
#: Digits after the point that two probabilities have in common if they are equal but for rounding errors.
_DIGITS = 12


def bitstring(value: int, bits: int) -> str:
    """Format a number as measured bits: the last character is bit 0, as in Qiskit's counts."""
    return f"{value:0{bits}b}"


def ideal(probabilities: NDArray[np.float64]) -> dict[str, float]:
    """Return the probabilities of the most likely outcomes, the most likely first.

    Args:
        probabilities: the probabilities of the outcomes 0 to 2^n - 1.

    Returns:
        At most `MAX_IDEAL` probabilities by bitstring; equally likely outcomes in ascending order.
    """
    bits = len(probabilities).bit_length() - 1
    order = np.argsort(-np.round(probabilities, _DIGITS), kind="stable")[:MAX_IDEAL]
    return most_likely({bitstring(int(value), bits): float(probabilities[value]) for value in order})


def most_likely(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Return the most likely outcomes, the most likely first.

    Args:
        probabilities: the probabilities by bitstring, all of one length.

    Returns:
        At most `MAX_IDEAL` of them; equally likely outcomes in ascending order.
    """
    # Outcomes that differ by a rounding error are equally likely.
    rounded = {bits: round(share, _DIGITS) for bits, share in probabilities.items()}
    order = sorted(rounded.items(), key=lambda item: (-item[1], item[0]))
    return {bits: share for bits, share in order[:MAX_IDEAL] if share > _NOTHING}


def frequencies(counts: dict[str, int], bits: int) -> NDArray[np.float64]:
    """Return the number of shots with each outcome 0 to 2^bits - 1."""
    shots = np.zeros(2**bits)
    for outcome, count in counts.items():
        shots[int(outcome, 2)] += count
    return shots


def percent(probability: float) -> str:
    """Format a probability, such as `97.3 %`. Only 1 and 0 give `100 %` and `0 %`."""
    for digits in (1, 2, 3):
        text = f"{100 * probability:.{digits}f}"
        if float(text) not in (0.0, 100.0) or probability in (0.0, 1.0):
            break
    return f"{text.rstrip('0').rstrip('.')} %"


def format_list(items: Iterable[object]) -> str:
    """Format a list, such as `5`, `5 and 6` or `5, 6 and 7`."""
    words = [str(item) for item in items]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def times(count: int, noun: str) -> str:
    """Format a number with its noun, such as `1 shot` or `2,000 shots`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
