"""The answer of Shor's algorithm."""

from __future__ import annotations

from pydantic import Field

from actions.framework.answer import (
    ActionAnswer,
    AnswerPart,
    BitCount,
    Ideal,
    Note,
    Number,
    Share,
    ShotCount,
    Summary,
)


class ShorAttempt(AnswerPart):
    """One base that was tried."""

    base: Number = Field(title="Base", description="The base.", examples=[7])
    order: Number | None = Field(
        title="Order", description="The order that was found; null without one.", examples=[4]
    )
    result: str = Field(
        title="Result", description="What followed from it, in words.", examples=["factors 3 and 5"]
    )


class ShorAnswer(ActionAnswer):
    """The factors, and what the quantum circuit contributed to them."""

    summary: Summary = Field(examples=["15 = 3 x 5. The powers of 7 modulo 15 repeat after 4."])
    factors: list[Number] | None = Field(
        title="Factors", description="Two factors of the number; null if none were found.", examples=[[3, 5]]
    )
    number: Number = Field(title="Number", description="The number that was factored.", examples=[15])
    base: Number = Field(
        title="Base", description="The base of the last attempt, whose order was found.", examples=[7]
    )
    order: Number | None = Field(
        title="Order",
        description="After how many powers of the base modulo the number repeat, as the circuit found it; "
        "null if it could not be read.",
        examples=[4],
    )
    exact_order: Number = Field(
        title="Exact order", description="The order as a classical program computes it.", examples=[4]
    )
    attempts: list[ShorAttempt] = Field(
        title="Attempts",
        description="The bases that were tried, in order.",
        examples=[[{"base": 7, "order": 4, "result": "factors 3 and 5"}]],
    )
    success_rate: Share = Field(
        title="Shots that lead to the factors",
        description="Share of the shots each of which gives the factors by itself.",
        examples=[0.51],
    )
    chance_rate: Share = Field(
        title="Success by chance alone",
        description="The same for uniformly random outcomes: what needs no quantum computer.",
        examples=[0.125],
    )
    signal: Share = Field(
        title="Share that comes from the circuit",
        description="Share of the shots that is not treated as noise.",
        examples=[1.0],
    )
    bits: BitCount = Field(title="Bits", description="Binary digits of the measured phase.", examples=[5])
    shots: ShotCount = Field(title="Shots", description="Shots of the last attempt.", examples=[1024])
    ideal: Ideal = Field(examples=[{"00000": 0.25, "01000": 0.25, "10000": 0.25, "11000": 0.25}])
    note: Note = Field(
        default=None,
        examples=[
            "About 40% of the shots came through the noise. All outcomes together still give the order."
        ],
    )
