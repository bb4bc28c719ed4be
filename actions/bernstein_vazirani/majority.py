"""A bitstring from noisy readings of it."""

from __future__ import annotations


def majority(counts: dict[str, int]) -> tuple[str, list[float]]:
    """Return the majority of each bit, and the share of the readings that agree with it.

    If the errors of the bits are independent, this is correct even if few readings are: with 20 bits, each
    wrong in 15 % of the readings, 4 % of the readings are correct, and a hundred readings are enough.

    Args:
        counts: number of readings of each string; all have the same length.

    Returns:
        The string, and the share for each of its characters. The most frequent reading decides a tie.
    """
    shots = sum(counts.values())
    frequent = min(counts, key=lambda reading: (-counts[reading], reading))
    bits, shares = "", []
    for place, likely in enumerate(frequent):
        ones = sum(count for reading, count in counts.items() if reading[place] == "1")
        bit = likely if 2 * ones == shots else str(int(2 * ones > shots))
        bits += bit
        shares.append((ones if bit == "1" else shots - ones) / shots)
    return bits, shares
