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
        nodes: number of nodes, which are numbered from 0.
        edges: (node, node, weight), each pair at most once.
    """

    nodes: int
    edges: tuple[Edge, ...]

    @cached_property
    def joined(self) -> list[int]:
        """The nodes that have an edge; qubit k represents the k-th of them."""
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
        """Root mean square of the weights at a node, over the nodes with edges."""
        return math.sqrt(2 * math.fsum(weight**2 for *_, weight in self.edges) / len(self.joined))

    def value(self, cut: Sequence[int]) -> float:
        """The weight of the edges between nodes on different sides; `cut` has 0 or 1 for every node."""
        return math.fsum(weight for first, second, weight in self.edges if cut[first] != cut[second])

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The values of all cuts of the nodes with edges: in cut k, bit q is the side of qubit q."""
        cuts = np.arange(2 ** len(self.joined))
        result = np.zeros(len(cuts))
        for first, second, weight in self.compact:
            result += weight * ((cuts >> first ^ cuts >> second) & 1)
        return result

    @property
    def optimum(self) -> float:
        """The value of the best cut, by exhaustive search."""
        return float(self.values.max())

    def spread(self, sides: int) -> list[int]:
        """Extend a cut to all nodes; nodes without edges, and the first with one, are on side 0."""
        if sides & 1:
            sides ^= 2 ** len(self.joined) - 1
        cut = [0] * self.nodes
        for number, node in enumerate(self.joined):
            cut[node] = sides >> number & 1
        return cut
