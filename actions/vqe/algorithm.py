"""Input, steps and answer of VQE."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, field_validator
from qiskit import QuantumCircuit

from actions.framework.hybrid import HybridAlgorithm, HybridInput, measured
from actions.framework.input import MAX_SHOTS
from actions.framework.job import Job, Pub, Step
from actions.toolkit.descent import SearchConfig, SearchState
from actions.vqe.answer import Ansatz, VqeAnswer
from actions.vqe.circuit import ansatz, ansatz_name, starting_angles
from actions.vqe.hamiltonian import H2, bases, exact_energy, is_real, lowest_bits, operator
from core.errors import InputError

MAX_QUBITS, MAX_TERMS = 8, 100
MAX_COEFFICIENT = 1_000.0
#: Maximum number of measurement bases of one point.
MAX_BASES = 40
#: Maximum points times bases of one job, and its minimum number of points.
MAX_MEASUREMENTS, MIN_POINTS = 128, 5
#: A quarter turn, which gives exact slopes; the maximum length of the first step; the tolerance as a fraction
#: of the sum of the coefficients' magnitudes.
SHIFT, RADIUS, TOLERANCE = math.pi / 2, 1.0, 5e-5
#: The last job measures only the energy, with this many times the shots.
LAST_SHOTS = 8

Label = Annotated[str, Field(min_length=1, max_length=MAX_QUBITS, pattern="^[IXYZ]+$")]
Coefficient = Annotated[float, Field(ge=-MAX_COEFFICIENT, le=MAX_COEFFICIENT, allow_inf_nan=False)]


class VqeInput(HybridInput):
    """A Hamiltonian, the depth of the circuit, and the length of the search."""

    terms: Annotated[
        list[Annotated[tuple[Label, Coefficient], Field(strict=False)]],
        Field(
            min_length=1,
            max_length=MAX_TERMS,
            title="Hamiltonian",
            description="Its terms, each as [Pauli string, coefficient]; all strings have the same "
            "length, 1 to 8 characters.",
            examples=[[[label, weight] for label, weight in H2]],
            json_schema_extra={"x-control": "terms"},
        ),
    ]
    layers: int = Field(
        default=1,
        ge=1,
        le=3,
        title="Layers",
        description="Layers of CNOTs in the trial circuit. More layers reach more states with more noise.",
    )

    @field_validator("terms")
    @classmethod
    def _validate_terms(cls, terms: list[tuple[str, float]]) -> list[tuple[str, float]]:
        labels = [label for label, _ in terms]
        for label in labels:
            if len(label) != len(labels[0]):
                raise ValueError(f"{label} and {labels[0]} have different lengths; pad with I")
            if labels.count(label) > 1:
                raise ValueError(f"{label} is there twice; add the coefficients up")
        if not any(label.strip("I") and weight for label, weight in terms):
            raise ValueError("there is nothing but the identity; add a term with X, Y or Z")
        return terms

    @property
    def hamiltonian(self) -> tuple[tuple[str, float], ...]:
        """The terms that are not zero."""
        return tuple((label, weight) for label, weight in self.terms if weight)

    @property
    def real(self) -> bool:
        """True if a real trial state is enough."""
        return is_real([label for label, _ in self.hamiltonian])


class Vqe(HybridAlgorithm[VqeInput]):
    """Searches for the angles of a trial circuit with the lowest measured energy."""

    name = "vqe"
    title = "VQE"
    description = (
        "Finds the lowest energy of a Hamiltonian, for example of a molecule. A shallow trial circuit is "
        "tuned step by step until its measured energy stops falling. The answer has this energy and the "
        "exact one."
    )
    use_case = (
        "Finding the lowest energy of a small molecule or magnet with a circuit that is short enough for "
        "today's devices."
    )
    classical_alternative = (
        "With up to 8 qubits, a classical program diagonalises the Hamiltonian in milliseconds: the exact "
        "energy in the answer. For larger molecules, methods such as coupled cluster are more accurate "
        "than today's devices."
    )
    category = "Chemistry"
    view = "convergence"
    input = VqeInput
    output = VqeAnswer

    def plan(self, params: VqeInput) -> SearchConfig:
        weight = math.fsum(abs(weight) for label, weight in params.hamiltonian if label.strip("I"))
        points = max(MIN_POINTS, MAX_MEASUREMENTS // bases(params.hamiltonian))
        return SearchConfig(SHIFT, RADIUS, points, params.max_steps, TOLERANCE * weight)

    def origin(self, params: VqeInput) -> Sequence[float]:
        terms = params.hamiltonian
        if (count := bases(terms)) > MAX_BASES:
            raise InputError(
                f"terms: must be measured in {count} bases; at most {MAX_BASES} are possible. Leave out "
                "terms.",
                field="terms",
            )
        return starting_angles(self._circuit(params), lowest_bits(terms))

    def trial(self, params: VqeInput, rows: Sequence[Sequence[float]]) -> Pub:
        return Pub(self._circuit(params), rows, operator(params.hamiltonian))

    def value(self, params: VqeInput, measured: float) -> float:
        return measured

    def last(self, params: VqeInput, search: SearchState) -> Job:
        shots = min(MAX_SHOTS, LAST_SHOTS * params.shots)
        return Job([self.trial(params, [search.centre, search.best])], shots=shots)

    def answer(self, params: VqeInput, step: Step, search: SearchState) -> VqeAnswer:
        """Return the lower energy.

        The last job measures the last and the best point of the search again with more shots.
        """
        result = step.pubs[0]
        energies = measured(result, 2)
        lower = energies.index(min(energies))
        energy, exact = energies[lower], exact_energy(params.hamiltonian)
        spreads = result.stds if isinstance(result.stds, list) else []
        uncertainty = float(spreads[lower]) if len(spreads) == 2 and spreads[lower] is not None else None
        circuit = self._circuit(params)
        return VqeAnswer(
            summary=_summary(energy, uncertainty, exact),
            energy=energy,
            uncertainty=uncertainty,
            exact_energy=exact,
            error=energy - exact,
            ansatz=Ansatz(
                name=ansatz_name(params.real),
                layers=params.layers,
                qubits=circuit.num_qubits,
                parameters=circuit.num_parameters,
            ),
            angles=[search.centre, search.best][lower],
            reference=exact,
            note=_note(energy - exact, uncertainty or 0.0) if step.noisy else None,
            convergence=self.convergence(params, search),
        )

    def _circuit(self, params: VqeInput) -> QuantumCircuit:
        return ansatz(len(params.terms[0][0]), params.layers, params.real)


def _summary(energy: float, uncertainty: float | None, exact: float) -> str:
    digits = 5
    if uncertainty:
        # Up to the first uncertain digit, and one more.
        digits = max(0, 1 - math.floor(math.log10(uncertainty)))
    about = f" ± {uncertainty:.{digits}f}" if uncertainty else ""
    return f"The lowest energy found is {energy:.{digits}f}{about}; the exact one is {exact:.{digits}f}."


def _note(error: float, uncertainty: float) -> str:
    """The effect of noise, in plain words."""
    mitigated = "Errors of readout are corrected; those of the gates are not, and mostly raise the energy."
    if abs(error) <= 2 * uncertainty:
        return f"This backend is noisy, but the error is within the statistical uncertainty. {mitigated}"
    return f"This backend is noisy, and the energy is off by {error:+.2g}. {mitigated}"


algorithm = Vqe()
