"""Bernstein and Vazirani: the secret is measured with certainty, and read through noise bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import StabilizerState

from actions.bernstein_vazirani.algorithm import BernsteinVaziraniInput, algorithm
from actions.bernstein_vazirani.majority import majority
from actions.framework.input import validated
from core.errors import InputError
from tests.actions.answers import answer_to
from tests.actions.cases.bernstein_vazirani import VALUES, check
from tests.actions.theory import probabilities, step_of

secrets = st.text("01", min_size=1, max_size=20)


def given_input(**values: Any) -> BernsteinVaziraniInput:
    return validated(BernsteinVaziraniInput, values)


def asked(secret: str, counts: dict[str, int]) -> dict[str, Any]:
    return answer_to(algorithm, given_input(secret=secret), counts)


def noisy(secret: str, error: float, shots: int) -> dict[str, int]:
    """Readings of the secret with independent errors in each bit."""
    bits = np.array([int(bit) for bit in secret])
    flips = np.random.default_rng(7).random((shots, len(secret))) < error
    counts: dict[str, int] = {}
    for row in bits ^ flips:
        reading = "".join(map(str, row))
        counts[reading] = counts.get(reading, 0) + 1
    return counts


@given(secrets)
def test_the_secret_is_measured_with_certainty(secret: str) -> None:
    circuit = algorithm.build(given_input(secret=secret))
    # The state vector of 20 qubits is too large for each of a hundred examples; all gates are Clifford.
    state = StabilizerState(circuit.remove_final_measurements(inplace=False))
    assert state.probabilities_dict() == {secret: 1.0}
    assert set(circuit.count_ops()) <= {"h", "z", "barrier", "measure"}
    assert circuit.num_qubits == len(secret)


@pytest.mark.parametrize("secret", ["0", "1", "011", "1000", "0000"])
def test_the_state_vector_agrees(secret: str) -> None:
    params = given_input(secret=secret)
    assert probabilities(algorithm.build(params)) == pytest.approx({secret: 1.0})
    answer = algorithm.answer(params, step_of(algorithm.start(params), shots=20)).as_dict()
    assert answer["summary"].startswith(f"The secret is {secret}. 100 % of the shots")
    assert (answer["found"], answer["success_probability"]) == (secret, 1.0)
    assert "note" not in answer


def test_twenty_bits_are_read_through_noise_that_changes_nearly_every_shot() -> None:
    secret = "10110010111001010110"
    counts = noisy(secret, 0.15, 1000)
    answer = asked(secret, counts)
    assert answer["success_probability"] < 0.1
    assert (answer["found"], answer["correct"]) == (secret, True)
    # A bit's share has a deviation of 0.011; 0.07 is more than six of them.
    assert answer["bit_agreement"] == pytest.approx([0.85] * 20, abs=0.07)
    assert "majority" in answer["note"]


def test_a_wrong_or_narrow_result_is_reported_as_such() -> None:
    wrong = asked("111", {"110": 60, "111": 40})
    assert (wrong["found"], wrong["correct"]) == ("110", False)
    assert "wrong" in wrong["note"]
    assert "was read as 110" in wrong["summary"]
    narrow = asked("111", {"110": 45, "111": 55})
    assert narrow["correct"]
    assert "narrow" in narrow["note"]


@given(secrets, st.integers(1, 1000))
def test_a_single_reading_is_its_own_majority(secret: str, count: int) -> None:
    assert majority({secret: count}) == (secret, [1.0] * len(secret))


def test_a_draw_goes_to_the_most_frequent_reading() -> None:
    assert majority({"00": 2, "11": 1, "01": 1, "10": 0}) == ("00", [0.75, 0.5])
    assert majority({"11": 2, "01": 1, "00": 1})[0] == "11"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "required"),
        ({"secret": ""}, "at least 1 character"),
        ({"secret": "1" * 21}, "at most 20"),
        ({"secret": "102"}, "pattern"),
        ({"secret": "1\n"}, "pattern"),
        ({"secret": 101}, "valid string"),
    ],
)
def test_a_wrong_secret_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        given_input(**values)
    [finding] = refused.value.details["errors"]
    assert finding["field"] == "secret"
    assert words in finding["message"]


def test_the_case_of_the_end_to_end_tests() -> None:
    params = given_input(**VALUES)
    check(algorithm.answer(params, step_of(algorithm.start(params))).as_dict(), noisy=False)
    check(asked(VALUES["secret"], noisy(VALUES["secret"], 0.2, 500)), noisy=True)
    with pytest.raises(AssertionError):
        check(asked(VALUES["secret"], noisy(VALUES["secret"], 0.01, 500)), noisy=False)
