"""The answer of Grover's search."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import (
    ActionAnswer,
    AnswerPart,
    AverageQueries,
    Ideal,
    Note,
    Number,
    Queries,
    Share,
    ShotCount,
    Summary,
    Unit,
)


class GroverOutcome(AnswerPart):
    """An element that was measured."""

    value: Number = Field(title="Element", description="The element as a number.", examples=[5])
    bitstring: str = Field(title="Bits", description="The element as bits.", examples=["101"])
    count: ShotCount = Field(title="Count", description="Shots that gave it.", examples=[968])
    probability: Share = Field(
        title="Probability", description="Share of the shots that gave it.", examples=[0.945]
    )
    marked: bool = Field(title="Marked", description="Whether it is a marked element.", examples=[True])


class GroverAnswer(ActionAnswer):
    """The marked elements that were found, and how often."""

    summary: Summary = Field(examples=["5 was found in 94.5 % of the shots; guessing finds it in 12.5 %."])
    found: list[Number] = Field(
        title="Found",
        description="The marked elements that were measured, the most frequent first. One more query can "
        "check each.",
        examples=[[5]],
    )
    missed: list[Number] = Field(
        title="Missed", description="The marked elements that were not measured.", examples=[[]]
    )
    success_probability: Share = Field(
        title="Shots that found it",
        description="Share of the shots that gave a marked element.",
        examples=[0.945],
    )
    ideal_success_probability: Share = Field(
        title="Found without noise", description="The same on a perfect device.", examples=[0.9453125]
    )
    guess_probability: Share = Field(
        title="Found by guessing", description="The same by guessing at random.", examples=[0.125]
    )
    iterations: Annotated[int, Unit("iterations")] = Field(
        title="Iterations", description="Rounds of amplification in the circuit.", examples=[2]
    )
    quantum_queries: Queries = Field(
        title="Queries of the quantum program",
        description="Queries of the function in one shot.",
        examples=[2],
    )
    classical_queries: AverageQueries = Field(
        title="Queries of a classical program",
        description="Average number of queries with which a classical search finds one marked element.",
        examples=[4.5],
    )
    outcomes: list[GroverOutcome] = Field(
        title="Outcomes",
        description="The elements that were measured, at most 16, the most frequent first.",
        examples=[[{"value": 5, "bitstring": "101", "count": 968, "probability": 0.945, "marked": True}]],
    )
    ideal: Ideal = Field(examples=[{"101": 0.9453125, "000": 0.0078125}])
    note: Note = Field(
        default=None,
        examples=[
            "This number of iterations finds a marked element in 78.1 % of the shots at best; a perfect "
            "device with 2 iterations succeeds in 94.5 %. Leave iterations out for the best number."
        ],
    )
