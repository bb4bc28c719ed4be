"""Input, circuit and answer of phase estimation."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.phase_estimation.answer import PhaseAnswer, PhaseOutcome
from actions.phase_estimation.circuit import REGISTER, GateName, exact_phase, fourier, iterative
from actions.phase_estimation.likelihood import estimate
from actions.toolkit.outcomes import ideal
from actions.toolkit.phases import distribution


class PhaseInput(ActionInput):
    """A gate with its angle, and the precision of the estimate."""

    gate: GateName = Field(
        default="p",
        title="Gate",
        description="Phase gate p, or a rotation about the axis x, y or z. The phase of a phase gate is "
        "its angle, that of a rotation is half of it.",
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
        description="Number of binary digits of the phase that each shot gives.",
    )
    method: Literal["iterative", "fourier"] = Field(
        default="iterative",
        title="Method",
        description="iterative: one control qubit, measured and reused for each bit. fourier: one control "
        "qubit for each bit, with a deeper circuit that is more sensitive to noise.",
    )


class PhaseEstimation(CircuitAlgorithm[PhaseInput]):
    """Estimates the phase that a gate gives its eigenstate."""

    name = "phase_estimation"
    title = "Phase estimation"
    description = (
        "Measures the phase that a quantum gate gives one of its eigenstates, digit by digit. The answer has "
        "the phase with its error, and the exact value. Many quantum algorithms are based on it."
    )
    use_case = (
        "Learning the building block of Shor's algorithm and of quantum chemistry, and comparing two "
        "circuits for it on a noisy backend."
    )
    classical_alternative = (
        "The gate is given by its angle, so its phase is known. For a matrix of up to some thousand rows, "
        "`numpy.linalg.eigvals` gives all phases at once, and exactly."
    )
    category = "Building blocks"
    input = PhaseInput
    output = PhaseAnswer

    def build(self, params: PhaseInput) -> QuantumCircuit:
        make = iterative if params.method == "iterative" else fourier
        return make(params.gate, params.angle, params.bits)

    def answer(self, params: PhaseInput, step: Step) -> PhaseAnswer:
        counts = step.counts(REGISTER)
        shots = sum(counts.values())
        size = 2**params.bits
        result = estimate({int(bits, 2): count for bits, count in counts.items()}, params.bits)
        exact = exact_phase(params.gate, params.angle)
        difference = (result.phase - exact + 0.5) % 1.0 - 0.5
        top = min(counts, key=lambda bits: (-counts[bits], bits))
        note = None
        summary = (
            f"The estimated phase is {result.phase:.5f} ± {result.error:.5f} turns; "
            f"the exact value is {exact:.5f}."
        )
        if not result.seen:
            summary = f"No phase could be read from {shots} shots; the exact value is {exact:.5f} turns."
            note = (
                "The outcomes are not distinguishable from chance: too much noise, or too few shots. Use "
                "fewer bits, more shots or a less noisy backend."
            )
        elif step.noisy and result.signal < 0.5:
            note = (
                f"Only about {result.signal:.0%} of the shots carry a signal; the rest is treated as random. "
                "The error does not include systematic errors of the device."
            )
        return PhaseAnswer(
            summary=summary,
            phase=result.phase,
            error=result.error,
            exact_phase=exact,
            difference=difference,
            most_frequent=PhaseOutcome(
                bitstring=top, phase=int(top, 2) / size, probability=counts[top] / shots
            ),
            resolution=1 / size,
            signal=result.signal,
            shots=shots,
            ideal=ideal(distribution(exact, np.arange(2**params.bits), params.bits)),
            note=note,
        )


algorithm = PhaseEstimation()
