"""Unbiased random bits from counts, and numbers from bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from actions.random_number.circuit import VALUE_QUBITS


def values_in_random_order(counts: Mapping[str, int], value: int = VALUE_QUBITS) -> list[int]:
    """Return the values of the shots, in their random order.

    Shots that share a place have no order, so all of them are left out. Order and selection depend only on
    the places, so the remaining values have the same distribution as the values of all shots.

    Args:
        counts: bitstrings, the place first and then `value` bits.
        value: number of the value's bits.
    """
    places: dict[str, list[int]] = {}
    for outcome, count in counts.items():
        places.setdefault(outcome[:-value], []).extend([int(outcome[-value:], 2)] * count)
    return [shots[0] for _, shots in sorted(places.items()) if len(shots) == 1]


def raw_bits(values: Sequence[int], width: int = VALUE_QUBITS) -> Iterator[int]:
    """Yield all bits of all values."""
    for value in values:
        for qubit in range(width):
            yield value >> qubit & 1


def debiased_bits(values: Sequence[int], width: int = VALUE_QUBITS) -> Iterator[int]:
    """Yield the bits that von Neumann's method extracts, which are fair even if the qubits are biased.

    From each pair of shots, a qubit that gave 0 and then 1 yields 0, and one that gave 1 and then 0 yields
    1: both are equally likely. A qubit that gave the same bit twice yields nothing.
    """
    for first, second in zip(values[::2], values[1::2], strict=False):
        differing = first ^ second
        for qubit in range(width):
            if differing >> qubit & 1:
                yield first >> qubit & 1


def integers(bits: Iterator[int], size: int, count: int) -> list[int]:
    """Return up to `count` integers from 0 to `size` - 1, all equally likely.

    Each candidate has as many bits as the largest integer needs. Candidates that are too large are discarded,
    because reducing them modulo `size` would make small integers likelier.
    """
    width = (size - 1).bit_length()
    result: list[int] = []
    candidate = taken = 0
    for bit in bits:
        candidate, taken = candidate << 1 | bit, taken + 1
        if taken == width:
            if candidate < size:
                result.append(candidate)
                if len(result) == count:
                    break
            candidate = taken = 0
    return result
