"""The answer of Simon's problem."""

from __future__ import annotations

from pydantic import Field

from actions.framework.answer import ActionAnswer, AverageQueries, Ideal, Note, Queries, Share, Summary


class SimonAnswer(ActionAnswer):
    """The secret as it follows from the measured equations."""

    summary: Summary = Field(
        examples=[
            "The secret is 1101: flipping these bits of the input together never changes the function's "
            "value. 100 % of the shots agree with it."
        ]
    )
    found: str = Field(
        title="Secret found",
        description="The secret that the outcomes point to; only zeros if there is none.",
        examples=["1101"],
    )
    correct: bool = Field(title="Correct", description="Whether that is the secret.", examples=[True])
    agreement: Share = Field(
        title="Shots that agree", description="Share of the shots that agree with it.", examples=[1.0]
    )
    equations: list[str] = Field(
        title="Equations",
        description="Independent outcomes from which it follows: the secret has an even number of ones in "
        "common with each.",
        examples=[["0010", "0101", "1001"]],
    )
    quantum_queries: AverageQueries = Field(
        title="Queries of the quantum program",
        description="Average number of queries that are enough.",
        examples=[4.5],
    )
    classical_queries: Queries = Field(
        title="Queries of a classical program",
        description="Queries that a classical program needs in the worst case.",
        examples=[9],
    )
    ideal: Ideal = Field(examples=[{"0000": 0.125, "0010": 0.125}])
    note: Note = Field(default=None, examples=["This is not certain: more shots may show another secret."])
