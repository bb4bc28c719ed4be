"""The answer of GHZ states."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, Fidelity, Ideal, Note, QubitCount, Share, Summary, Unit


class GhzAnswer(ActionAnswer):
    """How good the entanglement of all qubits is."""

    summary: Summary = Field(
        examples=[
            "All 3 qubits gave the same bit in 100 % of 512 measurements. The fidelity of the GHZ state is "
            "100 %."
        ]
    )
    qubits: QubitCount = Field(title="Qubits", description="Number of entangled qubits.", examples=[3])
    all_zero: Share = Field(
        title="All qubits gave 0",
        description="Share of the measurements in which all qubits gave 0.",
        examples=[0.508],
    )
    all_one: Share = Field(
        title="All qubits gave 1",
        description="Share of the measurements in which all qubits gave 1.",
        examples=[0.492],
    )
    coherence: Annotated[float, Unit("coherence from -1 to 1")] = Field(
        title="Coherence",
        description="How well the two cases are in superposition, from the measurements in other bases.",
        examples=[1.0],
    )
    fidelity: Fidelity = Field(
        title="Fidelity",
        description="How close the qubits are to the GHZ state: half of `all_zero` + `all_one` + "
        "`coherence`. Above one half, all qubits are entangled.",
        examples=[1.0],
    )
    fidelity_error: Fidelity = Field(
        title="Fidelity error", description="Standard error of the fidelity.", examples=[0.0015]
    )
    entangled: bool = Field(
        title="Entanglement shown",
        description="Whether the fidelity is above one half by three standard errors.",
        examples=[True],
    )
    settings: Annotated[int, Unit("measurement settings")] = Field(
        title="Measurement settings",
        description="Number of other bases in which the qubits were measured.",
        examples=[3],
    )
    ideal: Ideal = Field(examples=[{"000": 0.5, "111": 0.5}])
    note: Note = Field(
        default=None,
        examples=[
            "This does not prove that all qubits are entangled: the fidelity must be clearly above 50 %. "
            "Use more shots."
        ],
    )
