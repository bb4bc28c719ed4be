"""Privacy amplification: a shorter key of which an eavesdropper knows next to nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence


def entropy(probability: float) -> float:
    """The binary entropy, in bits."""
    if probability <= 0 or probability >= 1:
        return 0.0
    other = 1 - probability
    return -probability * math.log2(probability) - other * math.log2(other)


def secret_bits(bits: int, error_rate: float, told: int) -> int:
    """How many bits stay secret.

    The eavesdropper may know h(e) of each by what she did to the qubits, and all the parities that were told
    (Shor and Preskill, arXiv:quant-ph/0003004; that is for many bits, without the margin that a short key
    would need to be proved secure).
    """
    return max(math.floor(bits * (1 - entropy(min(error_rate, 0.5)))) - told, 0)


def shortened(key: Sequence[int], length: int, mixing: str) -> str:
    """The key hashed to fewer bits by a random Hankel matrix, which is as good as Toeplitz's.

    Args:
        key: bits.
        length: of the result.
        mixing: random bits, as many as both lengths together or more; not secret.
    """
    return "".join(
        str(sum(bit for bit, mixed in zip(key, mixing[row:], strict=False) if mixed == "1") % 2)
        for row in range(length)
    )
