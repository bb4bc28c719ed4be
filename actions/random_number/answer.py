"""The answer of random numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, BitCount, Note, Share, Summary, Unit


class RandomNumberAnswer(ActionAnswer):
    """The random numbers or bytes."""

    summary: Summary = Field(examples=["10 random numbers from 1 to 6, the first of them 4, 1, 6, 2, 2."])
    values: list[Annotated[int, Unit("number")]] | list[str] = Field(
        title="Values",
        description="The numbers; for bytes, strings of two hexadecimal digits.",
        examples=[[4, 1, 6, 2, 2]],
    )
    debiased: bool = Field(
        title="Bias taken out",
        description="Whether a bias of the qubits was removed from the bits, as on noisy backends.",
        examples=[False],
    )
    ones: Share = Field(
        title="Share of ones", description="Share of ones among the measured bits.", examples=[0.498]
    )
    bits_measured: BitCount = Field(
        title="Bits measured", description="Number of bits that were measured.", examples=[240]
    )
    bits_left: BitCount = Field(
        title="Bits used", description="Number of bits that were left for the numbers.", examples=[240]
    )
    hex: str | None = Field(
        default=None,
        title="Hexadecimal",
        description="All bytes as one string of hexadecimal digits. Only present for bytes.",
        examples=["2f9ac051"],
    )
    note: Note = Field(
        default=None,
        examples=[
            "A simulator computes its random numbers, as any computer does. For unpredictable numbers, use "
            "hardware."
        ],
    )
