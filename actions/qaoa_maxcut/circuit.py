"""The QAOA ansatz of MaxCut, and its starting angles."""

from __future__ import annotations

from functools import lru_cache

import rustworkx
from qiskit import QuantumCircuit
from qiskit.circuit.library import qaoa_ansatz
from qiskit.quantum_info import SparsePauliOp

from actions.qaoa_maxcut.graph import Graph

#: Angles that are optimal for large graphs of high degree without short cycles, by the number of layers:
#: gamma of each, beta of each (Basso, Farhi, Marwaha, Villalonga, Zhou, arXiv:2110.14206, table of the
#: limit).
ANGLES = {
    1: ((0.5000,), (0.3927,)),
    2: ((0.3817, 0.6655), (0.4960, 0.2690)),
    3: ((0.3297, 0.5688, 0.6406), (0.5500, 0.3675, 0.2109)),
    4: ((0.2949, 0.5144, 0.5586, 0.6429), (0.5710, 0.4176, 0.3028, 0.1729)),
}


def cost(graph: Graph) -> SparsePauliOp:
    """Return half the sum of w Z Z over the edges: half the total weight minus the value of the cut.

    The edges are in an order in which those that share no node come together, since they can run at once.
    """
    colored = rustworkx.PyGraph()
    colored.add_nodes_from(range(len(graph.joined)))
    colored.add_edges_from(graph.compact)
    color = rustworkx.graph_greedy_edge_color(colored)
    edges = [graph.compact[index] for index in sorted(color, key=lambda index: (color[index], index))]
    return SparsePauliOp.from_sparse_list(
        [("ZZ", [first, second], weight / 2) for first, second, weight in edges], len(graph.joined)
    )


@lru_cache(maxsize=64)
def ansatz(graph: Graph, layers: int) -> QuantumCircuit:
    """Build `layers` times exp(-i gamma cost) and exp(-i beta sum X) on all cuts in equal superposition.

    Parameters, in the circuit's order: beta of each layer, then gamma of each.
    """
    return qaoa_ansatz(cost(graph), reps=layers)


@lru_cache(maxsize=64)
def measured(graph: Graph, layers: int) -> QuantumCircuit:
    """Build the ansatz with all qubits measured."""
    circuit: QuantumCircuit = ansatz(graph, layers).copy()
    circuit.measure_all()
    return circuit


def starting_angles(layers: int) -> list[float]:
    """Return the start of the search: beta of each layer, then gamma, in the units of `to_circuit`."""
    gammas, betas = ANGLES[layers]
    # The cited papers maximise the cut; here the cost is minimised, which changes the sign of one of the two.
    return [-beta for beta in betas] + [2 * gamma for gamma in gammas]


def to_circuit(graph: Graph, point: list[float]) -> list[float]:
    """Return the circuit's values for a point of the search, in which all coordinates have a similar scale.

    gamma goes with the inverse of the weights that meet in a node, so that the same angles suit all graphs
    (Shaydulin et al., arXiv:2201.11785; Sureshbabu et al., arXiv:2305.15201).
    """
    layers = len(point) // 2
    return [*point[:layers], *(gamma / graph.strength for gamma in point[layers:])]
