"""The answer of Deutsch and Jozsa's problem."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from actions.framework.answer import ActionAnswer, BitCount, Ideal, Note, Queries, Share, Summary


class DeutschJozsaAnswer(ActionAnswer):
    """Whether the function is constant or balanced."""

    summary: Summary = Field(
        examples=[
            "The function is balanced: 100 % of the shots show it. One query of the function is enough; a "
            "classical program may need 5."
        ]
    )
    verdict: Literal["constant", "balanced"] = Field(
        title="Verdict", description="What the shots say about the function.", examples=["balanced"]
    )
    correct: bool = Field(title="Correct", description="Whether the verdict is right.", examples=[True])
    zeros_probability: Share = Field(
        title="Shots with all bits 0",
        description="Share of the shots that gave only zeros: 1 for a constant function and 0 for a balanced "
        "one, without noise.",
        examples=[0.0],
    )
    input_bits: BitCount = Field(
        title="Input bits", description="Number of bits of the function's input.", examples=[3]
    )
    quantum_queries: Queries = Field(
        title="Queries of the quantum program",
        description="Queries of the function in one shot.",
        examples=[1],
    )
    classical_queries: Queries = Field(
        title="Queries of a classical program",
        description="Queries that a classical program needs in the worst case.",
        examples=[5],
    )
    ideal: Ideal = Field(examples=[{"101": 1.0}])
    note: Note = Field(
        default=None,
        examples=[
            "This is wrong: noise outweighed the result. Try fewer input bits, a simpler function, or the "
            "noiseless simulator."
        ],
    )
