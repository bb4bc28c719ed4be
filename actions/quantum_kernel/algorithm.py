"""Input, PUBs and answer of the quantum kernel."""

from __future__ import annotations

from itertools import combinations
from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.quantum_kernel.answer import KernelAnswer
from actions.quantum_kernel.circuit import Entanglement, outcomes, overlap, states
from actions.quantum_kernel.kernel import alignment, mitigate, nearest

#: Negative eigenvalues above this are rounding errors.
ROUNDING = 1e-9

#: A feature; angles beyond a turn or two only repeat.
Feature = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
Vector = Annotated[list[Feature], Field(min_length=2, max_length=6)]


class KernelInput(ActionInput):
    """The vectors to compare, and the feature map."""

    vectors: list[Vector] = Field(
        min_length=2,
        max_length=12,
        title="Vectors",
        description="2 to 12 vectors of 2 to 6 features each, all of the same length. Each feature needs a "
        "qubit. Scale features to about 0 to 3.",
        examples=[[[0.4, 1.2], [0.5, 1.1], [2.4, 0.3]]],
        json_schema_extra={"x-control": "matrix"},
    )
    reps: int = Field(
        default=2,
        ge=1,
        le=3,
        title="Repetitions",
        description="Number of repetitions of the feature map. More of them separate vectors more sharply.",
    )
    entanglement: Entanglement = Field(
        default="linear",
        title="Entanglement",
        description="Which features are multiplied: neighbours (linear) or all pairs (full, a deeper "
        "circuit).",
    )
    shots: int = Field(
        default=1024,
        ge=1,
        le=10_000,
        title="Shots",
        description="How many times the circuit of each pair is run.",
    )

    @field_validator("vectors")
    @classmethod
    def _validate_vectors(cls, vectors: list[list[float]]) -> list[list[float]]:
        for place, vector in enumerate(vectors, 1):
            if len(vector) != len(vectors[0]):
                raise ValueError(
                    f"vector {place} has {len(vector)} features, but the first has {len(vectors[0])}; "
                    "make them the same length"
                )
        return vectors


class QuantumKernel(Algorithm[KernelInput]):
    """Compares vectors by the overlap of their quantum states under a feature map."""

    name = "quantum_kernel"
    title = "Quantum kernel"
    description = (
        "Encodes each vector in a quantum state and measures the overlap of each pair. The answer has the "
        "kernel matrix for a support vector machine, and the exact one."
    )
    use_case = (
        "Experiments with quantum feature maps: `matrix` is what a support vector machine takes as a "
        "precomputed kernel."
    )
    classical_alternative = (
        "With up to 6 features a classical program computes the exact matrix, as the answer does. On "
        "ordinary data, a Gaussian kernel is usually as good or better, and takes microseconds."
    )
    category = "Machine learning"
    view = "matrix"
    input = KernelInput
    output = KernelAnswer

    def start(self, params: KernelInput) -> Job:
        circuit = overlap(len(params.vectors[0]), params.reps, params.entanglement)
        return Job(
            [
                Pub(circuit, [*params.vectors[first], *params.vectors[second]])
                for first, second in _pairs(params)
            ]
        )

    def proceed(self, params: KernelInput, step: Step) -> KernelAnswer:
        vectors, qubits = params.vectors, len(params.vectors[0])
        measured = np.eye(len(vectors))
        shots = 1
        for number, (first, second) in enumerate(_pairs(params)):
            counts = step.counts(pub=number)
            shots = sum(counts.values())
            measured[first, second] = measured[second, first] = counts.get("0" * qubits, 0) / shots
        amplitudes = states(vectors, params.reps, params.entanglement)
        exact = np.clip(np.abs(amplitudes.conj() @ amplitudes.T) ** 2, 0, 1)
        matrix = mitigate(measured, qubits) if _noisy(params) else measured
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        off = np.triu_indices(len(vectors), 1)
        difference = float(np.abs(matrix - exact)[off].max())
        definite = smallest >= -ROUNDING
        return KernelAnswer(
            summary=_summary(matrix, difference),
            matrix=matrix.tolist(),
            labels=[f"vector {place + 1}" for place in range(len(vectors))],
            exact_matrix=exact.tolist(),
            largest_difference=difference,
            expected_error=float(np.sqrt(exact * (1 - exact) / shots)[off].max()),
            alignment=alignment(matrix, exact),
            smallest_eigenvalue=smallest,
            positive_semidefinite=definite,
            ideal=outcomes(vectors[0], vectors[1], params.reps, params.entanglement),
            measured_matrix=measured.tolist() if _noisy(params) else None,
            nearest_kernel=None if definite else nearest(matrix).tolist(),
            note=_note(float(np.diag(measured).min()), qubits, smallest),
        )


def _noisy(params: KernelInput) -> bool:
    return params.backend_type != "simulator"


def _pairs(params: KernelInput) -> list[tuple[int, int]]:
    """The pairs of vectors, one for each PUB; with noise also the diagonal, which measures the noise."""
    places = range(len(params.vectors))
    pairs = list(combinations(places, 2))
    return pairs + [(place, place) for place in places] if _noisy(params) else pairs


def _note(kept: float, qubits: int, smallest: float) -> str | None:
    """Why the kernel is unreliable, in plain words.

    Args:
        kept: the smallest measured overlap of a vector with itself; 1 without noise.
        qubits: number of features.
        smallest: the smallest eigenvalue.
    """
    notes = []
    if kept < 2 * 2.0**-qubits or kept < 0.2:
        notes.append(
            f"Noise left only {kept:.0%} of a vector's overlap with itself, which should be 100 %: "
            "the kernel is only a rough estimate. Use fewer features, fewer repetitions "
            "or linear entanglement."
        )
    if smallest < -ROUNDING:
        notes.append(
            f"Chance and noise made the smallest eigenvalue {smallest:.3f}: not quite a kernel. "
            "nearest_kernel is one. More shots help."
        )
    return " ".join(notes) or None


def _summary(matrix: np.ndarray[Any, Any], difference: float) -> str:
    similarity = np.triu(matrix, 1) - np.tril(np.ones_like(matrix))
    first, second = divmod(int(np.argmax(similarity)), len(matrix))
    return (
        f"Of {len(matrix)} vectors, {first + 1} and {second + 1} are the most similar, with an overlap of "
        f"{matrix[first, second]:.3f}. The largest difference from the exact kernel is {difference:.3f}."
    )


algorithm = QuantumKernel()
