"""Input, circuit and answer of the two emoticons."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.smile_super_position.answer import SmileAnswer, SmileOutcome
from actions.smile_super_position.circuit import superposition, to_bits, to_text

#: Maximum number of other strings in the answer, the most frequent first.
MAX_OTHERS = 10

#: 1 to 8 printable ASCII characters.
Emoticon = Annotated[str, Field(min_length=1, max_length=8, pattern=r"^[ -~]+$")]


class SmileInput(ActionInput):
    """Two different strings of equal length, of printable ASCII characters."""

    emoticon_1: Emoticon = Field(
        title="First emoticon",
        description="1 to 8 printable ASCII characters; 8 qubits for each character.",
        examples=[":)"],
    )
    emoticon_2: Emoticon = Field(
        title="Second emoticon",
        description="As long as the first, and different from it.",
        examples=[":("],
    )

    @field_validator("emoticon_2")
    @classmethod
    def _validate_second(cls, second: str, info: ValidationInfo) -> str:
        first = info.data.get("emoticon_1")
        if first is None:
            return second  # the first is invalid and has its own error
        if len(first) != len(second):
            raise ValueError(
                f"has length {len(second)}, but emoticon_1 has length {len(first)}; make them the same length"
            )
        if first == second:
            raise ValueError("is the same as emoticon_1; make them different")
        return second


class SmileSuperPosition(CircuitAlgorithm[SmileInput]):
    """Puts two emoticons in superposition and counts how often each is measured."""

    name = "smile_super_position"
    title = "Smile superposition"
    description = (
        "Puts two emoticons in quantum superposition. Each measurement gives one of them, each half of the "
        "time; on a noisy backend sometimes another string."
    )
    use_case = "A first job: superposition and noise, with two strings that you can read."
    classical_alternative = (
        "To choose one of two strings at random, `random.choice` is enough, without a queue."
    )
    category = "Basics"
    view = "emoticons"
    input = SmileInput
    output = SmileAnswer

    def build(self, params: SmileInput) -> QuantumCircuit:
        return superposition(to_bits(params.emoticon_1), to_bits(params.emoticon_2))

    def answer(self, params: SmileInput, step: Step) -> SmileAnswer:
        counts = step.counts()
        shots = sum(counts.values())

        def entry(bits: str) -> SmileOutcome:
            count = counts.get(bits, 0)
            return SmileOutcome(text=to_text(bits), bitstring=bits, count=count, probability=count / shots)

        wanted = [to_bits(params.emoticon_1), to_bits(params.emoticon_2)]
        others = sorted(
            (bits for bits in counts if bits not in wanted), key=lambda bits: (-counts[bits], bits)
        )
        seen = sum(counts.get(bits, 0) for bits in wanted)
        first, second = (entry(bits) for bits in wanted)
        return SmileAnswer(
            summary=f"{first.text} was seen {first.count} times and {second.text} "
            f"{second.count} times, out of {shots}.",
            emoticons=[first, second],
            others=[entry(bits) for bits in others[:MAX_OTHERS]],
            others_probability=(shots - seen) / shots,
            shots=shots,
            ideal=dict.fromkeys(wanted, 0.5),
        )


algorithm = SmileSuperPosition()
