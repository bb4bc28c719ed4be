"""Reversible circuits for a multiplication that are correct only for the numbers that can occur.

A controlled multiplication changes a few numbers into a few others. It is done bit by bit: each bit is
flipped by a function of the others, written as a sum (exclusive or) of products (algebraic normal form), each
product one multiply-controlled X. Numbers that cannot occur are free, so that few products suffice. The order
of the bits, and one CNOT before that is undone after, are searched for the cheapest circuit: single-target
gates (De Vos and Van Rentergem, Advances in Mathematics of Communications 2, 183, 2008) with don't-cares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from itertools import permutations

#: Approximate two-qubit gates of an X, by its number of controls, on connected qubits.
COST = (0, 1, 8, 20, 44, 90, 180, 360)
#: A cost above that of any plan.
IMPOSSIBLE = 10**6


@dataclass(frozen=True, order=True)
class Flip:
    """Flips a bit if all other bits of a product are 1, and the control."""

    target: int
    product: int


@dataclass(frozen=True)
class SynthesisPlan:
    """Flips in their order; `change` is a CNOT (from, to) before and after them."""

    flips: tuple[Flip, ...]
    change: tuple[int, int] | None
    cost: int


@lru_cache(maxsize=512)
def plan(pairs: tuple[tuple[int, int], ...], bits: int) -> SynthesisPlan | None:
    """Return a cheap plan that maps each pair's first number to its second; None if there is none.

    Args:
        pairs: numbers of the register; no two have the same first or the same second number.
        bits: number of bits of the register.
    """
    best: SynthesisPlan | None = None
    for change in [None, *permutations(range(bits), 2)]:
        sources = [_apply_cnot(first, change) for first, _ in pairs]
        goals = [_apply_cnot(second, change) for _, second in pairs]
        limit = best.cost if best else IMPOSSIBLE
        result = _cheapest(sources, goals, bits, limit - (2 if change else 0))
        if result is not None:
            flips, cost = result
            best = SynthesisPlan(flips, change if flips else None, cost + (2 if change and flips else 0))
    return best


def _apply_cnot(number: int, change: tuple[int, int] | None) -> int:
    return number if change is None else number ^ (number >> change[0] & 1) << change[1]


def _cheapest(
    sources: Sequence[int], goals: Sequence[int], bits: int, limit: int
) -> tuple[tuple[Flip, ...], int] | None:
    """Return the flips of the cheapest order of the bits, and their cost (Dijkstra); None from `limit` on."""
    queue: list[tuple[int, int, tuple[Flip, ...]]] = [(0, 0, ())]
    settled: set[int] = set()
    while queue:
        cost, done, flips = heappop(queue)
        if done in settled:
            continue
        settled.add(done)
        if done == 2**bits - 1:
            return flips, cost
        now = [source & ~done | goal & done for source, goal in zip(sources, goals, strict=True)]
        for target in range(bits):
            if done >> target & 1:
                continue
            wanted = sum(
                ((here ^ there) >> target & 1) << place
                for place, (here, there) in enumerate(zip(now, goals, strict=True))
            )
            products = _products(tuple(number & ~(1 << target) for number in now), wanted, bits, target)
            if products is None:
                continue
            after = cost + sum(COST[product.bit_count() + 1] for product in products)
            if after < limit:
                more = tuple(Flip(target, product) for product in products)
                heappush(queue, (after, done | 1 << target, (*flips, *more)))
    return None


@lru_cache(maxsize=65_536)
def _products(others: tuple[int, ...], wanted: int, bits: int, target: int) -> tuple[int, ...] | None:
    """Return cheap products whose sum on these numbers is `wanted` (a bit each); None if none exist."""
    if not wanted:
        return ()
    # Of each number, whether it has each bit; of each product, on which numbers it is 1.
    columns = [
        sum((number >> bit & 1) << place for place, number in enumerate(others)) for bit in range(bits)
    ]
    ones = [2 ** len(others) - 1]
    for product in range(1, 2**bits):
        lowest = product & -product
        ones.append(ones[product ^ lowest] & columns[lowest.bit_length() - 1])
    table: dict[int, int] = {}
    for product in _products_by_cost(bits):
        if not product >> target & 1:
            table.setdefault(ones[product], product)
    if wanted in table:
        return (table[wanted],)
    best: tuple[int, tuple[int, ...]] | None = None
    for value, product in table.items():
        other = table.get(wanted ^ value)
        if other is not None:
            price = COST[product.bit_count() + 1] + COST[other.bit_count() + 1]
            if best is None or price < best[0]:
                best = price, (product, other)
    return best[1] if best else _solve(list(table.items()), wanted)


@lru_cache(maxsize=16)
def _products_by_cost(bits: int) -> list[int]:
    return sorted(range(2**bits), key=lambda product: (product.bit_count(), product))


def _solve(table: list[tuple[int, int]], wanted: int) -> tuple[int, ...] | None:
    """Return a sum of more products, by elimination, cheap ones first; None if there is none."""
    basis: dict[int, tuple[int, frozenset[int]]] = {}

    def reduce(value: int, used: frozenset[int]) -> tuple[int, frozenset[int]]:
        while value:
            lead = value.bit_length()
            if lead not in basis:
                break
            value ^= basis[lead][0]
            used ^= basis[lead][1]
        return value, used

    for value, product in table:
        left, used = reduce(value, frozenset([product]))
        if left:
            basis[left.bit_length()] = left, used
    left, used = reduce(wanted, frozenset())
    return None if left else tuple(sorted(used))
