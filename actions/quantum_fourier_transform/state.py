"""A state from the amplitudes that a caller gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class State:
    """A state made from numbers.

    Args:
        amplitudes: 2^n amplitudes whose squares add up to 1.
        changes: the changes to the numbers, in words; "" without changes.
    """

    amplitudes: NDArray[np.complex128]
    changes: str


def normalise(real: Sequence[float], imaginary: Sequence[float] | None) -> State:
    """Return the state with these amplitudes, scaled, and filled up with zeros to a power of two.

    Args:
        real: real parts, at least two and not all parts zero.
        imaginary: as many imaginary parts; None for zeros.
    """
    parts = np.array([real, [0.0] * len(real) if imaginary is None else imaginary])
    # To about 1 first: the squares of very small numbers would vanish, and what they divide overflow.
    exponent = math.frexp(float(np.abs(parts).max()))[1]
    parts = np.ldexp(parts, -exponent)
    norm = float(np.linalg.norm(parts))
    size = 1 << (len(real) - 1).bit_length()
    amplitudes = np.zeros(size, dtype=complex)
    amplitudes[: len(real)] = (parts[0] + 1j * parts[1]) / norm
    length = math.ldexp(norm, exponent)
    done = []
    if size > len(real):
        done.append(f"filled up with zeros to {size}")
    if not math.isclose(length, 1.0, rel_tol=1e-9):
        done.append(f"divided by {length:.6g}, so that their squares add up to 1")
    return State(amplitudes, f"The amplitudes were {' and '.join(done)}." if done else "")
