"""The answer of quantum key distribution."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import ActionAnswer, BitCount, Note, QubitCount, Share, Summary, Unit


class Bb84Answer(ActionAnswer):
    """The key, and what Alice and Bob learned about errors on the way."""

    summary: Summary = Field(
        examples=[
            "Of 56 bits that Alice and Bob compared, 0 % differed, within the 11 % allowed. They share a "
            "secret key of 57 bits."
        ]
    )
    aborted: bool = Field(
        title="Aborted",
        description="Whether Alice and Bob discarded the key because of too many errors.",
        examples=[False],
    )
    error_rate: Share = Field(
        title="Bits that differ",
        description="Share of the compared bits that differed. An eavesdropper causes a quarter.",
        examples=[0.0],
    )
    qubits: QubitCount = Field(
        title="Qubits", description="Number of qubits that Alice sent.", examples=[256]
    )
    sifted: BitCount = Field(
        title="Sifted bits",
        description="Number of bits that were sent and measured in the same basis.",
        examples=[124],
    )
    compared: BitCount = Field(
        title="Compared bits",
        description="Number of the sifted bits that were disclosed and compared.",
        examples=[56],
    )
    corrected: BitCount = Field(
        title="Corrected bits", description="Number of errors that were corrected in the rest.", examples=[0]
    )
    disclosed: Annotated[int, Unit("parities")] = Field(
        title="Disclosed parities",
        description="Number of parities that were announced to find the errors; the key is shorter by them.",
        examples=[11],
    )
    key: str = Field(
        title="Secret key",
        description="Alice's secret key, after the removal of everything that Eve may know; empty without "
        "one.",
        examples=["100001100010111100100011111000000010100110101101110011011"],
    )
    key_bits: BitCount = Field(title="Bits of the key", description="Length of the key.", examples=[57])
    keys_match: bool = Field(
        title="Alice and Bob have the same key",
        description="Whether Bob has the same key, which is not empty.",
        examples=[True],
    )
    eve_knew: Share | None = Field(
        default=None,
        title="Bits that the eavesdropper read right",
        description="Share of the sifted bits that Eve measured correctly. Only present with an "
        "eavesdropper.",
        examples=[0.758],
    )
    note: Note = Field(default=None, examples=["There was no eavesdropper: noise caused the errors."])
