"""Input, circuit and answer of Bernstein and Vazirani's problem."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from qiskit import QuantumCircuit

from actions.bernstein_vazirani.circuit import bernstein_vazirani
from actions.bernstein_vazirani.majority import majority
from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.toolkit.outcomes import percent

#: Bits of a secret at most.
MAX_BITS = 20
#: Bits that fewer readings than this agree on are doubtful.
DOUBT = 0.6


class BernsteinVaziraniInput(ActionInput):
    """The secret that the function hides."""

    secret: str = Field(
        min_length=1,
        max_length=MAX_BITS,
        pattern=r"^[01]+$",
        title="Secret",
        description="1 to 20 bits. The function hides it: it tells only the parity of the bits that its "
        "input shares with it.",
        examples=["101101"],
    )


class BernsteinVazirani(CircuitAlgorithm[BernsteinVaziraniInput]):
    """Finds a secret string of bits by one question."""

    name = "bernstein_vazirani"
    title = "Bernstein-Vazirani"
    description = (
        "Finds a secret string of bits hidden in a function by asking the function once. A classical program "
        "has to ask once for every bit."
    )
    category = "Oracles"
    input = BernsteinVaziraniInput

    def build(self, params: BernsteinVaziraniInput) -> QuantumCircuit:
        return bernstein_vazirani(params.secret)

    def answer(self, params: BernsteinVaziraniInput, step: Step) -> dict[str, Any]:
        """`{"summary", "note"?, "found", "correct", "success_probability", "bit_agreement",
        "quantum_queries", "classical_queries", "ideal"}`. `success_probability` is the share of
        shots that read the whole secret; `found` is each bit's majority, `bit_agreement` the share of shots
        that agree with each.
        """
        counts = step.counts()
        shots = sum(counts.values())
        found, agreement = majority(counts)
        success = counts.get(params.secret, 0) / shots
        correct = found == params.secret
        bits = len(params.secret)
        answer: dict[str, Any] = {
            "summary": f"The secret {'is' if correct else 'was read as'} {found}. {percent(success)} of the "
            f"shots read it as a whole, each with one question; a classical program needs {bits}.",
            "found": found,
            "correct": correct,
            "success_probability": success,
            "bit_agreement": agreement,
            "quantum_queries": 1,
            "classical_queries": bits,
            "ideal": {params.secret: 1.0},
        }
        if not correct:
            answer["note"] = (
                f"This is wrong: the secret is {params.secret}. Noise outweighed some bits; try more shots, "
                "another backend or a shorter secret."
            )
        elif min(agreement) < DOUBT:
            answer["note"] = (
                "At least one bit has a narrow majority, because of noise. More shots make it more certain."
            )
        elif success <= 0.5:
            answer["note"] = (
                "Noise spoilt some bit in most of the shots. The secret was found from the majority of each "
                "bit."
            )
        return answer


algorithm = BernsteinVazirani()
