"""Input, circuits and answer of quantum teleportation."""

from __future__ import annotations

import math

from pydantic import Field

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.teleportation.answer import BlochVector, TeleportationAnswer
from actions.teleportation.circuit import Check, teleportation
from actions.toolkit.outcomes import percent
from actions.toolkit.pauli import BASES, parity, shots, standard_error

#: The measurements, one for each PUB; the caller sees the counts of the first.
ORDER: tuple[Check, ...] = ("state", *BASES)
#: The maximum mean fidelity of measuring the state and sending the outcome (Massar and Popescu,
#: Physical Review Letters 74, 1259, 1995).
CLASSICAL = 2 / 3


class TeleportationInput(ActionInput):
    """A point on the Bloch sphere."""

    theta: float = Field(
        ge=0,
        le=math.pi,
        title="Theta",
        description="Polar angle in radians: 0 is the state 0, pi is the state 1, pi/2 half of each.",
        examples=[1.0],
    )
    phi: float = Field(
        default=0.0,
        ge=-2 * math.pi,
        le=2 * math.pi,
        title="Phi",
        description="Azimuth of the state in radians: the phase between its two parts.",
        examples=[2.0],
    )


class Teleportation(Algorithm[TeleportationInput]):
    """Teleports a qubit's state and measures its fidelity."""

    name = "teleportation"
    title = "Quantum teleportation"
    description = (
        "Transfers the state of one qubit to another without any gate between them, using an entangled "
        "pair, a measurement in the middle of the circuit, and two classical bits that control the receiving "
        "qubit. The answer compares the received state with the sent one."
    )
    use_case = (
        "Learning how quantum networks pass on a state, and testing whether a backend can act on a "
        "measurement in the middle of a circuit."
    )
    classical_alternative = (
        "Within one chip, a swap gate moves a state with less effort. A classical program computes these "
        "three qubits exactly. Nothing is faster than light: two classical bits must be sent."
    )
    category = "Communication"
    input = TeleportationInput
    output = TeleportationAnswer

    def start(self, params: TeleportationInput) -> Job:
        return Job([Pub(teleportation(params.theta, params.phi, check)) for check in ORDER])

    def proceed(self, params: TeleportationInput, step: Step) -> TeleportationAnswer:
        """Estimate the fidelity, and the received state by tomography."""
        arrived, *measured = (step.counts(pub=number) for number in range(len(ORDER)))
        overlap = parity(arrived)
        fidelity = (1 + overlap) / 2
        deviation = standard_error(overlap, shots(arrived)) / 2
        received = {basis: parity(counts) for basis, counts in zip(BASES, measured, strict=True)}
        note = None
        if fidelity - 3 * deviation <= CLASSICAL:
            advice = "Use more shots." if fidelity > CLASSICAL else "The noise was too strong."
            note = (
                "This does not prove a quantum effect: measuring the state and sending only the outcome "
                f"reaches two thirds on average. {advice}"
            )
        return TeleportationAnswer(
            summary=f"The state arrived at the other qubit with a fidelity of {percent(fidelity)}.",
            fidelity=fidelity,
            fidelity_error=deviation,
            sent=BlochVector(
                X=math.sin(params.theta) * math.cos(params.phi),
                Y=math.sin(params.theta) * math.sin(params.phi),
                Z=math.cos(params.theta),
            ),
            received=BlochVector(X=received["X"], Y=received["Y"], Z=received["Z"]),
            alice=_alice(step),
            ideal={"0": 1.0},
            note=note,
        )


def _alice(step: Step) -> dict[str, float]:
    """The share of each pair of Alice's bits in all PUBs, ideally a quarter for every state."""
    seen = [step.counts("alice", number) for number in range(len(ORDER))]
    total = sum(shots(counts) for counts in seen)
    return {
        z + x: sum(counts.get(x + z, 0) for counts in seen) / total
        for z, x in (("0", "0"), ("0", "1"), ("1", "0"), ("1", "1"))
    }


algorithm = Teleportation()
