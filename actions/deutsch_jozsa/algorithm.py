"""Input, circuit and answer of Deutsch and Jozsa's problem."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from qiskit import QuantumCircuit

from actions.deutsch_jozsa.answer import DeutschJozsaAnswer
from actions.deutsch_jozsa.circuit import deutsch_jozsa, distribution, parity_table
from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.toolkit.outcomes import ideal, percent

#: Maximum number of input bits; the truth table then has 2^8 values.
MAX_BITS = 8
#: Shares of 00...0 between these make the verdict doubtful; ideally the share is 0 or 1.
DOUBT = (0.25, 0.75)

_TABLES = "|".join(f"[01]{{{2**bits}}}" for bits in range(1, MAX_BITS + 1))


class DeutschJozsaInput(ActionInput):
    """A function of 1 to 8 bits to one bit that is either constant or balanced."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"kind": {"const": "truth_table"}}, "required": ["kind"]},
            "then": {"properties": {"truth_table": {"type": "string"}}, "required": ["truth_table"]},
            "else": {"properties": {"truth_table": {"type": "null"}}},
        }
    )

    kind: Literal["balanced", "constant_0", "constant_1", "truth_table"] = Field(
        title="Kind of function",
        description="Balanced (the parity of the mask's bits), always 0, always 1, or your truth table.",
        examples=["balanced"],
    )
    mask: str = Field(
        default="101",
        max_length=MAX_BITS,
        pattern=r"^[01]*1[01]*$",
        title="Mask",
        description="For a balanced function: the input bits whose parity is its value; at least one 1.",
    )
    input_bits: int = Field(
        default=3,
        ge=1,
        le=MAX_BITS,
        title="Input bits",
        description="For a constant function: its number of bits. The others have it from their length.",
    )
    truth_table: str | None = Field(
        default=None,
        max_length=2**MAX_BITS,
        pattern=f"^({_TABLES})$",
        title="Truth table",
        description="Only for the kind truth_table: the values for inputs 0, 1, 2, ..., such as 0110. There "
        "are 2, 4, 8, ... 256 values, all equal or half of them 1.",
        validate_default=True,
    )

    @field_validator("truth_table")
    @classmethod
    def _validate_truth_table(cls, table: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind")
        if kind is None:
            return table  # kind is invalid and has its own error
        if table is None:
            if kind == "truth_table":
                raise ValueError("is missing; give the function's values, such as 0110")
            return None
        if kind != "truth_table":
            raise ValueError(f"does not go with kind {kind}; leave it out, or set kind to truth_table")
        ones = table.count("1")
        if ones not in (0, len(table) // 2, len(table)):
            raise ValueError(
                f"has {ones} ones in {len(table)} values, so it is neither constant nor balanced; "
                f"make it 0, {len(table) // 2} or {len(table)} ones"
            )
        return table

    @property
    def values(self) -> list[int]:
        """The function's values for the inputs 0, 1, 2, ..."""
        match self.kind:
            case "balanced":
                return parity_table(self.mask)
            case "truth_table":
                return [int(value) for value in self.truth_table or ""]
            case constant:
                return [int(constant[-1])] * 2**self.input_bits


class DeutschJozsa(CircuitAlgorithm[DeutschJozsaInput]):
    """Distinguishes constant from balanced functions."""

    name = "deutsch_jozsa"
    title = "Deutsch-Jozsa"
    description = (
        "Decides with one query whether a function of bits is constant (always 0 or always 1) or balanced "
        "(1 for half of its inputs). A classical program may have to query more than half of all inputs."
    )
    use_case = "Learning how interference answers a question about all inputs of a function at once."
    classical_alternative = (
        "A classical program reads a table of 256 values in microseconds. With a few random queries it "
        "tells the two kinds of function apart almost certainly, however large the table is. No practical "
        "problem needs this."
    )
    category = "Oracles"
    input = DeutschJozsaInput
    output = DeutschJozsaAnswer

    def build(self, params: DeutschJozsaInput) -> QuantumCircuit:
        return deutsch_jozsa(params.values)

    def answer(self, params: DeutschJozsaInput, step: Step) -> DeutschJozsaAnswer:
        """Decide by 00...0: without noise, a constant function always gives it, and a balanced one never."""
        counts = step.counts()
        shots = sum(counts.values())
        values = params.values
        bits = len(values).bit_length() - 1
        zeros = counts.get("0" * bits, 0) / shots
        verdict: Literal["constant", "balanced"] = "constant" if zeros > 0.5 else "balanced"
        correct = (verdict == "constant") == (len(set(values)) == 1)
        agreeing = zeros if verdict == "constant" else 1 - zeros
        note = None
        if not correct:
            note = (
                "This is wrong: noise outweighed the result. Try fewer input bits, a simpler function, "
                "or the noiseless simulator."
            )
        elif DOUBT[0] < zeros < DOUBT[1]:
            note = (
                "The verdict is uncertain: without noise, either all shots or none would show only zeros. "
                "Try a simpler function or another backend."
            )
        return DeutschJozsaAnswer(
            summary=f"The function is {verdict}: {percent(agreeing)} of the shots show it. "
            f"One query of the function is enough; a classical program may need {2 ** (bits - 1) + 1}.",
            verdict=verdict,
            correct=correct,
            zeros_probability=zeros,
            input_bits=bits,
            quantum_queries=1,
            classical_queries=2 ** (bits - 1) + 1,
            ideal=ideal(distribution(values)),
            note=note,
        )


algorithm = DeutschJozsa()
