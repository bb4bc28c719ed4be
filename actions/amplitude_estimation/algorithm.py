"""Input, PUBs and answer of amplitude estimation."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from actions.amplitude_estimation.circuit import amplified, bernoulli, uniform
from actions.amplitude_estimation.likelihood import Estimate, estimate
from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step

#: Decay a round above which most of the largest circuit's signal is noise.
DAMPED = 1.5


class AmplitudeInput(ActionInput):
    """What has an unknown probability, and how far to amplify it."""

    problem: Literal["bernoulli", "marked"] = Field(
        default="bernoulli",
        title="Problem",
        description="bernoulli: how probable is a yes, prepared with `probability`? marked: how many of all "
        "numbers of so many bits are in the set `marked`?",
    )
    probability: float = Field(
        default=0.2,
        ge=0,
        le=1,
        allow_inf_nan=False,
        title="Probability",
        description="Of the Bernoulli problem: what the estimate should find.",
    )
    qubits: int = Field(
        default=3, ge=1, le=4, title="Qubits", description="Of the marked set: bits of its numbers."
    )
    marked: list[Annotated[int, Field(ge=0, le=15)]] = Field(
        default=[1, 6],
        min_length=1,
        max_length=16,
        title="Marked numbers",
        description="Of the marked set: its numbers, all different, each below 2 to the power of the qubits.",
        json_schema_extra={"x-control": "list", "uniqueItems": True},
    )
    rounds: int = Field(
        default=4,
        ge=1,
        le=5,
        title="Rounds",
        description="Circuits beside the plain one, with 1, 2, 4, ... rounds of amplification: each more "
        "halves the error on a quiet machine, with a circuit twice as deep.",
    )

    @field_validator("marked")
    @classmethod
    def _fits(cls, marked: list[int], info: ValidationInfo) -> list[int]:
        if len(set(marked)) < len(marked):
            raise ValueError("has a number twice; give each once")
        qubits = info.data.get("qubits")
        if info.data.get("problem") == "marked" and qubits is not None and max(marked) >= 2**qubits:
            most = 2**qubits - 1
            raise ValueError(f"has {max(marked)}; {qubits} qubits hold at most {most}. Give more qubits")
        return marked


class AmplitudeEstimation(Algorithm[AmplitudeInput]):
    """Estimates a probability with fewer calls than sampling needs."""

    name = "amplitude_estimation"
    title = "Amplitude estimation"
    description = (
        "Estimates how probable an outcome is, by amplifying it for 0, 1, 2, 4, ... rounds and finding the "
        "one probability that explains all counts. Gives it with a confidence interval, beside the error "
        "that a classical Monte Carlo estimate with as many calls would have."
    )
    category = "Estimation"
    view = "convergence"
    input = AmplitudeInput

    def start(self, params: AmplitudeInput) -> Job:
        preparation, wanted = _problem(params)
        return Job([Pub(amplified(preparation, wanted, power)) for power in _powers(params)])

    def proceed(self, params: AmplitudeInput, step: Step) -> dict[str, Any]:
        """`{"summary", "note"?, "estimate", "lower", "upper", "exact", "error", "classical_error", "calls",
        "advantage", "decay", "powers", "hits", "shots", "convergence", "reference", "ideal"}`.

        `error` is half the 95 % interval, `classical_error` half of the one that a Monte Carlo estimate with
        as many `calls` of the preparation would have; `advantage` is how many times as many calls it would
        need.
        """
        powers = _powers(params)
        wanted = {place for place, part in enumerate(_problem(params)[1].data) if abs(part) > 0}
        hits, shots = [], []
        for number in range(len(powers)):
            counts = step.counts(pub=number)
            shots.append(sum(counts.values()))
            hits.append(sum(count for bits, count in counts.items() if int(bits, 2) in wanted))
        # A machine that has lost the state altogether shows all outcomes alike: of the one qubit, half are
        # wanted; of the numbers, as many as are looked for.
        floor = 0.5 if params.problem == "bernoulli" else None

        def found(first: int) -> Estimate:
            return estimate(powers[:first], hits[:first], shots[:first], step.noisy, floor)

        every = [found(first) for first in range(1, len(powers) + 1)]
        best = every[-1]
        exact = exact_probability(params)
        calls = sum((2 * power + 1) * out_of for power, out_of in zip(powers, shots, strict=True))
        error = (best.upper - best.lower) / 2
        # What is never seen is below 3 / calls with 95 % confidence (the rule of three).
        classical = max(1.96 * sqrt(exact * (1 - exact) / calls), 1.5 / calls)
        answer: dict[str, Any] = {
            "summary": f"The probability is {best.probability:.4f}, between {best.lower:.4f} and "
            f"{best.upper:.4f} with 95 % confidence; the exact value is {exact:.4f}. A classical estimate "
            f"with as many calls would be good to {classical:.4f}, this one to {error:.4f}.",
            "estimate": best.probability,
            "lower": best.lower,
            "upper": best.upper,
            "exact": exact,
            "error": error,
            "classical_error": classical,
            "calls": calls,
            "advantage": (classical / error) ** 2,
            "decay": best.decay,
            "powers": powers,
            "hits": hits,
            "shots": shots,
            "convergence": [{"step": number, "value": one.probability} for number, one in enumerate(every)],
            "reference": exact,
            "ideal": _ideal(params),
        }
        if step.noisy:
            notes = []
            if best.decay * powers[-1] > DAMPED:
                notes.append(
                    "Noise damped most of the amplified signal, so that the deeper circuits add little; "
                    "the fit takes that into account. Fewer rounds would do as well."
                )
            if not best.lower <= exact <= best.upper:
                notes.append(
                    "The exact value is outside the interval. That happens once in twenty times by chance; "
                    "or the device has systematic errors, of its readout for one, which the interval does "
                    "not cover."
                )
            if notes:
                answer["note"] = " ".join(notes)
        return answer


def exact_probability(params: AmplitudeInput) -> float:
    """What the estimate should be."""
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
