"""The quantum Fourier transform and its measured spectrum."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.job import Step
from actions.quantum_fourier_transform.answer import FourierAnswer, SpectrumPeak
from actions.quantum_fourier_transform.circuit import fourier_circuit, spectrum
from actions.quantum_fourier_transform.input import FourierInput
from actions.toolkit.outcomes import bitstring, format_list, frequencies, ideal, percent

#: Maximum number of peaks in the answer.
MAX_PEAKS = 16
#: An outcome is a peak if it is at least this share of the likeliest.
PEAK = 0.4
#: Standard deviations by which a peak must exceed one and a half times a flat spectrum.
DEVIATIONS = 5.0
#: Share of the way from a flat spectrum to the exact one, below which noise is worth a note.
SPOILT = 0.5
#: Shots for each likely outcome, below which a spectrum is rough.
ENOUGH = 16


class QuantumFourierTransform(CircuitAlgorithm[FourierInput]):
    """Transforms a state and measures its spectrum."""

    name = "quantum_fourier_transform"
    title = "Quantum Fourier transform"
    description = (
        "Transforms the amplitudes of a quantum state into their spectrum and measures it. A periodic state "
        "has peaks. The answer compares the measured spectrum with the exact discrete Fourier transform."
    )
    use_case = (
        "Seeing the transform behind Shor's algorithm and phase estimation at work, on a state of your "
        "choice."
    )
    classical_alternative = (
        "To analyse data, use `numpy.fft`: it returns the whole spectrum of a million values in a moment. "
        "Here each shot returns one frequency at random, and the data must be loaded with about as many "
        "gates as it has values."
    )
    category = "Transforms"
    input = FourierInput
    output = FourierAnswer

    def build(self, params: FourierInput) -> QuantumCircuit:
        return fourier_circuit(params.preparation, params.inverse)

    def answer(self, params: FourierInput, step: Step) -> FourierAnswer:
        exact = spectrum(params.given.amplitudes, params.inverse)
        bits = len(exact).bit_length() - 1
        seen = frequencies(step.counts(), bits)
        shots = int(seen.sum())
        measured = seen / shots
        fidelity = _fidelity(measured, exact)
        peaks = _peaks(measured, shots)
        # The number of equally likely outcomes of a spectrum with the same concentration.
        likely = round(1 / float(np.square(exact).sum()))
        summary = [
            _describe_peaks(peaks, likely, params),
            f"The measured spectrum agrees with the exact one by {percent(fidelity)}.",
        ]
        if params.given.changes:
            summary.append(params.given.changes)
        note = None
        flat = _fidelity(np.full(len(exact), 1 / len(exact)), exact)
        if step.noisy and flat < 1 - 1e-6 and fidelity - flat < SPOILT * (1 - flat):
            note = (
                "Noise flattened the spectrum. Try a state that is easier to prepare (a period that is a "
                "power of two), fewer qubits, or the noiseless simulator."
            )
        elif shots < ENOUGH * likely:
            note = (
                f"{shots} shots are few for about {likely} likely outcomes, so the spectrum is rough; take "
                "more of them."
            )
        return FourierAnswer(
            summary=" ".join(summary),
            peaks=[
                SpectrumPeak(
                    value=value,
                    bitstring=bitstring(value, bits),
                    probability=float(measured[value]),
                    ideal_probability=float(exact[value]),
                )
                for value in peaks[:MAX_PEAKS]
            ],
            fidelity=fidelity,
            qubits=bits,
            ideal=ideal(exact),
            changes=params.given.changes or None,
            note=note,
        )


def _fidelity(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return min(1.0, float(np.sqrt(one * other).sum() ** 2))


def _peaks(measured: NDArray[np.float64], shots: int) -> list[int]:
    """The outcomes almost as frequent as the most frequent one, and too frequent for a flat spectrum."""
    flat = 1 / len(measured)
    least = max(PEAK * float(measured.max()), 1.5 * flat + DEVIATIONS * math.sqrt(flat / shots))
    order = np.argsort(-measured, kind="stable")
    return [int(value) for value in order if measured[value] >= least]


def _describe_peaks(peaks: list[int], likely: int, params: FourierInput) -> str:
    if not peaks:
        return f"The spectrum is spread over about {likely} outcomes without clear peaks."
    if len(peaks) == 1:
        text = f"The spectrum has a peak at {peaks[0]}"
    elif len(peaks) <= MAX_PEAKS:
        text = f"The spectrum has peaks at {format_list(sorted(peaks))}"
    else:
        text = f"The spectrum has {len(peaks)} peaks"
    if params.state == "periodic" and 1 < params.period <= len(params.given.amplitudes) / 2:
        distance = len(params.given.amplitudes) / params.period
        text += f"; those of period {params.period} are near the multiples of {distance:.4g}"
    return f"{text}."


algorithm = QuantumFourierTransform()
