"""Input, circuit and answer of Grover's search."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from qiskit import QuantumCircuit

from actions.framework.algorithm import CircuitAlgorithm
from actions.framework.input import ActionInput
from actions.framework.job import Step
from actions.grover.answer import GroverAnswer, GroverOutcome
from actions.grover.circuit import grover, two_qubit_gates_per_iteration
from actions.grover.plan import GroverPlan, fidelity, plan
from actions.toolkit.outcomes import bitstring, format_list, ideal, percent

#: Maximum number of qubits: 256 elements.
MAX_QUBITS = 8
#: Maximum number of iterations: the optimum for one element in 256.
MAX_ITERATIONS = 12
#: Maximum number of outcomes in the answer, the most frequent first.
MAX_OUTCOMES = 16
#: Maximum number of elements in the summary.
MAX_NAMED = 4
#: Shares of the ideal gain over guessing: below the first, noise has removed most of the gain, below the
#: second all of it, and a note says so.
GAIN_SPOILT, GAIN_LOST = 0.5, 0.1

#: A number, or its bits.
Element = (
    Annotated[int, Field(ge=0, lt=2**MAX_QUBITS)]
    | Annotated[str, Field(max_length=MAX_QUBITS, pattern=r"^[01]+$")]
)


class GroverInput(ActionInput):
    """The size of the search space, and its marked elements."""

    qubits: int = Field(
        ge=1,
        le=MAX_QUBITS,
        title="Qubits",
        description="n, for a search in 2^n elements. Today's devices can run 3, some 4.",
        examples=[3],
    )
    marked: list[Element] = Field(
        min_length=1,
        max_length=2**MAX_QUBITS,
        title="Marked elements",
        description="The elements to find: numbers from 0 to 2^n - 1, or strings of n bits.",
        examples=[[5]],
        json_schema_extra={"uniqueItems": True, "x-control": "list"},
    )
    iterations: int | None = Field(
        default=None,
        ge=0,
        le=MAX_ITERATIONS,
        title="Iterations",
        description="Without a number, the optimum is used, which is smaller on a noisy backend.",
    )

    @field_validator("marked")
    @classmethod
    def _validate_marked(cls, marked: list[int | str], info: ValidationInfo) -> list[int | str]:
        qubits = info.data.get("qubits")
        if qubits is None:
            return marked  # qubits is invalid and has its own error
        for element in marked:
            if isinstance(element, int) and element >= 2**qubits:
                raise ValueError(
                    f"{element} is not one of the numbers 0 to {2**qubits - 1} of {qubits} qubits; "
                    'raise qubits, or, if these are bits, write them as a string, such as "101"'
                )
            if isinstance(element, str) and len(element) != qubits:
                raise ValueError(
                    f'"{element}" has {len(element)} bits; make it {qubits} bits, as many as there are qubits'
                )
        values = [_value(element) for element in marked]
        for place, value in enumerate(values):
            if value in values[:place]:
                raise ValueError(f"{marked[place]!r} is there twice; leave one out")
        return marked

    @property
    def elements(self) -> list[int]:
        """The marked elements as numbers."""
        return [_value(element) for element in self.marked]

    @cached_property
    def plan(self) -> GroverPlan:
        """The search; on a noisy backend, with the number of iterations that is best there."""
        spared = (
            1.0
            if self.backend_type == "simulator"
            else fidelity(two_qubit_gates_per_iteration(self.qubits, self.elements))
        )
        return plan(len(self.marked), 2**self.qubits, self.iterations, spared)


class Grover(CircuitAlgorithm[GroverInput]):
    """Finds marked elements."""

    name = "grover"
    title = "Grover search"
    description = (
        "Finds marked elements among up to 256 with few queries, each about all elements at once. The answer "
        "compares the success with that of a perfect device and with guessing."
    )
    use_case = (
        "Learning how a search gets by with about the square root of the queries, and how noise takes "
        "that gain away."
    )
    classical_alternative = (
        "The marked elements are part of the input, so there is nothing to find. A classical program "
        "searches 256 elements in microseconds. Large searches gain too little for today's devices: use "
        "an index, or a solver for constraints."
    )
    category = "Oracles"
    input = GroverInput
    output = GroverAnswer

    def build(self, params: GroverInput) -> QuantumCircuit:
        return grover(params.qubits, params.elements, params.plan)

    def answer(self, params: GroverInput, step: Step) -> GroverAnswer:
        counts = step.counts()
        shots = sum(counts.values())
        size = 2**params.qubits
        marked = params.elements
        search = params.plan
        order = sorted(counts, key=lambda outcome: (-counts[outcome], outcome))
        measured = [value for outcome in order if (value := int(outcome, 2)) in marked]
        missed = [value for value in marked if value not in measured]
        success = sum(counts[outcome] for outcome in order if int(outcome, 2) in marked) / shots
        guess = len(marked) / size
        return GroverAnswer(
            summary=_summary(params, measured, success, guess),
            found=measured,
            missed=missed,
            success_probability=success,
            ideal_success_probability=search.success,
            guess_probability=guess,
            iterations=search.iterations,
            quantum_queries=search.iterations,
            classical_queries=round((size + 1) / (len(marked) + 1), 1),
            outcomes=[
                GroverOutcome(
                    value=int(outcome, 2),
                    bitstring=outcome,
                    count=counts[outcome],
                    probability=counts[outcome] / shots,
                    marked=int(outcome, 2) in marked,
                )
                for outcome in order[:MAX_OUTCOMES]
            ],
            ideal=ideal(distribution(params)),
            note=_note(params, success, guess, step.noisy),
        )


def distribution(params: GroverInput) -> Any:
    """Return the probability of each element without noise; it depends only on whether it is marked."""
    size = 2**params.qubits
    marked = params.elements
    success = params.plan.success
    probabilities = np.full(size, (1 - success) / max(size - len(marked), 1))
    probabilities[marked] = success / len(marked)
    return probabilities


def _summary(params: GroverInput, measured: list[int], success: float, guess: float) -> str:
    wanted = [f"{value} ({bitstring(value, params.qubits)})" for value in params.elements]
    rate, by_guessing = percent(success), percent(guess)
    if len(wanted) == 1:
        return f"{wanted[0]} was found in {rate} of the shots; guessing finds it in {by_guessing}."
    what = format_list(wanted) if len(wanted) <= MAX_NAMED else f"the {len(wanted)} marked elements"
    seen = "All" if len(measured) == len(wanted) else len(measured)
    return (
        f"One of {what} was found in {rate} of the shots; guessing finds one in {by_guessing}. "
        f"{seen} of the {len(wanted)} were measured."
    )


def _note(params: GroverInput, success: float, guess: float, noisy: bool) -> str | None:
    search = params.plan
    best = plan(len(params.marked), 2**params.qubits)
    perfect = f"a perfect device with {best.iterations} iteration{'s' * (best.iterations != 1)} succeeds in"
    gain = best.success - guess
    if noisy and success - guess < GAIN_SPOILT * gain:
        lost = "all" if success - guess < GAIN_LOST * gain else "most"
        fewer = params.iterations is None and search.iterations < best.iterations
        ran = f"Only {search.iterations} ran, because more would be worse. " if fewer else ""
        return (
            f"Noise took {lost} of the gain: {perfect} {percent(best.success)} of the shots. {ran}"
            "With five qubits or more, the circuit is too deep for today's devices. Try fewer qubits or the "
            "noiseless simulator."
        )
    if params.iterations is not None and search.success < best.success - 0.05:
        return (
            f"This number of iterations finds a marked element in {percent(search.success)} of the shots at "
            f"best; {perfect} {percent(best.success)}. Leave iterations out for the best number."
        )
    return None


def _value(element: int | str) -> int:
    return element if isinstance(element, int) else int(element, 2)


algorithm = Grover()
