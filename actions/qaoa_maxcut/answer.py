"""The answer of MaxCut by QAOA."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import (
    ActionAnswer,
    AnswerPart,
    Convergence,
    Note,
    Number,
    Share,
    Summary,
    Unit,
)

Weight = Annotated[float, Unit("unit of the edges' weights")]
Radians = Annotated[float, Unit("radians")]
Node = Annotated[int, Unit("number of a node")]


class QaoaAngles(AnswerPart):
    """The angles that the search ended with, one for each layer."""

    beta: list[Radians] = Field(title="Beta", description="The angles of the mixer.", examples=[[0.57, 0.32]])
    gamma: list[Radians] = Field(
        title="Gamma", description="The angles of the edges.", examples=[[0.45, 0.88]]
    )


class CutGraph(AnswerPart):
    """The graph that was cut."""

    nodes: Annotated[int, Unit("nodes")] = Field(
        title="Nodes", description="Number of nodes, which are numbered from 0.", examples=[5]
    )
    edges: list[tuple[Node, Node, Weight]] = Field(
        title="Edges",
        description="The edges, each as [node, node, weight].",
        examples=[[[0, 1, 1.0], [1, 2, 1.0]]],
    )


class MaxCutAnswer(ActionAnswer):
    """The best cut that was measured, and how good it is."""

    summary: Summary = Field(
        examples=["Nodes 0, 2 against the rest: the cut weighs 5, and none weighs more."]
    )
    cut: list[Number] = Field(
        title="Cut",
        description="The group of each node, 0 or 1; node 0 comes first.",
        examples=[[0, 1, 0, 1, 1]],
    )
    value: Weight = Field(title="Weight of the cut", description="The weight of the cut.", examples=[5.0])
    optimum: Weight = Field(
        title="Best possible cut",
        description="The largest weight of all cuts, by trying each.",
        examples=[5.0],
    )
    approximation_ratio: Annotated[float, Unit("ratio")] | None = Field(
        title="Share of the best cut",
        description="`value` divided by `optimum`; null if no cut weighs more than 0.",
        examples=[1.0],
    )
    average_value: Weight = Field(
        title="Average measured cut", description="The average weight of all measured cuts.", examples=[4.53]
    )
    ideal_value: Weight = Field(
        title="Average cut without noise", description="The same average without noise.", examples=[4.54]
    )
    random_value: Weight = Field(
        title="Average cut by chance", description="The average weight of random cuts.", examples=[3.5]
    )
    optimum_probability: Share = Field(
        title="Shots with the best cut",
        description="Share of the shots that gave a cut of the largest weight.",
        examples=[0.61],
    )
    angles: QaoaAngles = Field(
        title="Angles",
        description="The angles of the circuit that the search ended with.",
        examples=[{"beta": [0.57, 0.32], "gamma": [0.45, 0.88]}],
    )
    graph: CutGraph = Field(
        title="Graph",
        description="The graph, which the page draws with the cut.",
        examples=[{"nodes": 3, "edges": [[0, 1, 1.0], [1, 2, 1.0]]}],
    )
    reference: Weight = Field(
        title="Reference",
        description="The optimum, which the page draws with `convergence`.",
        examples=[5.0],
    )
    note: Note = Field(
        default=None,
        examples=[
            "Noise made the measured cuts smaller: 4.1 on average, with 4.54 expected without noise and 3.5 "
            "for random cuts. 58% of the gain remains. The best of many measured cuts is still a valid cut."
        ],
    )
    ideal: dict[str, Share] | None = Field(
        default=None,
        title="Ideal distribution",
        description="The probabilities of the cuts without noise, by bitstring; the last character is the "
        "first node with an edge. Only present for up to 6 nodes with edges.",
        examples=[{"01010": 0.31, "10101": 0.31}],
    )
    convergence: Convergence = Field(
        description="The average weight of the cuts at each step of the search.",
        examples=[[{"step": 0, "value": 3.9}, {"step": 1, "value": 4.4}]],
    )
