"""The answer of the quantum Fourier transform."""

from __future__ import annotations

from pydantic import Field

from actions.framework.answer import (
    ActionAnswer,
    AnswerPart,
    Fidelity,
    Ideal,
    Note,
    Number,
    QubitCount,
    Share,
    Summary,
)


class SpectrumPeak(AnswerPart):
    """A frequency that was measured clearly more often than others."""

    value: Number = Field(title="Frequency", description="The frequency as a number.", examples=[4])
    bitstring: str = Field(title="Bits", description="The frequency as bits.", examples=["0100"])
    probability: Share = Field(
        title="Probability", description="Share of the shots that gave it.", examples=[0.247]
    )
    ideal_probability: Share = Field(
        title="Ideal probability", description="The same in the exact spectrum.", examples=[0.25]
    )


class FourierAnswer(ActionAnswer):
    """The measured spectrum, and how close it is to the exact one."""

    summary: Summary = Field(
        examples=[
            "The spectrum has peaks at 0, 4, 8 and 12; those of period 4 are near the multiples of 4. The "
            "measured spectrum agrees with the exact one by 99.9 %."
        ]
    )
    peaks: list[SpectrumPeak] = Field(
        title="Peaks",
        description="The peaks of the measured spectrum, at most 16, the highest first.",
        examples=[[{"value": 4, "bitstring": "0100", "probability": 0.247, "ideal_probability": 0.25}]],
    )
    fidelity: Fidelity = Field(
        title="Fidelity",
        description="How close the measured distribution is to the exact one; 1 if they are equal.",
        examples=[0.999],
    )
    qubits: QubitCount = Field(title="Qubits", description="Number of qubits of the state.", examples=[4])
    ideal: Ideal = Field(examples=[{"0000": 0.25, "0100": 0.25, "1000": 0.25, "1100": 0.25}])
    changes: str | None = Field(
        default=None,
        title="Changes",
        description="How the given amplitudes were made into a state. Only present if they were changed.",
        examples=["The amplitudes were divided by 3.742 to make the sum of their squares 1."],
    )
    note: Note = Field(
        default=None,
        examples=[
            "20 shots are few for about 16 likely outcomes, so the spectrum is rough; take more of them."
        ],
    )
