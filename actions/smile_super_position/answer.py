"""The answer of the two emoticons."""

from __future__ import annotations

from pydantic import Field

from actions.framework.answer import ActionAnswer, AnswerPart, Ideal, Share, ShotCount, Summary

_SMILE = {"text": ":)", "bitstring": "0011101000101001", "count": 520, "probability": 0.5078125}
_FROWN = {"text": ":(", "bitstring": "0011101000101000", "count": 504, "probability": 0.4921875}
_OTHER = {"text": ":+", "bitstring": "0011101000101011", "count": 3, "probability": 0.0029296875}


class SmileOutcome(AnswerPart):
    """A string that was measured."""

    text: str = Field(
        title="Text",
        description="The string; a character that cannot be printed is replaced.",
        examples=[":)"],
    )
    bitstring: str = Field(
        title="Bits", description="The bits of its characters.", examples=["0011101000101001"]
    )
    count: ShotCount = Field(title="Count", description="Shots that gave it.", examples=[520])
    probability: Share = Field(
        title="Probability", description="Share of the shots that gave it.", examples=[0.5078125]
    )


class SmileAnswer(ActionAnswer):
    """How often each emoticon was seen."""

    summary: Summary = Field(examples=[":) was seen 520 times and :( 504 times, out of 1024."])
    emoticons: list[SmileOutcome] = Field(
        title="Emoticons",
        description="The two emoticons, in the order of the input.",
        examples=[[_SMILE, _FROWN]],
    )
    others: list[SmileOutcome] = Field(
        title="Others",
        description="Other strings that noise caused, at most 10, the most frequent first.",
        examples=[[_OTHER]],
    )
    others_probability: Share = Field(
        title="Probability of others",
        description="Share of the shots that gave neither emoticon.",
        examples=[0.0],
    )
    shots: ShotCount = Field(title="Shots", description="All shots.", examples=[1024])
    ideal: Ideal = Field(examples=[{"0011101000101001": 0.5, "0011101000101000": 0.5}])
