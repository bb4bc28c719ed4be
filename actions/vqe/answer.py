"""The answer of VQE."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, AnswerPart, Convergence, Note, QubitCount, Summary, Unit

Energy = Annotated[float, Unit("unit of the coefficients")]


class Ansatz(AnswerPart):
    """The trial circuit."""

    name: str = Field(
        title="Name", description="Its name in Qiskit's circuit library.", examples=["real_amplitudes"]
    )
    layers: Annotated[int, Unit("layers")] = Field(
        title="Layers", description="Number of layers of CNOTs.", examples=[1]
    )
    qubits: QubitCount = Field(title="Qubits", description="Number of qubits.", examples=[2])
    parameters: Annotated[int, Unit("angles")] = Field(
        title="Parameters", description="Number of angles that the search tunes.", examples=[4]
    )


class VqeAnswer(ActionAnswer):
    """The lowest energy that was found."""

    summary: Summary = Field(
        examples=["The lowest energy found is -1.8572 ± 0.0010; the exact one is -1.8573."]
    )
    energy: Energy = Field(
        title="Energy",
        description="The lowest energy: the lower one of the last and the best point of the search, measured "
        "again with more shots.",
        examples=[-1.8572],
    )
    uncertainty: Energy | None = Field(
        title="Uncertainty",
        description="Standard deviation of the energy; null if the backend gives none.",
        examples=[0.001],
    )
    exact_energy: Energy = Field(
        title="Exact energy", description="The exact lowest energy, by diagonalisation.", examples=[-1.8573]
    )
    error: Energy = Field(
        title="Difference from the exact energy",
        description="`energy` minus `exact_energy`.",
        examples=[0.0001],
    )
    ansatz: Ansatz = Field(
        title="Trial circuit",
        description="The circuit whose angles the search tunes.",
        examples=[{"name": "real_amplitudes", "layers": 1, "qubits": 2, "parameters": 4}],
    )
    angles: list[Annotated[float, Unit("radians")]] = Field(
        title="Angles",
        description="The angles of the trial circuit with this energy.",
        examples=[[0.11, -0.02, 3.03, 0.01]],
    )
    reference: Energy = Field(
        title="Reference",
        description="The exact energy, which the page draws with `convergence`.",
        examples=[-1.8573],
    )
    note: Note = Field(
        default=None,
        examples=[
            "This backend is noisy, but the error is within the statistical uncertainty. Errors of readout "
            "are corrected; those of the gates are not, and mostly raise the energy."
        ],
    )
    convergence: Convergence = Field(
        description="The energy at each step of the search.",
        examples=[[{"step": 0, "value": -1.83}, {"step": 1, "value": -1.85}]],
    )
