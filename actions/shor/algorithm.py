"""Input, jobs and answer of Shor's algorithm."""

from __future__ import annotations

import secrets
from math import gcd, isqrt
from typing import Any

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from actions.framework.algorithm import Algorithm
from actions.framework.input import ActionInput
from actions.framework.job import Job, Pub, Step
from actions.shor.answer import ShorAnswer, ShorAttempt
from actions.shor.circuit import REGISTER, order_finding
from actions.shor.order import (
    FoundOrder,
    exact_order,
    factors,
    find_order,
    leads_to_factors,
    outcome_probabilities,
)
from actions.toolkit.outcomes import ideal
from core.errors import InputError
from core.protocol import Progress

#: Maximum number of bases, one job each, if the caller gives none.
MAX_ATTEMPTS = 6


class ShorInput(ActionInput):
    """The number to factor."""

    number: int = Field(
        ge=4,
        le=63,
        title="Number",
        description="The number to factor: 15, 21, 33, 35, 39, 45, 51, 55, 57 or 63, odd and with two "
        "different prime factors.",
        examples=[15],
    )
    base: int | None = Field(
        default=None,
        ge=2,
        le=61,
        title="Base",
        description="The number whose order is found. It has no common factor with the number. Without a "
        "base, up to six random ones are tried until one gives the factors.",
    )
    bits: int | None = Field(
        default=None,
        ge=3,
        le=12,
        title="Bits",
        description="Number of binary digits of the measured phase; by default one more than the number has. "
        "Fewer bits make a shallower circuit, more bits distinguish large orders.",
    )

    @field_validator("number")
    @classmethod
    def _validate_number(cls, number: int) -> int:
        if number % 2 == 0:
            raise ValueError(f"{number} is even: {number} = 2 x {number // 2}. Give an odd number")
        small = next((divisor for divisor in range(3, isqrt(number) + 1, 2) if number % divisor == 0), None)
        if small is None:
            raise ValueError(f"{number} is prime and has no factors. Give a number that has")
        if _is_power(number, small):
            raise ValueError(f"{number} is a power of {small}, as taking roots shows. Give another number")
        return number

    @field_validator("base")
    @classmethod
    def _validate_base(cls, base: int | None, info: ValidationInfo) -> int | None:
        number = info.data.get("number")
        if base is None or number is None:
            return base
        if base >= number - 1:
            raise ValueError(f"must be between 2 and {number - 2}")
        if (shared := gcd(base, number)) > 1:
            raise ValueError(
                f"has the factor {shared} in common with {number}: {number} = {shared} x {number // shared}, "
                "so no order is needed. Use a base without a common factor"
            )
        return base


class Shor(Algorithm[ShorInput]):
    """Factors a number by the order of another number modulo it."""

    name = "shor"
    title = "Shor's factoring"
    description = (
        "Factors a small number. A quantum circuit finds the period with which the powers of another number "
        "repeat modulo it, and the factors follow. The answer separates the contribution of the circuit "
        "from chance."
    )
    use_case = (
        "Learning how a period leads to factors. The answer separates what the circuit contributes from "
        "chance."
    )
    classical_alternative = (
        "A classical program factors numbers up to 63 at once, and numbers of 100 decimal digits within "
        "hours. The numbers that protect data today have over 600 digits: for these, about a million "
        "qubits would be needed, and there are some hundreds."
    )
    category = "Arithmetic"
    input = ShorInput
    max_jobs = MAX_ATTEMPTS
    output = ShorAnswer

    def start(self, params: ShorInput) -> Job:
        if params.base is not None:
            return _job(params, [params.base], [])
        coprime = [base for base in range(2, params.number - 1) if gcd(base, params.number) == 1]
        bases = secrets.SystemRandom().sample(coprime, MAX_ATTEMPTS)
        return _job(params, bases, [])

    def proceed(self, params: ShorInput, step: Step) -> Job | ShorAnswer:
        bases, attempts = _read_state(params, step)
        base, bits = bases[0], _bits(params)
        counts = {int(outcome, 2): count for outcome, count in step.counts(REGISTER).items()}
        result = find_order(counts, params.number, base, bits)
        pair = factors(params.number, base, result.order)
        attempts = [
            *attempts,
            {"base": base, "order": result.order, "result": _describe_result(result, pair)},
        ]
        if pair is None and len(bases) > 1:
            return _job(params, bases[1:], attempts)
        tried = [ShorAttempt.model_validate(attempt) for attempt in attempts]
        return _answer(params, tried, counts, result, pair)


def _job(params: ShorInput, bases: list[int], attempts: list[dict[str, Any]]) -> Job:
    circuit = order_finding(params.number, bases[0], _bits(params))
    state = {"bases": bases, "attempts": attempts}
    several = len(attempts) + len(bases) > 1
    progress = Progress(step=len(attempts) + 1, of=len(attempts) + len(bases)) if several else None
    return Job([Pub(circuit)], state=state, progress=progress, key=bases[0])


def _read_state(params: ShorInput, step: Step) -> tuple[list[int], list[dict[str, Any]]]:
    state = step.state or {}
    bases, attempts = state.get("bases") or [], state.get("attempts")
    coprime = all(isinstance(base, int) and gcd(base, params.number) == 1 for base in bases)
    if not bases or not coprime or not isinstance(attempts, list):
        raise InputError("step.state: has no bases left.", field="step")
    return bases, attempts


def _bits(params: ShorInput) -> int:
    return params.bits or params.number.bit_length() + 1


def _is_power(number: int, prime: int) -> bool:
    while number % prime == 0:
        number //= prime
    return number == 1


def _describe_result(result: FoundOrder, pair: tuple[int, int] | None) -> str:
    if pair is not None:
        return f"factors {pair[0]} and {pair[1]}"
    if result.order is None:
        return "no order found"
    return "the order is odd" if result.order % 2 else "half of the order leads to -1"


def _answer(
    params: ShorInput,
    attempts: list[ShorAttempt],
    counts: dict[int, int],
    result: FoundOrder,
    pair: tuple[int, int] | None,
) -> ShorAnswer:
    number, bits, base = params.number, _bits(params), attempts[-1].base
    shots = sum(counts.values())
    success = sum(count for outcome, count in counts.items() if leads_to_factors(outcome, number, base, bits))
    chance = sum(leads_to_factors(outcome, number, base, bits) for outcome in range(2**bits)) / 2**bits
    order = exact_order(number, base)
    if pair is not None:
        summary = (
            f"{number} = {pair[0]} x {pair[1]}. The powers of {base} modulo {number} repeat after "
            f"{result.order}."
        )
    elif len(attempts) > 1:
        summary = f"No factors of {number} with any of {len(attempts)} bases. Run it again for others."
    elif result.order is not None:
        summary = (
            f"No factors of {number}: the powers of {base} repeat after {result.order}, and "
            f"{attempts[-1].result}. Try another base."
        )
    else:
        summary = f"No factors of {number}: no order could be read from the outcomes."
    note = None
    if not result.seen:
        note = (
            f"The {shots} outcomes are not distinguishable from chance: too much noise, or too few shots. "
            + ("The factors are correct, which was checked, but " if pair else "Even so, ")
            + f"random outcomes would lead to them in {chance:.0%} of the shots. Fewer bits make a shallower "
            "circuit."
        )
    elif result.signal < 0.5:
        more = (
            "All outcomes together still give the order."
            if result.order
            else "More shots or fewer bits may help."
        )
        note = f"About {result.signal:.0%} of the shots came through the noise. {more}"
    return ShorAnswer(
        summary=summary,
        factors=None if pair is None else list(pair),
        number=number,
        base=base,
        order=result.order,
        exact_order=order,
        attempts=attempts,
        success_rate=success / shots,
        chance_rate=chance,
        signal=result.signal,
        bits=bits,
        shots=shots,
        ideal=ideal(outcome_probabilities(order, np.arange(2**bits), bits)),
        note=note,
    )


algorithm = Shor()
