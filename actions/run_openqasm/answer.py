"""The answer of a program's run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from actions.framework.answer import (
    ActionAnswer,
    AnswerPart,
    BitCount,
    Fidelity,
    Note,
    Number,
    QubitCount,
    Share,
    ShotCount,
    Summary,
    Unit,
)


class Outcome(AnswerPart):
    """An outcome of a register."""

    bitstring: str = Field(
        title="Bits",
        description="The bits of the register; the last character is bit 0.",
        examples=["01"],
    )
    count: ShotCount = Field(title="Count", description="Number of shots that gave it.", examples=[512])
    probability: Share = Field(
        title="Probability", description="Share of the shots that gave it.", examples=[0.5]
    )


class RegisterOutcomes(AnswerPart):
    """The outcomes of a classical register."""

    name: str = Field(title="Name", description="Its name in the program.", examples=["c"])
    bits: BitCount = Field(title="Bits", description="Its size.", examples=[2])
    measured: BitCount = Field(
        title="Measured",
        description="Number of its bits that the program measures or assigns; others are 0.",
        examples=[2],
    )
    distinct: Annotated[int, Unit("outcomes")] = Field(
        title="Distinct outcomes", description="Number of different outcomes that occurred.", examples=[2]
    )
    outcomes: list[Outcome] = Field(
        title="Outcomes",
        description="The outcomes that were seen most often, the most frequent first: at most 32.",
        examples=[[{"bitstring": "00", "count": 512, "probability": 0.5}]],
    )


class Simulation(AnswerPart):
    """How the simulator ran the circuit."""

    method: str = Field(title="Method", description="The simulation method.", examples=["stabilizer"])
    reason: str | None = Field(
        title="Reason",
        description="What the method is for; null if it is not known.",
        examples=["for circuits of Clifford gates, of any width"],
    )
    noise_model: str | None = Field(
        title="Noise model",
        description="How the noise was simulated; null if there was none.",
        examples=["pauli_twirled"],
    )
    active_qubits: QubitCount | None = Field(
        title="Active qubits",
        description="Number of qubits that the circuit uses; null if the simulator does not say it.",
        examples=[2],
    )


class OpenQasmAnswer(ActionAnswer):
    """The outcomes of the program's registers."""

    summary: Summary = Field(
        examples=[
            "The program was run 1024 times. Most often seen: 00 and 11 in c (50.4%, 49.6%; too close to "
            "tell apart)."
        ]
    )
    registers: list[RegisterOutcomes] = Field(
        title="Registers",
        description="The program's classical registers, in the order of their declarations.",
        examples=[
            [
                {
                    "name": "c",
                    "bits": 2,
                    "measured": 2,
                    "distinct": 1,
                    "outcomes": [{"bitstring": "00", "count": 1024, "probability": 1.0}],
                }
            ]
        ],
    )
    measured_all: bool = Field(
        title="All qubits measured at the end",
        description="Whether the program measures nothing, so that all qubits were measured at its end.",
        examples=[False],
    )
    openqasm: Number = Field(
        title="OpenQASM version", description="The version of the language.", examples=[3]
    )
    qubits: QubitCount = Field(title="Qubits", description="Number of qubits of the circuit.", examples=[2])
    shots: ShotCount = Field(title="Shots", description="How often the program was run.", examples=[1024])
    notes: list[str] = Field(
        title="Notes",
        description="What was assumed or left out, and how the circuit was simulated.",
        examples=[["line 4: delays are left out: they change nothing on an ideal machine"]],
    )
    unfinished: ShotCount | None = Field(
        default=None,
        title="Unfinished",
        description="Number of shots in which a `while` loop was cut off. Only present if the program has "
        "such a loop that a measurement ends.",
        examples=[0],
    )
    simulation: Simulation | None = Field(
        default=None,
        title="Simulation",
        description="How the simulator ran the circuit. Only present for answers of a simulator.",
        examples=[
            {
                "method": "stabilizer",
                "reason": "for circuits of Clifford gates, of any width",
                "noise_model": None,
                "active_qubits": 2,
            }
        ],
    )
    ideal: dict[str, Share] | None = Field(
        default=None,
        title="Ideal distribution",
        description="The probabilities of the first register's outcomes without noise, by bitstring: at most "
        "64, the most likely first. Only present if they can be computed within a second.",
        examples=[{"00": 0.5, "11": 0.5}],
    )
    fidelity: Fidelity | None = Field(
        default=None,
        title="Fidelity",
        description="How close the first register's outcomes come to the ideal ones (Bhattacharyya); 1 for "
        "the same. Only present with `ideal`.",
        examples=[0.999],
    )
    note: Note = Field(
        default=None,
        examples=[
            "Noise changed the outcomes: their fidelity with those of a perfect machine is 62%. A shorter "
            "program with fewer two-qubit gates would suffer less."
        ],
    )
