"""Input, steps and answer of MaxCut by QAOA."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from qiskit.quantum_info import Statevector

from actions.framework.hybrid import HybridAlgorithm, HybridInput
from actions.framework.job import Job, Pub, Step
from actions.qaoa_maxcut.answer import CutGraph, MaxCutAnswer, QaoaAngles
from actions.qaoa_maxcut.circuit import ANGLES, ansatz, cost, measured, starting_angles, to_circuit
from actions.qaoa_maxcut.graph import Edge, Graph
from actions.toolkit.descent import SearchConfig, SearchState
from actions.toolkit.outcomes import MAX_IDEAL

MAX_NODES = 12
MAX_WEIGHT, MIN_WEIGHT = 1_000.0, 0.001
#: Maximum number of points of one job: those that the maximum number of layers needs.
MAX_POINTS = 20
#: The search's shift and first radius, in the units of its starting angles, and its tolerance, as a part of
#: the weight of all edges.
SHIFT, RADIUS, TOLERANCE = 0.3, 0.4, 5e-4
#: On a noisy backend, the search in a graph of more nodes than this has at most so many shots: simulating
#: them takes minutes, and gate noise limits the search there, not shot noise.
LARGE, LARGE_SHOTS = 6, 256

Node = Annotated[int, Field(ge=0, lt=MAX_NODES)]
Weight = Annotated[float, Field(ge=-MAX_WEIGHT, le=MAX_WEIGHT, allow_inf_nan=False)]


class MaxCutInput(HybridInput):
    """A weighted graph, the depth of the circuit, and the length of the search."""

    edges: Annotated[
        list[Annotated[tuple[Node, Node, Weight], Field(strict=False)]],
        Field(
            min_length=1,
            max_length=MAX_NODES * (MAX_NODES - 1) // 2,
            title="Graph",
            description="The edges, each as [node, node, weight]; nodes are numbered from 0 to 11.",
            examples=[[[0, 1, 1], [1, 2, 1], [2, 3, 1], [3, 4, 1], [4, 0, 1], [0, 2, 2]]],
            json_schema_extra={"x-control": "graph"},
        ),
    ]
    nodes: int | None = Field(
        default=None,
        ge=2,
        le=MAX_NODES,
        title="Nodes",
        description="Number of nodes. Without it, the edges define it.",
    )
    layers: int = Field(
        default=2,
        ge=1,
        le=max(ANGLES),
        title="Layers",
        description="Number of layers of the circuit. More layers give better cuts and more noise.",
    )

    @field_validator("edges")
    @classmethod
    def _validate_edges(cls, edges: list[Edge]) -> list[Edge]:
        seen = set()
        for first, second, weight in edges:
            if first == second:
                raise ValueError(f"node {first} is connected to itself; remove that edge")
            if abs(weight) < MIN_WEIGHT:
                raise ValueError(
                    f"[{first}, {second}] has weight {weight}; leave it out, or give it at least {MIN_WEIGHT}"
                )
            pair = frozenset((first, second))
            if pair in seen:
                raise ValueError(f"[{first}, {second}] is there twice; add the weights up")
            seen.add(pair)
        return edges

    @field_validator("nodes")
    @classmethod
    def _validate_nodes(cls, nodes: int | None, info: ValidationInfo) -> int | None:
        highest = max((max(first, second) for first, second, _ in info.data.get("edges", [])), default=0)
        if nodes is not None and nodes <= highest:
            raise ValueError(f"is {nodes}, but an edge names node {highest}; make it {highest + 1} or more")
        return nodes

    @property
    def graph(self) -> Graph:
        """The graph."""
        named = max(max(first, second) for first, second, _ in self.edges) + 1
        return Graph(self.nodes or named, tuple(self.edges))


class QaoaMaxCut(HybridAlgorithm[MaxCutInput]):
    """Searches for angles with large average cuts, then measures cuts and selects the best."""

    name = "qaoa_maxcut"
    title = "MaxCut by QAOA"
    description = (
        "Divides a graph's nodes into two groups so that the edges between them have the largest total "
        "weight. A quantum circuit is tuned step by step until its cuts are large. The answer has the best "
        "measured cut and the true optimum."
    )
    use_case = (
        "Trying a method for optimisation on today's devices: how tuning a circuit leads to good cuts, "
        "and what noise costs."
    )
    classical_alternative = (
        "With 12 nodes, a classical program tries all 2,048 cuts in milliseconds; the optimum in the "
        "answer comes from there. With thousands of nodes, simulated annealing or a solver for integer "
        "programs finds better cuts than today's devices."
    )
    category = "Optimization"
    view = "graph"
    input = MaxCutInput
    output = MaxCutAnswer

    def plan(self, params: MaxCutInput) -> SearchConfig:
        weight = math.fsum(abs(weight) for *_, weight in params.edges)
        return SearchConfig(SHIFT, RADIUS, MAX_POINTS, params.max_steps, TOLERANCE * weight)

    def origin(self, params: MaxCutInput) -> Sequence[float]:
        return starting_angles(params.layers)

    def trial(self, params: MaxCutInput, rows: Sequence[Sequence[float]]) -> Pub:
        graph = params.graph
        values = [to_circuit(graph, list(row)) for row in rows]
        return Pub(ansatz(graph, params.layers), values, cost(graph))

    def value(self, params: MaxCutInput, measured: float) -> float:
        return params.graph.total / 2 - measured

    def search_shots(self, params: MaxCutInput) -> int | None:
        large = params.backend_type != "simulator" and len(params.graph.joined) > LARGE
        return min(params.shots, LARGE_SHOTS) if large else None

    def last(self, params: MaxCutInput, search: SearchState) -> Job:
        graph = params.graph
        return Job([Pub(measured(graph, params.layers), to_circuit(graph, search.best))])

    def answer(self, params: MaxCutInput, step: Step, search: SearchState) -> MaxCutAnswer:
        graph = params.graph
        counts = {int(outcome, 2): count for outcome, count in step.counts().items()}
        shots = sum(counts.values())
        best = max(sorted(counts), key=lambda sides: graph.values[sides])
        cut, optimum = graph.spread(best), graph.optimum
        value = graph.value(cut)
        average = math.fsum(count * graph.values[sides] for sides, count in counts.items()) / shots
        tied = math.isclose
        hits = sum(
            count for sides, count in counts.items() if tied(graph.values[sides], optimum, abs_tol=1e-9)
        )
        angles = to_circuit(graph, search.best)
        exact = Statevector(ansatz(graph, params.layers).assign_parameters(angles)).probabilities()
        ideal_value, random_value = float(exact @ graph.values), graph.total / 2
        ideal = None
        if len(exact) <= MAX_IDEAL:
            width = len(graph.joined)
            ideal = {f"{sides:0{width}b}": float(p) for sides, p in enumerate(exact) if p > 1e-9}
        return MaxCutAnswer(
            summary=_summary(cut, value, optimum),
            cut=cut,
            value=value,
            optimum=optimum,
            approximation_ratio=value / optimum if optimum > 0 else None,
            average_value=average,
            ideal_value=ideal_value,
            random_value=random_value,
            optimum_probability=hits / shots,
            angles=QaoaAngles(beta=angles[: params.layers], gamma=angles[params.layers :]),
            graph=CutGraph(nodes=graph.nodes, edges=list(graph.edges)),
            reference=optimum,
            note=_note(average, ideal_value, random_value) if step.noisy else None,
            ideal=ideal,
            convergence=self.convergence(params, search),
        )


def _summary(cut: list[int], value: float, optimum: float) -> str:
    ones = [str(node) for node, side in enumerate(cut) if side]
    if not ones:
        sides = "All nodes stay in one group"
    else:
        sides = f"Node {ones[0]} against" if len(ones) == 1 else f"Nodes {', '.join(ones)} against"
        sides = f"{sides} the rest"
    if math.isclose(value, optimum, abs_tol=1e-9):
        return f"{sides}: the cut weighs {value:g}, and none weighs more."
    return f"{sides}: the cut weighs {value:g}; the best possible one weighs {optimum:g}."


def _note(average: float, ideal: float, chance: float) -> str:
    """The effect of noise on the average weight of the cuts, in plain words."""
    kept = (average - chance) / (ideal - chance) if ideal - chance > 1e-9 else 0.0
    return (
        f"Noise made the measured cuts smaller: {average:.3g} on average, with {ideal:.3g} "
        f"expected without noise and {chance:.3g} for random cuts. {np.clip(kept, 0, 1):.0%} of the gain "
        "remains. The best of many measured cuts is still a valid cut."
    )


algorithm = QaoaMaxCut()
