"""Input, circuits and answer of the Bell states."""

from __future__ import annotations

import math

from pydantic import Field

from actions.bell_state.answer import BellAnswer, BellCorrelations
from actions.bell_state.circuit import SIGNS, BellState, bell
from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.toolkit.outcomes import percent, times
from actions.toolkit.pauli import Basis, parity, shots, standard_error

#: The order of the PUBs; the caller sees the counts of the first.
ORDER: tuple[Basis, ...] = ("Z", "X", "Y")


class BellInput(ActionInput):
    """The choice of the state."""

    state: BellState = Field(
        default="phi_plus",
        title="Bell state",
        description="phi: both qubits give the same bit; psi: opposite bits. plus and minus differ in the "
        "sign between the two cases, which is visible only in another measurement basis.",
    )


class BellStates(Algorithm[BellInput]):
    """Entangles two qubits and measures their correlations."""

    name = "bell_state"
    title = "Bell state"
    description = (
        "Entangles two qubits: each alone gives 0 or 1 at random, but together they always agree (or always "
        "differ). Measurements in three bases show how good the entanglement is."
    )
    use_case = "A first experiment with entanglement, and a check of how well a backend entangles two qubits."
    classical_alternative = (
        "A laptop computes the exact result for two qubits at once. If you only need two equal random "
        "bits, copy one."
    )
    category = "Basics"
    input = BellInput
    output = BellAnswer

    def start(self, params: BellInput) -> Job:
        return Job([Pub(bell(params.state, basis)) for basis in ORDER])

    def proceed(self, params: BellInput, step: Step) -> BellAnswer:
        """Estimate the fidelity.

        It follows exactly from the three correlations, because the state's projector is
        (1 + s_x XX + s_y YY + s_z ZZ) / 4 with the signs s of the state. Above one half, the qubits are
        entangled.
        """
        signs = SIGNS[params.state]
        measured = {basis: step.counts(pub=number) for number, basis in enumerate(ORDER)}
        correlations = {basis: parity(counts) for basis, counts in measured.items()}
        overlap = (1 + sum(signs[basis] * value for basis, value in correlations.items())) / 4
        # By chance, the estimate for a very bad state may be negative.
        fidelity = max(overlap, 0.0)
        deviation = (
            math.hypot(*(standard_error(correlations[basis], shots(measured[basis])) for basis in ORDER)) / 4
        )
        entangled = fidelity - 3 * deviation > 0.5
        bits, total = measured["Z"], shots(measured["Z"])
        same = signs["Z"] > 0
        wanted = ("00", "11") if same else ("01", "10")
        right = sum(bits.get(outcome, 0) for outcome in wanted)
        note = None
        if not entangled:
            note = "This does not prove entanglement: the fidelity must be clearly above 50 %. " + (
                "Use more shots." if fidelity > 0.5 else "The noise was too strong."
            )
        return BellAnswer(
            summary=f"The two qubits gave {'the same bit' if same else 'opposite bits'} in {right:,} of "
            f"{times(total, 'measurement')} ({percent(right / total)}). The fidelity of the "
            f"Bell state is {percent(fidelity)}.",
            state=params.state,
            agreement=right / total,
            correlations=BellCorrelations(ZZ=correlations["Z"], XX=correlations["X"], YY=correlations["Y"]),
            fidelity=fidelity,
            fidelity_error=deviation,
            entangled=entangled,
            ideal=dict.fromkeys(wanted, 0.5),
            note=note,
        )


algorithm = BellStates()
