"""random_number: fair coins, an order among shots, and numbers without bias from biased qubits."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import StabilizerState
from scipy.stats import binom, chi2  # type: ignore[import-untyped]

from actions.framework.input import validated
from actions.framework.job import Step
from actions.random_number import budget
from actions.random_number.algorithm import (
    MAX_COUNT,
    MAX_NUMBER,
    MAX_SHOTS,
    MIN_NUMBER,
    RandomNumberInput,
    algorithm,
)
from actions.random_number.circuit import ORDER_QUBITS, VALUE_QUBITS, coins
from actions.random_number.extraction import debiased_bits, integers, raw_bits, values_in_random_order
from core.errors import InputError
from core.protocol import MAX_EVENT_BYTES, JobResult
from tests.actions.cases import random_number as case
from tests.actions.theory import probabilities

WIDTH = ORDER_QUBITS + VALUE_QUBITS


def measured(shots: int, seed: int, ones: Any = 0.5) -> dict[str, int]:
    """The counts of so many shots of qubits that give 1 with these probabilities."""
    random = np.random.default_rng(seed)
    bits = random.random((shots, WIDTH)) < ones
    return dict(Counter("".join("1" if bit else "0" for bit in row) for row in bits))


def answered(counts: dict[str, int], on: str = "somewhere", **values: Any) -> dict[str, Any]:
    params = RandomNumberInput(**values)
    step = Step(0, JobResult(counts={"meas": counts}), None, on, params.noisy)
    answer = algorithm.proceed(params, step).as_dict()
    json.dumps(answer, allow_nan=False)
    return answer


# --- the circuit -----------------------------------------------------------------------------------


def test_every_outcome_is_equally_likely() -> None:
    every = ["".join(bits) for bits in itertools.product("01", repeat=5)]
    assert probabilities(coins(3, 2)) == pytest.approx(dict.fromkeys(every, 1 / 32))


def test_also_of_all_the_qubits() -> None:
    circuit = coins()
    assert circuit.depth() == 2
    state = StabilizerState(circuit.remove_final_measurements(inplace=False))
    for outcome in ("0" * WIDTH, "1" * WIDTH, "01" * (WIDTH // 2)):
        seen = state.probabilities_dict_from_bitstring(outcome_bitstring=outcome)
        assert seen == {outcome: 2.0**-WIDTH}


# --- the order -------------------------------------------------------------------------------------


def test_shots_come_in_the_order_of_their_places_and_ties_are_left_out() -> None:
    counts = {"10" + "0111": 1, "00" + "1000": 1, "01" + "0001": 2, "11" + "0011": 1, "11" + "0100": 1}
    assert values_in_random_order(counts, value=4) == [8, 7]


def test_the_order_has_nothing_to_do_with_the_values() -> None:
    """Every order of three values is equally likely, over all places that they may have had."""
    seen: Counter[tuple[int, ...]] = Counter()
    for places in itertools.product(range(8), repeat=3):
        counts = Counter(f"{place:03b}{value:02b}" for place, value in zip(places, (1, 2, 3), strict=True))
        seen[tuple(values_in_random_order(counts, value=2))] += 1
    orders = [seen[order] for order in itertools.permutations((1, 2, 3))]
    assert orders == [math.comb(8, 3)] * 6


# --- the bits --------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.05, 0.95), min_size=3, max_size=3))
def test_of_two_shots_von_neumanns_bits_are_exactly_fair_and_independent(ones: list[float]) -> None:
    """All pairs of outcomes with their exact probabilities, each qubit with a bias of its own."""

    def weight(value: int) -> float:
        return math.prod(p if value >> qubit & 1 else 1 - p for qubit, p in enumerate(ones))

    found: dict[tuple[int, ...], float] = {}
    for first, second in itertools.product(range(8), repeat=2):
        bits = tuple(debiased_bits([first, second], 3))
        found[bits] = found.get(bits, 0) + weight(first) * weight(second)
    for length in (1, 2, 3):
        parts = [found[bits] for bits in itertools.product((0, 1), repeat=length)]
        assert parts == pytest.approx([parts[0]] * len(parts))


def test_raw_bits_are_all_bits_and_the_odd_shot_has_no_partner() -> None:
    assert list(raw_bits([0b011, 0b100], 3)) == [1, 1, 0, 0, 0, 1]
    assert list(debiased_bits([0b01, 0b10, 0b11], 2)) == [1, 0]


def test_biased_qubits_give_fair_bits() -> None:
    ones = np.linspace(0.2, 0.7, WIDTH)
    shots = values_in_random_order(measured(4000, 5, ones))
    biased, fair = list(raw_bits(shots)), list(debiased_bits(shots))
    assert abs(np.mean(biased) - 0.5) > 7 * 0.5 / math.sqrt(len(biased)), "nothing to take out"
    assert abs(np.mean(fair) - 0.5) < 6.5 * 0.5 / math.sqrt(len(fair))


# --- the numbers -----------------------------------------------------------------------------------


@given(st.integers(2, 40))
def test_over_all_bits_every_number_comes_equally_often(size: int) -> None:
    width = (size - 1).bit_length()
    seen = Counter(
        number for bits in itertools.product((0, 1), repeat=width) for number in integers(iter(bits), size, 1)
    )
    assert seen == Counter(range(size))


@given(st.lists(st.integers(0, 1), max_size=200), st.integers(2, 300), st.integers(1, 20))
def test_never_more_than_asked_for_and_all_in_range(bits: list[int], size: int, count: int) -> None:
    found = integers(iter(bits), size, count)
    assert len(found) <= count
    assert all(0 <= number < size for number in found)


@pytest.mark.parametrize(("backend_type", "ones"), [("simulator", 0.5), ("hardware", 0.42)])
def test_the_numbers_are_uniform(backend_type: str, ones: float) -> None:
    """Chi-squared over 20 runs of a die, on a perfect backend and on a biased one."""
    values: dict[str, Any] = {"backend_type": backend_type, "count": MAX_COUNT}
    shots = algorithm.start(RandomNumberInput(**values)).shots
    assert shots is not None
    rolled: Counter[int] = Counter()
    for seed in range(20):
        rolled.update(answered(measured(shots, seed, ones), **values)["values"])
    expected = 20 * MAX_COUNT / 6
    statistic = sum((rolled[face] - expected) ** 2 / expected for face in range(1, 7))
    assert statistic < chi2.isf(1e-10, 5)


# --- the shots -------------------------------------------------------------------------------------


@given(st.integers(1, 10**5), st.floats(0.3, 1))
def test_the_margin_is_what_it_says(wanted: int, probability: float) -> None:
    tries = budget.trials(wanted, probability)
    assert binom.cdf(wanted - 1, tries, probability) < 1e-9
    # And it is not a waste: without the margin one would do with little less.
    assert tries <= wanted / probability + 2 * budget.MARGIN * math.sqrt(wanted) / probability + 200


@pytest.mark.parametrize("size", [2, 5, 6, 256, 2**30 + 1, MAX_NUMBER - MIN_NUMBER + 1])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("count", [1, 30])
def test_the_shots_suffice(size: int, noisy: bool, count: int) -> None:
    shots = budget.shots(size, count, noisy)
    for seed in range(5):
        values = values_in_random_order(measured(shots, seed, 0.6 if noisy else 0.5))
        bits = debiased_bits(values) if noisy else raw_bits(values)
        assert len(integers(bits, size, count)) == count


def test_the_most_that_can_be_asked_for_fits() -> None:
    worst = max(budget.shots(size, MAX_COUNT, True) for size in (2**30 + 1, MAX_NUMBER - MIN_NUMBER + 1, 257))
    assert worst <= MAX_SHOTS
    assert MAX_SHOTS * (WIDTH + len('"":1,')) < 0.6 * MAX_EVENT_BYTES


@pytest.mark.parametrize(("wanted", "taken"), [(3, 3), (MAX_SHOTS, budget.shots(6, 10, False))])
def test_the_callers_shots_are_a_bound(wanted: int, taken: int) -> None:
    assert algorithm.start(RandomNumberInput(shots=wanted)).shots == taken


# --- the answer ------------------------------------------------------------------------------------


@pytest.mark.parametrize("noisy", [False, True])
def test_the_case_that_runs_end_to_end(noisy: bool) -> None:
    values = case.VALUES | ({"backend_type": "hardware"} if noisy else {})
    shots = algorithm.start(RandomNumberInput(**values)).shots
    assert shots is not None
    case.check(answered(measured(shots, 3), **values), noisy)


def test_bytes_are_told_in_hexadecimal() -> None:
    counts = {f"{place:016b}{value:016b}": 1 for place, value in enumerate((0x1234, 0xFF00))}
    answer = answered(counts, kind="bytes", count=4)
    # The lowest qubit's bit comes first.
    wanted = [int(f"{value:016b}"[::-1], 2) for value in (0x1234, 0xFF00)]
    assert answer["hex"] == f"{wanted[0]:04x}{wanted[1]:04x}"
    assert answer["values"] == [answer["hex"][place : place + 2] for place in range(0, 8, 2)]
    assert answer["summary"] == "4 random bytes: " + ", ".join(answer["values"]) + "."


def test_fewer_than_asked_for_is_said() -> None:
    answer = answered(measured(2, 1), kind="bytes", count=5, shots=2)
    assert len(answer["values"]) == 4
    assert answer["note"].startswith("Only 4 of the 5 requested")
    assert answer["summary"].startswith("4 random bytes")


def test_even_none_is_said() -> None:
    stuck = answered({"0" * WIDTH: 500}, backend_type="hardware")
    assert stuck["values"] == []
    assert stuck["summary"] == "No random number was made."
    assert stuck["note"].startswith("Only 0 of the 10")
    # A device whose qubits always give the same: shots with an order, but nothing random.
    same = answered({f"{place:016b}" + "1" * 16: 1 for place in range(500)}, backend_type="hardware")
    assert (same["values"], same["ones"], same["bits_left"]) == ([], 1, 0)


@pytest.mark.parametrize(
    ("backend_type", "backend", "words"),
    [
        ("hardware", "ibm_fez", None),
        ("hardware", "fake_fez", "The device fake_fez is simulated"),
        ("simulator", "aer_simulator", "A simulator computes"),
        ("noisy_simulator", "aer_simulator_noisy_fez", "A simulator computes"),
    ],
)
def test_that_a_simulator_only_computes_is_said(backend_type: str, backend: str, words: str | None) -> None:
    note = answered(measured(500, 1), backend, backend_type=backend_type).get("note")
    assert (note or "").startswith(words or "")
    assert (note is None) is (words is None)


@pytest.mark.parametrize(("low", "high"), [(6, 6), (7, -7)])
def test_a_range_without_numbers_is_refused(low: int, high: int) -> None:
    with pytest.raises(InputError, match="high: is 6, but low is 10"):
        validated(RandomNumberInput, {"low": 10})
    with pytest.raises(InputError, match=f"high: is {high}, but low is {low}; make high larger than low"):
        validated(RandomNumberInput, {"low": low, "high": high})
    # They do not concern bytes.
    validated(RandomNumberInput, {"kind": "bytes", "low": low, "high": high})


@given(
    st.dictionaries(st.text("01", min_size=WIDTH, max_size=WIDTH), st.integers(1, 3), min_size=1, max_size=30)
)
def test_whatever_was_measured_gives_an_answer(counts: dict[str, int]) -> None:
    answer = answered(counts, backend_type="noisy_simulator")
    assert all(1 <= value <= 6 for value in answer["values"])
    assert len(answer["values"]) <= 10
    assert 0 <= answer["ones"] <= 1
