"""The answer of superdense coding."""

from __future__ import annotations

from pydantic import Field

from actions.framework.answer import ActionAnswer, Ideal, Note, QubitCount, Share, Summary


class SuperdenseAnswer(ActionAnswer):
    """The message as it was received, and how reliably."""

    message: str = Field(title="Message", description="The message that was sent.", examples=["10110001"])
    received: str = Field(
        title="Received",
        description="The most frequent value of each pair of bits.",
        examples=["10110001"],
    )
    qubits_sent: QubitCount = Field(
        title="Qubits sent", description="Number of qubits that carried the message.", examples=[4]
    )
    success: Share = Field(
        title="Whole message read right",
        description="Share of the shots in which the whole message was correct.",
        examples=[1.0],
    )
    pairs: list[Share] = Field(
        title="Read right, by pair of bits",
        description="Share of the shots in which each pair of bits was correct.",
        examples=[[1.0, 1.0, 1.0, 1.0]],
    )
    ideal: Ideal = Field(examples=[{"10110001": 1.0}])
    summary: Summary = Field(
        examples=[
            "All 8 bits arrived by sending 4 qubits: 10110001; the whole message was read right in 100 % of "
            "1,024 transmissions."
        ]
    )
    note: Note = Field(
        default=None,
        examples=["Noise was strong: only the many repetitions made the message readable."],
    )
