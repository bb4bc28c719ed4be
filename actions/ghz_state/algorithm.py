"""Input, circuits and answer of GHZ states."""

from __future__ import annotations

import math

from pydantic import Field

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.ghz_state.answer import GhzAnswer
from actions.ghz_state.circuit import equatorial_circuit, populations_circuit
from actions.ghz_state.settings import angles, choose, coherence
from actions.toolkit.outcomes import percent, times
from actions.toolkit.pauli import shots, standard_error

MAX_QUBITS = 20
#: Maximum shots of each measurement. With 20 qubits nearly every shot has a different outcome, so 9
#: measurements give half a megabyte of counts.
MAX_SHOTS = 2000


class GhzInput(ActionInput):
    """The number of qubits."""

    qubits: int = Field(
        default=3,
        ge=2,
        le=MAX_QUBITS,
        title="Qubits",
        description="Number of qubits to entangle.",
    )
    shots: int = Field(
        default=512,
        ge=1,
        le=MAX_SHOTS,
        title="Shots",
        description="How many times each of up to 9 circuits is run.",
    )


class GhzState(Algorithm[GhzInput]):
    """Entangles many qubits and estimates the fidelity."""

    name = "ghz_state"
    title = "GHZ state"
    description = (
        "Entangles up to 20 qubits so that all give 0 or all give 1, each half of the time "
        "(Schrödinger's cat). The answer has the estimated fidelity of the state, and whether it proves that "
        "all qubits are entangled."
    )
    use_case = (
        "Measuring how many qubits of a backend can be entangled with each other: a benchmark for devices."
    )
    classical_alternative = (
        "A classical program simulates this state for thousands of qubits. Without a device to test there "
        "is no reason to make it."
    )
    category = "Basics"
    input = GhzInput
    output = GhzAnswer

    def start(self, params: GhzInput) -> Job:
        settings = choose(params.qubits)
        across = equatorial_circuit(params.qubits)
        return Job(
            [
                Pub(populations_circuit(params.qubits)),
                *(Pub(across, angles(setting, params.qubits)) for setting in settings),
            ],
            state={"settings": settings},
            key="chain",
        )

    def proceed(self, params: GhzInput, step: Step) -> GhzAnswer:
        """Estimate the fidelity.

        It is half the sum of the populations (`all_zero` + `all_one`) and the coherence. Above
        one half it proves genuine entanglement of all qubits (Gühne and Tóth, arXiv:0811.2803).
        """
        settings = (step.state or {})["settings"]
        counts = step.counts()
        zeros, ones = "0" * params.qubits, "1" * params.qubits
        total = shots(counts)
        share = (counts.get(zeros, 0) + counts.get(ones, 0)) / total
        across = [step.counts(pub=number) for number in range(1, len(settings) + 1)]
        coherent, deviation = coherence(settings, across, params.qubits)
        fidelity = min(max((share + coherent) / 2, 0.0), 1.0)
        # The population is a mean of zeros and ones, with half the error of a mean of signs.
        uncertain = math.hypot(standard_error(2 * share - 1, total) / 2, deviation) / 2
        entangled = fidelity - 3 * uncertain > 0.5
        everyone = "Both" if params.qubits == 2 else f"All {params.qubits}"
        note = None
        if not entangled:
            note = (
                "This does not prove that all qubits are entangled: the fidelity must be clearly above 50 %. "
                + ("Use more shots." if fidelity > 0.5 else "The noise was too strong; try fewer qubits.")
            )
        return GhzAnswer(
            summary=f"{everyone} qubits gave the same bit in {percent(share)} of "
            f"{times(total, 'measurement')}. The fidelity of the GHZ state is {percent(fidelity)}.",
            qubits=params.qubits,
            all_zero=counts.get(zeros, 0) / total,
            all_one=counts.get(ones, 0) / total,
            coherence=coherent,
            fidelity=fidelity,
            fidelity_error=uncertain,
            entangled=entangled,
            settings=len(settings),
            ideal={zeros: 0.5, ones: 0.5},
            note=note,
        )


algorithm = GhzState()
