"""Input, circuit and answer of Bernstein and Vazirani's problem."""

from __future__ import annotations

from pydantic import Field
from qiskit import QuantumCircuit

from actions.bernstein_vazirani.answer import BernsteinVaziraniAnswer
from actions.bernstein_vazirani.circuit import bernstein_vazirani
from actions.bernstein_vazirani.majority import majority
from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.toolkit.outcomes import percent

#: Maximum number of bits of a secret.
MAX_BITS = 20
#: Share of agreeing shots below which a bit is doubtful.
DOUBT = 0.6


class BernsteinVaziraniInput(ActionInput):
    """The secret that the function hides."""

    secret: str = Field(
        min_length=1,
        max_length=MAX_BITS,
        pattern=r"^[01]+$",
        title="Secret",
        description="1 to 20 bits. The function returns only the parity of the bits that its input has in "
        "common with the secret.",
        examples=["101101"],
    )


class BernsteinVazirani(CircuitAlgorithm[BernsteinVaziraniInput]):
    """Finds a secret bitstring with one query."""

    name = "bernstein_vazirani"
    title = "Bernstein-Vazirani"
    description = (
        "Finds a secret bitstring that a function hides, with one query of the function. A classical program "
        "needs one query for every bit."
    )
    use_case = (
        "Learning how one query can give all bits of a secret, and testing how many qubits a backend "
        "handles: the right answer is known."
    )
    classical_alternative = (
        "The secret is part of the input, so there is nothing to find. A classical program reads a hidden "
        "secret of 20 bits with 20 queries, in microseconds."
    )
    category = "Oracles"
    input = BernsteinVaziraniInput
    output = BernsteinVaziraniAnswer

    def build(self, params: BernsteinVaziraniInput) -> QuantumCircuit:
        return bernstein_vazirani(params.secret)

    def answer(self, params: BernsteinVaziraniInput, step: Step) -> BernsteinVaziraniAnswer:
        counts = step.counts()
        shots = sum(counts.values())
        reading, agreement = majority(counts)
        success = counts.get(params.secret, 0) / shots
        correct = reading == params.secret
        bits = len(params.secret)
        note = None
        if not correct:
            note = (
                f"This is wrong: the secret is {params.secret}. Noise outweighed some bits. Try more shots, "
                "another backend or a shorter secret."
            )
        elif min(agreement) < DOUBT:
            note = "At least one bit has a narrow majority because of noise. More shots make it more certain."
        elif success <= 0.5:
            note = "Noise changed at least one bit in most shots. The majority of each bit gave the secret."
        return BernsteinVaziraniAnswer(
            summary=f"The secret {'is' if correct else 'was read as'} {reading}. {percent(success)} of "
            f"the shots gave all of its bits, with one query each; a classical program needs {bits}.",
            found=reading,
            correct=correct,
            success_probability=success,
            bit_agreement=agreement,
            quantum_queries=1,
            classical_queries=bits,
            ideal={params.secret: 1.0},
            note=note,
        )


algorithm = BernsteinVazirani()
