"""The Walsh-Hadamard transform: the effect of a layer of Hadamard gates, and sums over parities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def walsh(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for every y the sum over x of values[x] * (-1)^(x.y); x.y is the parity of the common bits.

    Args:
        values: 2^n numbers.

    Returns:
        2^n sums, computed in n 2^n steps (Fino, Algazi 1976). Applied twice, it multiplies by 2^n.
    """
    sums = np.asarray(values, dtype=float)
    size = len(sums)
    width = 1
    while width < size:
        pairs = sums.reshape(-1, 2, width)
        sums = np.stack((pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]), axis=1).reshape(size)
        width *= 2
    return sums
