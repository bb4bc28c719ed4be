"""Input, circuit and answer of Simon's problem."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.simon.answer import SimonAnswer
from actions.simon.circuit import simon
from actions.simon.decoding import decode
from actions.toolkit.outcomes import bitstring, ideal, percent
from actions.toolkit.walsh import walsh

#: Maximum bits of a secret. The circuit has up to twice as many qubits; noise on 16 is slow to simulate.
MAX_BITS = 7


class SimonInput(ActionInput):
    """The secret that the function hides."""

    secret: str = Field(
        min_length=2,
        max_length=MAX_BITS,
        pattern=r"^[01]+$",
        title="Secret",
        description="2 to 7 bits. The function has the same value for two inputs that differ in exactly "
        "these bits; with zeros only, no two inputs have the same value.",
        examples=["1101"],
    )


class Simon(CircuitAlgorithm[SimonInput]):
    """Finds the bits of an input that can be flipped together without changing a function's value."""

    name = "simon"
    title = "Simon"
    description = (
        "Finds the secret of a function of bits, whose value does not change when the secret's bits of the "
        "input are flipped together. Each shot gives an equation for the secret, and a few more than its "
        "number of bits are enough. A classical program needs exponentially many queries."
    )
    use_case = (
        "Learning the first problem with an exponential gain in queries, which led to Shor's algorithm."
    )
    classical_alternative = (
        "The secret is part of the input, so there is nothing to find. With 7 bits, a classical program "
        "tries all 128 inputs in microseconds. No practical problem of this kind is known."
    )
    category = "Oracles"
    input = SimonInput
    output = SimonAnswer

    def build(self, params: SimonInput) -> QuantumCircuit:
        return simon(params.secret)

    def answer(self, params: SimonInput, step: Step) -> SimonAnswer:
        bits = len(params.secret)
        decoded = decode(step.counts(), bits, step.noisy)
        estimate = bitstring(decoded.secret, bits)
        correct = estimate == params.secret
        if decoded.secret:
            summary = (
                f"The secret is {estimate}: flipping these bits of the input together never changes the "
                f"function's value. {percent(decoded.agreement)} of the shots agree with it."
            )
        else:
            summary = "There is no secret: the function has a different value for every input."
        note = None
        if not correct:
            summary = summary.replace("The secret is", "The shots point to the secret", 1)
            note = (
                f"This is wrong: the secret is {params.secret}. "
                "There were too few shots or too much noise. Try more shots, fewer bits or another backend."
            )
        elif not decoded.certain:
            note = (
                "This is not certain: more shots may show another secret."
                if decoded.secret
                else "No secret stands out from the noise. A faint one could still be hidden by it."
            )
        return SimonAnswer(
            summary=summary,
            found=estimate,
            correct=correct,
            agreement=decoded.agreement,
            equations=[bitstring(y, bits) for y in decoded.equations],
            # Each outcome is new to the r equations before it with probability 1 - 2^(r - rank).
            quantum_queries=round(sum(1 / (1 - 2.0**-left) for left in range(1, bits)), 1),
            classical_queries=2 ** (bits - 1) + 1,
            ideal=ideal(distribution(int(params.secret, 2), bits)),
            note=note,
        )


def distribution(secret: int, bits: int) -> Any:
    """Return the probabilities without noise: the outcomes orthogonal to the secret are equally likely."""
    pair = np.zeros(2**bits)
    pair[[0, secret]] = 1.0
    return walsh(pair) / 2**bits


algorithm = Simon()
