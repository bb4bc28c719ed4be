"""The answer of quantum teleportation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, AnswerPart, Fidelity, Ideal, Note, Share, Summary, Unit

Coordinate = Annotated[float, Unit("coordinate from -1 to 1")]


class BlochVector(AnswerPart):
    """A qubit's state as a point in a sphere of radius 1."""

    X: Coordinate = Field(title="X", description="Coordinate along X.", examples=[-0.35])
    Y: Coordinate = Field(title="Y", description="Coordinate along Y.", examples=[0.77])
    Z: Coordinate = Field(
        title="Z", description="Coordinate along Z: 1 for the state 0, -1 for the state 1.", examples=[0.54]
    )


_VECTOR = {"X": -0.35, "Y": 0.77, "Z": 0.54}


class TeleportationAnswer(ActionAnswer):
    """How well the state arrived."""

    summary: Summary = Field(examples=["The state arrived at the other qubit with a fidelity of 100 %."])
    fidelity: Fidelity = Field(
        title="Fidelity",
        description="How close the received state is to the sent one: the share of shots in which the "
        "receiving qubit, with the preparation undone, gave 0.",
        examples=[1.0],
    )
    fidelity_error: Fidelity = Field(
        title="Fidelity error", description="Standard error of the fidelity.", examples=[0.001]
    )
    sent: BlochVector = Field(title="Sent", description="The sent state.", examples=[_VECTOR])
    received: BlochVector = Field(
        title="Received",
        description="The received state, from measurements in three bases.",
        examples=[_VECTOR],
    )
    alice: dict[str, Share] = Field(
        title="Alice's two bits",
        description="The share of each pair of bits that Alice sent, 00, 01, 10 and 11: a quarter for every "
        "state, without noise. The first bit controls Z, the second X.",
        examples=[{"00": 0.25, "01": 0.26, "10": 0.24, "11": 0.25}],
    )
    ideal: Ideal = Field(examples=[{"0": 1.0}])
    note: Note = Field(
        default=None,
        examples=[
            "This does not prove a quantum effect: measuring the state and sending only the outcome reaches "
            "two thirds on average. Use more shots."
        ],
    )
