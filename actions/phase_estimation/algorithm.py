"""Input, circuit and answer of phase estimation."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.phase_estimation.circuit import REGISTER, GateName, exact_phase, fourier, iterative
from actions.phase_estimation.likelihood import estimate
from actions.toolkit.outcomes import ideal
from actions.toolkit.phases import distribution


class PhaseInput(ActionInput):
    """A gate with its angle, and how finely its phase is to be known."""

    gate: GateName = Field(
        default="p",
        title="Gate",
        description="Phase gate p, or a rotation about the axis x, y or z. A phase gate's phase is its "
        "angle, a rotation's is half of it.",
    )
    angle: float = Field(
        ge=-1,
        le=1,
        allow_inf_nan=False,
        title="Angle",
        description="The gate's angle in turns: 0.25 is a quarter turn, 90 degrees.",
        examples=[0.3],
    )
    bits: int = Field(
        default=5,
        ge=2,
        le=10,
        title="Bits",
        description="Binary digits of the phase that each shot gives.",
    )
    method: Literal["iterative", "fourier"] = Field(
        default="iterative",
        title="Method",
        description="iterative: one control qubit, measured and used again for each bit. fourier: the "
        "textbook's circuit, a control qubit for each bit; deeper, and so more prone to noise.",
    )


class PhaseEstimation(CircuitAlgorithm[PhaseInput]):
    """Finds by how much a gate turns the phase of its eigenstate."""

    name = "phase_estimation"
    title = "Phase estimation"
    description = (
        "Measures by which angle a quantum gate turns one of its eigenstates, digit by digit. Gives the "
        "phase with its error, beside the exact value; the heart of many other quantum algorithms."
    )
    category = "Building blocks"
    input = PhaseInput

    def build(self, params: PhaseInput) -> QuantumCircuit:
        make = iterative if params.method == "iterative" else fourier
        return make(params.gate, params.angle, params.bits)

    def answer(self, params: PhaseInput, step: Step) -> dict[str, Any]:
        """`{"summary", "note"?, "phase", "error", "exact_phase", "difference", "most_frequent": {"bitstring",
        "phase", "probability"}, "resolution", "signal", "shots", "ideal"}`; phases in turns.
        """
        counts = step.counts(REGISTER)
        shots = sum(counts.values())
        size = 2**params.bits
        found = estimate({int(bits, 2): count for bits, count in counts.items()}, params.bits)
        exact = exact_phase(params.gate, params.angle)
        difference = (found.phase - exact + 0.5) % 1.0 - 0.5
        top = min(counts, key=lambda bits: (-counts[bits], bits))
        answer: dict[str, Any] = {
            "summary": f"The phase was estimated as {found.phase:.5f} turns, give or take {found.error:.5f}; "
            f"the exact value is {exact:.5f}.",
            "phase": found.phase,
            "error": found.error,
            "exact_phase": exact,
            "difference": difference,
            "most_frequent": {
                "bitstring": top,
                "phase": int(top, 2) / size,
                "probability": counts[top] / shots,
            },
            "resolution": 1 / size,
            "signal": found.signal,
            "shots": shots,
            "ideal": ideal(distribution(exact, np.arange(2**params.bits), params.bits)),
        }
        if not found.seen:
            answer["summary"] = (
                f"No phase could be read from {shots} shots; the exact value is {exact:.5f} turns."
            )
            answer["note"] = (
                "The outcomes cannot be told from pure chance: too much noise, or too few shots. Take "
                "fewer bits, more shots or a quieter backend."
            )
        elif step.noisy and found.signal < 0.5:
            answer["note"] = (
                f"Only about {found.signal:.0%} of the shots came through the noise; the rest was taken for "
                "chance. The error does not cover what the device does wrong systematically."
            )
        return answer


algorithm = PhaseEstimation()
