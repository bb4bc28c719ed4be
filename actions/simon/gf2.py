"""Linear equations over GF(2). A vector is an integer's bits; a product is the parity of common bits."""

from __future__ import annotations

from collections.abc import Iterable


def independent(vectors: Iterable[int]) -> list[int]:
    """Return the vectors that are not a sum of previous ones, in their order."""
    kept: list[int] = []
    reduced: dict[int, int] = {}  # by the highest bit
    for vector in vectors:
        rest = vector
        while rest and (pivot := reduced.get(rest.bit_length())):
            rest ^= pivot
        if rest:
            reduced[rest.bit_length()] = rest
            kept.append(vector)
    return kept


def null_space(equations: Iterable[int], bits: int) -> list[int]:
    """Return a basis of all s with y.s = 0 for every equation y, by Gauss-Jordan elimination.

    Args:
        equations: any number of equations, dependent or not.
        bits: of s.
    """
    pivots: dict[int, int] = {}  # column -> the only row that has a 1 there
    for equation in equations:
        row = equation
        for column, other in pivots.items():
            if row >> column & 1:
                row ^= other
        if row:
            column = row.bit_length() - 1
            for place, other in pivots.items():
                if other >> column & 1:
                    pivots[place] = other ^ row
            pivots[column] = row
    basis = []
    for free in range(bits):
        if free not in pivots:
            bound = sum(1 << column for column, row in pivots.items() if row >> free & 1)
            basis.append(1 << free | bound)
    return basis
