"""The answer of the Bell states."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.bell_state.circuit import BellState
from actions.framework.answer import ActionAnswer, AnswerPart, Fidelity, Ideal, Note, Share, Summary, Unit

Correlation = Annotated[float, Unit("correlation from -1 to 1")]


class BellCorrelations(AnswerPart):
    """How far both qubits agree in each basis: 1 always, 0 by chance, -1 never."""

    ZZ: Correlation = Field(
        title="ZZ", description="The correlation when both qubits are measured in basis Z.", examples=[1.0]
    )
    XX: Correlation = Field(title="XX", description="The same in basis X.", examples=[1.0])
    YY: Correlation = Field(title="YY", description="The same in basis Y.", examples=[-1.0])


class BellAnswer(ActionAnswer):
    """The correlations of two qubits, and how good their entanglement is."""

    summary: Summary = Field(
        examples=[
            "The two qubits gave the same bit in 1,024 of 1,024 measurements (100 %). The fidelity of the "
            "Bell state is 100 %."
        ]
    )
    state: BellState = Field(
        title="Bell state", description="The state that was made.", examples=["phi_plus"]
    )
    agreement: Share = Field(
        title="Shots that agree",
        description="Share of the measurements that gave equal bits for phi, opposite bits for psi.",
        examples=[1.0],
    )
    correlations: BellCorrelations = Field(
        title="Correlations",
        description="The correlation of the two qubits in each of three bases.",
        examples=[{"ZZ": 1.0, "XX": 1.0, "YY": -1.0}],
    )
    fidelity: Fidelity = Field(
        title="Fidelity",
        description="How close the qubits are to the Bell state. It follows from the three correlations. "
        "Above one half, the qubits are entangled.",
        examples=[1.0],
    )
    fidelity_error: Fidelity = Field(
        title="Fidelity error", description="Standard error of the fidelity.", examples=[0.0008]
    )
    entangled: bool = Field(
        title="Entanglement shown",
        description="Whether the fidelity is above one half by three standard errors.",
        examples=[True],
    )
    ideal: Ideal = Field(examples=[{"00": 0.5, "11": 0.5}])
    note: Note = Field(
        default=None,
        examples=[
            "This does not prove entanglement: the fidelity must be clearly above 50 %. The noise was too "
            "strong."
        ],
    )
