"""Privacy amplification: a shorter key of which an eavesdropper knows almost nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence


def entropy(probability: float) -> float:
    """Return the binary entropy, in bits."""
    if probability <= 0 or probability >= 1:
        return 0.0
    other = 1 - probability
    return -probability * math.log2(probability) - other * math.log2(other)


def secret_bits(bits: int, error_rate: float, announced: int) -> int:
    """Return the number of bits that remain secret.

    The eavesdropper may know h(e) of each bit from the qubits, and all announced parities (Shor and Preskill,
    arXiv:quant-ph/0003004). That holds for many bits; a proof for a short key would need a margin.
    """
    return max(math.floor(bits * (1 - entropy(min(error_rate, 0.5)))) - announced, 0)


def hash_key(key: Sequence[int], length: int, mixing: str) -> str:
    """Hash the key to fewer bits with a random Hankel matrix, which is equivalent to a Toeplitz matrix.

    Args:
        key: bits.
        length: number of bits of the result.
        mixing: public random bits, at least as many as both lengths together.
    """
    return "".join(
        str(sum(bit for bit, mixed in zip(key, mixing[row:], strict=False) if mixed == "1") % 2)
        for row in range(length)
    )
