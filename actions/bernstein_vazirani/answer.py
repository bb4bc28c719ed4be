"""The answer of Bernstein and Vazirani's problem."""

from __future__ import annotations

from pydantic import Field

from actions.framework.answer import ActionAnswer, Ideal, Note, Queries, Share, Summary


class BernsteinVaziraniAnswer(ActionAnswer):
    """The secret as it was read, and how reliably."""

    summary: Summary = Field(
        examples=[
            "The secret is 101101. 100 % of the shots gave all of its bits, with one query each; a "
            "classical program needs 6."
        ]
    )
    found: str = Field(
        title="Secret found",
        description="The majority of each bit over all shots.",
        examples=["101101"],
    )
    correct: bool = Field(title="Correct", description="Whether that is the secret.", examples=[True])
    success_probability: Share = Field(
        title="Shots that found it",
        description="Share of the shots that gave the whole secret.",
        examples=[1.0],
    )
    bit_agreement: list[Share] = Field(
        title="Read right, by bit",
        description="Share of the shots that agree with each bit of `found`, in its order.",
        examples=[[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]],
    )
    quantum_queries: Queries = Field(
        title="Queries of the quantum program",
        description="Queries of the function in one shot.",
        examples=[1],
    )
    classical_queries: Queries = Field(
        title="Queries of a classical program",
        description="Queries that a classical program needs.",
        examples=[6],
    )
    ideal: Ideal = Field(examples=[{"101101": 1.0}])
    note: Note = Field(
        default=None,
        examples=["Noise changed at least one bit in most shots. The majority of each bit gave the secret."],
    )
