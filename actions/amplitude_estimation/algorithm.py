"""Input, PUBs and answer of amplitude estimation."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from actions.amplitude_estimation.answer import AmplitudeAnswer
from actions.amplitude_estimation.circuit import amplification_circuit, bernoulli, uniform
from actions.amplitude_estimation.likelihood import Estimate, estimate
from actions.framework.algorithm import Algorithm
from actions.framework.answer import ConvergencePoint
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step

#: Total decay above which most of the deepest circuit's signal is noise.
DAMPED = 1.5


class AmplitudeInput(ActionInput):
    """The outcome whose probability is estimated, and the number of amplification rounds."""

    problem: Literal["bernoulli", "marked"] = Field(
        default="bernoulli",
        title="Problem",
        description="bernoulli: the probability of a yes, prepared with `probability`. marked: the share of "
        "all numbers of this many bits that are in the set `marked`.",
    )
    probability: float = Field(
        default=0.2,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Probability",
        description="Bernoulli problem: the probability that is to be estimated.",
    )
    qubits: int = Field(
        default=3, ge=1, le=4, title="Qubits", description="Marked set: number of bits of its numbers."
    )
    marked: list[Annotated[int, Field(ge=0, le=15)]] = Field(
        default=[1, 6],
        min_length=1,
        max_length=16,
        title="Marked numbers",
        description="Marked set: its numbers, all different, each below 2 to the power of the qubits.",
        json_schema_extra={"x-control": "list", "uniqueItems": True},
    )
    rounds: int = Field(
        default=4,
        ge=1,
        le=5,
        title="Rounds",
        description="Number of circuits with 1, 2, 4, ... rounds of amplification. Without noise, one more "
        "halves the error, with a circuit twice as deep.",
    )

    @field_validator("marked")
    @classmethod
    def _validate_marked(cls, marked: list[int], info: ValidationInfo) -> list[int]:
        if len(set(marked)) < len(marked):
            raise ValueError("has a number twice; give each number once")
        qubits = info.data.get("qubits")
        if info.data.get("problem") == "marked" and qubits is not None and max(marked) >= 2**qubits:
            most = 2**qubits - 1
            raise ValueError(f"has {max(marked)}; {qubits} qubits hold at most {most}. Use more qubits")
        return marked


class AmplitudeEstimation(Algorithm[AmplitudeInput]):
    """Estimates a probability with fewer calls than sampling needs."""

    name = "amplitude_estimation"
    title = "Amplitude estimation"
    description = (
        "Estimates the probability of an outcome: amplifies it for 0, 1, 2, 4, ... rounds and finds the "
        "probability that explains all counts best. The answer has a confidence interval, and the error of "
        "a classical Monte Carlo estimate with the same number of calls."
    )
    use_case = (
        "Estimating the probability of an event with fewer evaluations than sampling, as in risk "
        "analysis. The built-in events are simple, so that the result can be checked."
    )
    classical_alternative = (
        "Both built-in problems have a formula, which gives the exact value at once. For other events, "
        "Monte Carlo sampling makes billions of cheap evaluations in the time in which today's devices "
        "make thousands, so needing fewer of them does not pay off yet."
    )
    category = "Estimation"
    view = "convergence"
    input = AmplitudeInput
    output = AmplitudeAnswer

    def start(self, params: AmplitudeInput) -> Job:
        preparation, wanted = _problem(params)
        return Job([Pub(amplification_circuit(preparation, wanted, power)) for power in _powers(params)])

    def proceed(self, params: AmplitudeInput, step: Step) -> AmplitudeAnswer:
        powers = _powers(params)
        wanted = {place for place, part in enumerate(_problem(params)[1].data) if abs(part) > 0}
        hits, shots = [], []
        for number in range(len(powers)):
            counts = step.counts(pub=number)
            shots.append(sum(counts.values()))
            hits.append(sum(count for bits, count in counts.items() if int(bits, 2) in wanted))
        # A fully depolarised state gives all outcomes equally often: half of those of one qubit are wanted;
        # of the numbers, the share that is marked.
        floor = 0.5 if params.problem == "bernoulli" else None

        def estimate_from(first: int) -> Estimate:
            return estimate(powers[:first], hits[:first], shots[:first], step.noisy, floor)

        estimates = [estimate_from(first) for first in range(1, len(powers) + 1)]
        best = estimates[-1]
        exact = exact_probability(params)
        calls = sum((2 * power + 1) * out_of for power, out_of in zip(powers, shots, strict=True))
        error = (best.upper - best.lower) / 2
        # An outcome that is never measured has a probability below 3 / calls with 95 % confidence.
        classical = max(1.96 * sqrt(exact * (1 - exact) / calls), 1.5 / calls)
        return AmplitudeAnswer(
            summary=f"The probability is {best.probability:.4f}, between {best.lower:.4f} and "
            f"{best.upper:.4f} with 95 % confidence; the exact value is {exact:.4f}. A classical estimate "
            f"with as many calls would have an error of {classical:.4f}, this one has {error:.4f}.",
            estimate=best.probability,
            lower=best.lower,
            upper=best.upper,
            exact=exact,
            error=error,
            classical_error=classical,
            calls=calls,
            advantage=(classical / error) ** 2,
            decay=best.decay,
            powers=powers,
            hits=hits,
            shots=shots,
            convergence=[
                ConvergencePoint(step=number, value=item.probability) for number, item in enumerate(estimates)
            ],
            reference=exact,
            ideal=_ideal(params),
            note=_note(best, powers[-1], exact) if step.noisy else None,
        )


def _note(best: Estimate, most: int, exact: float) -> str | None:
    """The effect of noise, in plain words; `most` is the number of rounds of the deepest circuit."""
    notes = []
    if best.decay * most > DAMPED:
        notes.append(
            "Noise damped most of the amplified signal, so the deeper circuits add little. The fit "
            "takes that into account. Fewer rounds would give the same."
        )
    if not best.lower <= exact <= best.upper:
        notes.append(
            "The exact value is outside the interval. By chance that happens in one of twenty runs. "
            "Otherwise the device has systematic errors, such as those of its readout, which the "
            "interval does not cover."
        )
    return " ".join(notes) or None


def exact_probability(params: AmplitudeInput) -> float:
    """Return the exact probability."""
    if params.problem == "bernoulli":
        return params.probability
    return float(len(params.marked) / 2**params.qubits)


def _problem(params: AmplitudeInput) -> tuple[QuantumCircuit, Statevector]:
    if params.problem == "bernoulli":
        return bernoulli(params.probability)
    return uniform(params.qubits, params.marked)


def _powers(params: AmplitudeInput) -> list[int]:
    return [0, *(2**number for number in range(params.rounds))]


def _ideal(params: AmplitudeInput) -> dict[str, float]:
    preparation, _ = _problem(params)
    return {bits: float(part) for bits, part in Statevector(preparation).probabilities_dict().items()}


algorithm = AmplitudeEstimation()
