"""Input, circuit and answer of random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.random_number import budget
from actions.random_number.answer import RandomNumberAnswer
from actions.random_number.circuit import coins
from actions.random_number.extraction import debiased_bits, integers, raw_bits, values_in_random_order
from actions.toolkit.outcomes import times
from core.simulators import is_simulated

#: Maximum number of numbers, or bytes, of one run.
MAX_COUNT = 500
#: Smallest and largest number; a range of 31 bits.
MIN_NUMBER, MAX_NUMBER = -1_000_000_000, 1_000_000_000
#: Enough for the most numbers of the largest range on a noisy backend. Every shot has a different outcome:
#: so many give a result of 560 kB.
MAX_SHOTS = 15_000
#: Maximum number of numbers in the summary.
MAX_LISTED = 5


class RandomNumberInput(ActionInput):
    """The range of the numbers, and how many."""

    kind: Literal["integers", "bytes"] = Field(
        default="integers",
        title="Kind",
        description="Integers in a range, or bytes as two hexadecimal digits each.",
    )
    count: int = Field(
        default=10,
        ge=1,
        le=MAX_COUNT,
        title="Count",
        description="Number of random numbers or bytes.",
    )
    low: int = Field(
        default=1,
        ge=MIN_NUMBER,
        le=MAX_NUMBER,
        title="Lowest",
        description="The smallest possible number; not used for bytes.",
    )
    high: int = Field(
        default=6,
        validate_default=True,
        ge=MIN_NUMBER,
        le=MAX_NUMBER,
        title="Highest",
        description="The largest possible number, above the smallest; not used for bytes.",
    )
    shots: int = Field(
        default=MAX_SHOTS,
        ge=1,
        le=MAX_SHOTS,
        title="Maximum shots",
        description="Maximum number of shots. The job has only as many as the numbers need.",
    )

    @field_validator("high")
    @classmethod
    def _validate_high(cls, high: int, info: ValidationInfo) -> int:
        low = info.data.get("low")
        if low is not None and info.data.get("kind") == "integers" and high <= low:
            raise ValueError(f"is {high}, but low is {low}; make high larger than low")
        return high

    @property
    def size(self) -> int:
        """The number of different numbers."""
        return 256 if self.kind == "bytes" else self.high - self.low + 1

    @property
    def noisy(self) -> bool:
        """Whether the qubits may be biased."""
        return self.backend_type != "simulator"


class RandomNumber(Algorithm[RandomNumberInput]):
    """Measures qubits and makes numbers from their bits."""

    name = "random_number"
    title = "Random numbers"
    description = (
        "Random integers in a range, or random bytes, from measured qubits. All are equally likely: on noisy "
        "backends the bias of the qubits is removed from the bits."
    )
    use_case = "Random numbers from the measurement of qubits, on hardware."
    classical_alternative = (
        "For simulations use `numpy.random`, for keys `secrets` or the operating system: they are free, "
        "immediate and well examined. A simulator computes its numbers as any program does. The numbers "
        "pass through this service, so do not use them as secrets."
    )
    category = "Basics"
    view = "values"
    input = RandomNumberInput
    output = RandomNumberAnswer

    def start(self, params: RandomNumberInput) -> Job:
        needed = budget.shots(params.size, params.count, params.noisy)
        return Job([Pub(coins())], shots=min(needed, params.shots))

    def proceed(self, params: RandomNumberInput, step: Step) -> RandomNumberAnswer:
        shots = values_in_random_order(step.counts())
        measured = sum(1 for _ in raw_bits(shots))
        bits = list(debiased_bits(shots) if params.noisy else raw_bits(shots))
        numbers = integers(iter(bits), params.size, params.count)
        values: list[int] | list[str]
        if params.kind == "bytes":
            values = [f"{number:02x}" for number in numbers]
        else:
            values = [params.low + number for number in numbers]
        return RandomNumberAnswer(
            summary=_summary(params, values),
            values=values,
            debiased=params.noisy,
            ones=sum(raw_bits(shots)) / measured if measured else 0.5,
            bits_measured=measured,
            bits_left=len(bits),
            hex="".join(f"{number:02x}" for number in numbers) if params.kind == "bytes" else None,
            note=" ".join(_notes(params, step.backend, len(values))) or None,
        )


def _summary(params: RandomNumberInput, values: list[int] | list[str]) -> str:
    if not values:
        return "No random number was made."
    if params.kind == "bytes":
        many = times(len(values), "random byte")
    else:
        many = f"{times(len(values), 'random number')} from {params.low:,} to {params.high:,}"
    first = ", ".join(str(value) for value in values[:MAX_LISTED])
    return f"{many}: {first}." if len(values) <= MAX_LISTED else f"{many}, the first of them {first}."


def _notes(params: RandomNumberInput, backend: str, result: int) -> Iterator[str]:
    if result < params.count:
        yield (
            f"Only {result:,} of the {params.count:,} requested: the shots did not give more random "
            "bits. Allow more shots, or ask for fewer numbers."
        )
    if params.backend_type != "hardware":
        yield (
            "A simulator computes its random numbers, as any computer does. For unpredictable numbers, use "
            "hardware."
        )
    elif is_simulated(backend):
        yield (
            f"The device {backend} is simulated: a program computed these numbers. For unpredictable "
            "numbers, use a real device."
        )


algorithm = RandomNumber()
