"""Shor's algorithm: its multiplications, the exact distribution, and factors from good and bad counts."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.framework.job import Job, Step
from actions.shor.algorithm import MAX_ATTEMPTS, ShorInput, algorithm
from actions.shor.circuit import REGISTER, multiplications, order_finding
from actions.shor.order import exact_order, factors, find_order, leads_to_factors, outcome_probabilities
from actions.shor.synthesis import SynthesisPlan, plan
from core.errors import InputError
from core.protocol import JobResult
from tests.actions.answers import answer_of
from tests.actions.theory import probabilities, step_of
from tests.examples import examples

NUMBERS = [15, 21, 33, 35, 39, 45, 51, 55, 57, 63]


def coprime(number: int) -> list[int]:
    return [base for base in range(2, number - 1) if gcd(base, number) == 1]


def theory(number: int, base: int, bits: int) -> dict[str, float]:
    """The distribution from the state itself: sum over k of |k>|base^k mod number>, Fourier transformed."""
    size = 2**bits
    table = np.zeros((number, size))
    for k in range(size):
        table[pow(base, k, number), k] = size**-0.5
    transformed = np.fft.fft(table, axis=1) / size**0.5
    weights = (np.abs(transformed) ** 2).sum(axis=0)
    return {
        f"{outcome:0{bits}b}": float(weights[outcome]) for outcome in range(size) if weights[outcome] > 1e-12
    }


# --- the circuit ------------------------------------------------------------------------------------


def applied(step: SynthesisPlan, number: int) -> int:
    """Return what the plan does to a number if the control is 1; if it is 0, nothing must change."""
    if step.change:
        number ^= (number >> step.change[0] & 1) << step.change[1]
    for flip in step.flips:
        assert not flip.product >> flip.target & 1, "a bit cannot control itself"
        if number & flip.product == flip.product:
            number ^= 1 << flip.target
    if step.change:
        number ^= (number >> step.change[0] & 1) << step.change[1]
    return number


def check_multiplications(number: int, base: int, bits: int) -> None:
    occurring = {1}
    for place, step in enumerate(multiplications(number, base, bits)):
        factor = pow(base, 2 ** (bits - 1 - place), number)
        if step is None:
            assert factor == 1
            continue
        for x in occurring:
            assert applied(step, x) == x * factor % number
        occurring |= {x * factor % number for x in occurring}


@pytest.mark.parametrize("number", [15, 21])
def test_every_multiplication_is_right_on_all_numbers_that_can_occur(number: int) -> None:
    for base in coprime(number):
        for bits in (3, 5, 6, 10):
            check_multiplications(number, base, bits)


@examples(15)
@given(st.data())
def test_larger_numbers_have_correct_multiplications_too(data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(NUMBERS))
    base = data.draw(st.sampled_from(coprime(number)))
    check_multiplications(number, base, data.draw(st.integers(3, 8)))


@given(st.permutations(range(8)), st.integers(1, 8))
def test_a_plan_multiplies_as_requested_or_is_none(order: list[int], size: int) -> None:
    pairs = tuple(zip(range(8), order, strict=True))[:size]
    steps = plan(pairs, 3)
    if steps is not None:
        assert [applied(steps, first) for first, _ in pairs] == [second for _, second in pairs]


@pytest.mark.parametrize(
    ("number", "base", "bits"), [(15, 7, 5), (15, 11, 4), (15, 2, 3), (21, 2, 5), (21, 8, 4), (33, 10, 3)]
)
def test_the_circuit_has_the_distribution_of_theory(number: int, base: int, bits: int) -> None:
    measured = probabilities(order_finding(number, base, bits), REGISTER)
    expected = theory(number, base, bits)
    assert set(measured) == set(expected)
    assert measured == pytest.approx(expected, abs=1e-9)


def test_it_has_one_control_qubit_and_few_gates() -> None:
    circuit = order_finding(15, 7, 8)
    assert circuit.num_qubits == 5
    gates = circuit.count_ops()
    assert gates["measure"] == 8
    assert gates["cx"] + gates["ccx"] <= 12
    assert "mcx" not in gates


@pytest.mark.parametrize(("number", "base"), [(15, 7), (21, 2), (21, 4), (35, 3)])
@pytest.mark.parametrize("bits", [4, 7])
def test_the_closed_form_of_an_order_is_that_of_the_state(number: int, base: int, bits: int) -> None:
    closed = outcome_probabilities(exact_order(number, base), np.arange(2**bits), bits)
    expected = theory(number, base, bits)
    assert closed == pytest.approx([expected.get(f"{m:0{bits}b}", 0.0) for m in range(2**bits)], abs=1e-9)


# --- from outcomes to factors -----------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_orders_and_factors_agree_with_arithmetic(number: int) -> None:
    for base in coprime(number):
        order = exact_order(number, base)
        assert pow(base, order, number) == 1
        assert all(pow(base, power, number) != 1 for power in range(1, order))
        assert order <= number // 2
        pair = factors(number, base, order)
        if pair is None:
            assert order % 2 or pow(base, order // 2, number) == number - 1
        else:
            assert pair[0] * pair[1] == number
            assert 1 < pair[0] <= pair[1]


@pytest.mark.parametrize("number", [15, 21, 33, 35])
@pytest.mark.parametrize("signal", [1.0, 0.3])
def test_the_order_is_found_for_every_base_even_with_noise(number: int, signal: float) -> None:
    bits = number.bit_length() + 1
    for base in coprime(number):
        rng = np.random.default_rng(base)
        order = exact_order(number, base)
        weights = signal * outcome_probabilities(order, np.arange(2**bits), bits) + (1 - signal) / 2**bits
        drawn = rng.multinomial(4096, weights / weights.sum())
        found = find_order({m: int(count) for m, count in enumerate(drawn) if count}, number, base, bits)
        assert found.order == order
        assert found.seen
        assert found.signal == pytest.approx(signal, abs=0.1)


def test_a_single_outcome_leads_to_factors_by_its_continued_fraction() -> None:
    # 3/4 and 1/4 give the order 4 of 7 modulo 15, 1/2 half of it, 0 nothing.
    assert [m for m in (0, 8, 16, 24) if leads_to_factors(m, 15, 7, 5)] == [8, 16, 24]
    # 11/64 is near 1/6, the order of 2 modulo 21; 1/7 would be 9/64.
    assert leads_to_factors(11, 21, 2, 6)
    assert not leads_to_factors(9, 21, 2, 6)
    # The powers of 5 modulo 21 lead to -1 for any measurement.
    assert not any(leads_to_factors(m, 21, 5, 6) for m in range(64))


# --- the algorithm ----------------------------------------------------------------------------------


def answered(counts: dict[int, int], noisy: bool = True, **values: Any) -> dict[str, Any]:
    params = ShorInput(**({"number": 15, "base": 7} | values))
    bits = params.bits or params.number.bit_length() + 1
    named = {f"{outcome:0{bits}b}": count for outcome, count in counts.items()}
    state = {"bases": [params.base], "attempts": []}
    return answer_of(
        algorithm.proceed(params, Step(0, JobResult(counts={REGISTER: named}), state, "x", noisy))
    )


@pytest.mark.parametrize(("number", "base", "pair"), [(15, 7, [3, 5]), (15, 11, [3, 5]), (21, 2, [3, 7])])
def test_a_perfect_machine_factors(number: int, base: int, pair: list[int]) -> None:
    params = ShorInput(number=number, base=base)
    answer = answer_of(algorithm.proceed(params, step_of(algorithm.start(params), shots=1024)))
    assert answer["factors"] == pair
    assert answer["summary"].startswith(f"{number} = {pair[0]} x {pair[1]}. ")
    assert answer["order"] == answer["exact_order"]
    assert "note" not in answer
    assert answer["ideal"] == pytest.approx(theory(number, base, answer["bits"]), abs=1e-9)


def test_a_base_that_leads_to_no_factors_is_reported_as_such() -> None:
    params = ShorInput(number=21, base=5, bits=5)
    answer = answer_of(algorithm.proceed(params, step_of(algorithm.start(params))))
    assert answer["factors"] is None
    assert "half of the order leads to -1. Try another base." in answer["summary"]


def test_without_a_base_others_are_tried_until_one_leads_to_factors() -> None:
    params = ShorInput(number=21)
    job = algorithm.start(params)
    assert job.state is not None
    bases = job.state["bases"]
    assert len(set(bases)) == MAX_ATTEMPTS
    assert all(gcd(base, 21) == 1 for base in bases)
    # 4 has the odd order 3, 5 leads to -1; 2 has the order 6.
    state: dict[str, Any] = {"bases": [4, 5, 2], "attempts": []}
    tried = []
    for number in range(3):
        result = step_of(algorithm.start(ShorInput(number=21, base=state["bases"][0])))
        reply = algorithm.proceed(params, Step(number, result.result, state, "x", False))
        if not isinstance(reply, Job):
            break
        assert reply == algorithm.proceed(params, Step(number, result.result, state, "x", False))
        assert reply.state is not None
        assert reply.progress is not None
        assert (reply.progress.step, reply.progress.of) == (number + 2, 3)
        assert reply.key == reply.state["bases"][0]
        tried.append(reply.key)
        state = reply.state
    assert tried == [5, 2]
    answer = answer_of(reply)
    assert answer["factors"] == [3, 7]
    assert [attempt["result"] for attempt in answer["attempts"]] == [
        "the order is odd",
        "half of the order leads to -1",
        "factors 3 and 7",
    ]


def test_if_no_base_leads_to_factors_all_are_listed() -> None:
    result = step_of(algorithm.start(ShorInput(number=21, base=5))).result
    before = [{"base": 4, "order": 3, "result": "the order is odd"}]
    step = Step(1, result, {"bases": [5], "attempts": before}, "x", False)
    answer = answer_of(algorithm.proceed(ShorInput(number=21), step))
    assert answer["summary"] == "No factors of 21 with any of 2 bases. Run it again for others."
    assert [attempt["base"] for attempt in answer["attempts"]] == [4, 5]


def test_pure_chance_is_not_attributed_to_the_algorithm() -> None:
    drawn = np.random.default_rng(2).multinomial(1024, np.full(32, 1 / 32))
    answer = answered({m: int(count) for m, count in enumerate(drawn) if count})
    assert "not distinguishable from chance" in answer["note"]
    assert "66% of the shots" in answer["note"]
    assert answer["success_rate"] == pytest.approx(answer["chance_rate"], abs=0.1)


def test_much_noise_is_reported_and_the_order_still_found() -> None:
    answer = answered(dict.fromkeys(range(32), 20) | dict.fromkeys((0, 8, 16, 24), 60))
    assert answer["factors"] == [3, 5]
    assert (
        "of the shots came through the noise. All outcomes together still give the order." in answer["note"]
    )


@given(st.dictionaries(st.integers(0, 31), st.integers(1, 10**5), min_size=1))
def test_any_counts_give_right_factors_or_none(counts: dict[int, int]) -> None:
    answer = answered(counts)
    assert answer["factors"] in (None, [3, 5])
    assert 0 <= answer["signal"] <= 1
    assert 0 <= answer["success_rate"] <= 1


@pytest.mark.parametrize("state", [None, {}, {"bases": [], "attempts": []}, {"bases": [3], "attempts": []}])
def test_a_step_without_its_bases_is_refused(state: dict[str, Any] | None) -> None:
    step = Step(0, JobResult(counts={REGISTER: {"00000": 1}}), state, "x", False)
    with pytest.raises(InputError, match="has no bases left"):
        algorithm.proceed(ShorInput(number=15), step)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"number": 14}, "number", "is even: 14 = 2 x 7"),
        ({"number": 13}, "number", "is prime"),
        ({"number": 27}, "number", "is a power of 3"),
        ({"number": 49}, "number", "is a power of 7"),
        ({"number": 3}, "number", "greater than or equal to 4"),
        ({"number": 65}, "number", "less than or equal to 63"),
        ({"number": 15, "base": 6}, "base", "has the factor 3 in common with 15: 15 = 3 x 5"),
        ({"number": 15, "base": 14}, "base", "between 2 and 13"),
        ({"number": 15, "base": 16}, "base", "between 2 and 13"),
        ({"number": 15, "base": 1}, "base", "greater than or equal to 2"),
        ({"number": 15, "bits": 2}, "bits", "greater than or equal to 3"),
    ],
)
def test_a_number_that_needs_no_quantum_computer_is_refused_with_the_reason(
    values: dict[str, Any], field: str, words: str
) -> None:
    [problem] = algorithm.main(values)["error"]["details"]["errors"]
    assert problem["field"] == field
    assert words in problem["message"]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_that_the_form_names_is_accepted(number: int) -> None:
    assert ShorInput(number=number).number == number
    assert str(number) in ShorInput.model_json_schema()["properties"]["number"]["description"]
