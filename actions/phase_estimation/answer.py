"""The answer of phase estimation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, AnswerPart, Ideal, Note, Share, ShotCount, Summary, Unit

Turns = Annotated[float, Unit("turns")]


class PhaseOutcome(AnswerPart):
    """The phase that was measured most often."""

    bitstring: str = Field(title="Bits", description="The binary digits of the phase.", examples=["01010"])
    phase: Turns = Field(title="Phase", description="The phase of these digits.", examples=[0.3125])
    probability: Share = Field(
        title="Probability", description="Share of the shots that gave it.", examples=[0.66]
    )


class PhaseAnswer(ActionAnswer):
    """The estimated phase with its error."""

    summary: Summary = Field(
        examples=["The estimated phase is 0.30011 ± 0.00071 turns; the exact value is 0.30000."]
    )
    phase: Turns = Field(
        title="Phase", description="The estimated phase, from all shots together.", examples=[0.30011]
    )
    error: Turns = Field(
        title="Uncertainty (95 %)",
        description="Half the width of the 95 % confidence interval.",
        examples=[0.00071],
    )
    exact_phase: Turns = Field(
        title="Exact phase", description="The phase as theory gives it.", examples=[0.3]
    )
    difference: Turns = Field(
        title="Difference from the exact phase",
        description="The estimate minus the exact phase, from -0.5 to 0.5.",
        examples=[0.00011],
    )
    most_frequent: PhaseOutcome = Field(
        title="Most frequent outcome",
        description="The phase that was measured most often; a multiple of `resolution`.",
        examples=[{"bitstring": "01010", "phase": 0.3125, "probability": 0.66}],
    )
    resolution: Turns = Field(
        title="Resolution",
        description="The difference between two phases that a shot can tell apart.",
        examples=[0.03125],
    )
    signal: Share = Field(
        title="Share that comes from the circuit",
        description="Share of the shots that is not treated as noise.",
        examples=[1.0],
    )
    shots: ShotCount = Field(title="Shots", description="All shots.", examples=[1024])
    ideal: Ideal = Field(examples=[{"01010": 0.6577, "01001": 0.1682}])
    note: Note = Field(
        default=None,
        examples=[
            "Only about 40% of the shots carry a signal; the rest is treated as random. The error does not "
            "include systematic errors of the device."
        ],
    )
