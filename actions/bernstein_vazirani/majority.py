"""A string of bits from noisy readings of it."""

from __future__ import annotations


def majority(counts: dict[str, int]) -> tuple[str, list[float]]:
    """Each bit as most readings have it, and the share of the readings that agree with it.

    Where the bits err independently this is right long after no reading as a whole is: with 20 bits of
    which each errs in 15 % of the readings, 4 % of the readings are right, and a hundred are enough.

    Args:
        counts: how often each string was read; all of one length.

    Returns:
        The string, and the shares by its characters. A draw is settled by the most frequent reading.
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
