"""Weighted graphs and their cuts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Edge = tuple[int, int, float]


@dataclass(frozen=True)
class Graph:
    """A weighted graph.

    Args:
        nodes: how many there are, numbered from 0.
        edges: (node, node, weight), each pair at most once.
    """

    nodes: int
    edges: tuple[Edge, ...]

    @cached_property
    def joined(self) -> list[int]:
        """The nodes that have an edge; qubit k stands for the k-th of them."""
        return sorted({node for first, second, _ in self.edges for node in (first, second)})

    @cached_property
    def compact(self) -> list[Edge]:
        """The edges between qubits instead of nodes."""
        qubit = {node: number for number, node in enumerate(self.joined)}
        return [(qubit[first], qubit[second], weight) for first, second, weight in self.edges]

    @property
    def total(self) -> float:
        """The weight of all edges."""
        return math.fsum(weight for *_, weight in self.edges)

    @property
    def strength(self) -> float:
        """Root mean square, over the joined nodes, of the weights that meet in one node."""
        return math.sqrt(2 * math.fsum(weight**2 for *_, weight in self.edges) / len(self.joined))

    def value(self, cut: Sequence[int]) -> float:
        """The weight of the edges between nodes on different sides; `cut` has 0 or 1 for every node."""
        return math.fsum(weight for first, second, weight in self.edges if cut[first] != cut[second])

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The value of every cut of the joined nodes: place k is the cut whose bit q is qubit q's side."""
        cuts = np.arange(2 ** len(self.joined))
        found = np.zeros(len(cuts))
        for first, second, weight in self.compact:
            found += weight * ((cuts >> first ^ cuts >> second) & 1)
        return found

    @property
    def optimum(self) -> float:
        """The value of the best cut of all, by looking at every one."""
        return float(self.values.max())

    def spread(self, sides: int) -> list[int]:
        """A cut of the joined nodes as one of all; nodes without edges, and the first joined one, get 0."""
        if sides & 1:
            sides ^= 2 ** len(self.joined) - 1
        cut = [0] * self.nodes
        for number, node in enumerate(self.joined):
            cut[node] = sides >> number & 1
        return cut
