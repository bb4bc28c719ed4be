"""Simon: what is measured, and the secret found from it by elimination and, with noise, by likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import transpile
from qiskit.quantum_info import StabilizerState

from actions.framework.input import validated
from actions.simon.algorithm import SimonInput, algorithm
from actions.simon.circuit import simon
from actions.simon.decoding import decode
from actions.simon.gf2 import independent, null_space
from core.errors import InputError
from tests.actions.answers import answer_to
from tests.actions.cases.simon import VALUES, check
from tests.actions.theory import probabilities, step_of

secrets = st.text("01", min_size=2, max_size=7)
vectors = st.lists(st.integers(0, 63), max_size=10)


def odd(a: int, b: int) -> int:
    return (a & b).bit_count() & 1


def given_input(**values: Any) -> SimonInput:
    return validated(SimonInput, values)


def asked(secret: str, counts: dict[str, int], noisy: bool = True) -> dict[str, Any]:
    return answer_to(algorithm, given_input(secret=secret), counts, noisy=noisy)


def orthogonal(secret: str) -> list[str]:
    bits = len(secret)
    return [f"{y:0{bits}b}" for y in range(2**bits) if not odd(y, int(secret, 2))]


def measured(secret: str, shots: int, flips: float, lost: float = 0.0, seed: int = 1) -> dict[str, int]:
    """Outcomes of which a share is uniform noise, and with bits that are read wrongly, 1s more often."""
    random = np.random.default_rng(seed)
    bits = len(secret)
    outcomes = orthogonal(secret)
    counts: dict[str, int] = {}
    for _ in range(shots):
        y = int(outcomes[random.integers(len(outcomes))], 2)
        if random.random() < lost:
            y = int(random.integers(2**bits))
        for bit in range(bits):
            if random.random() < (2 * flips if y >> bit & 1 else flips):
                y ^= 1 << bit
        reading = f"{y:0{bits}b}"
        counts[reading] = counts.get(reading, 0) + 1
    return counts


# --- the circuit ------------------------------------------------------------------------------------


@given(st.text("01", min_size=2, max_size=4))
def test_every_outcome_orthogonal_to_the_secret_is_equally_likely(secret: str) -> None:
    params = given_input(secret=secret)
    expected = orthogonal(secret)
    exact = probabilities(algorithm.build(params))
    assert exact == pytest.approx(dict.fromkeys(expected, 1 / len(expected)))
    assert algorithm.answer(params, step_of(algorithm.start(params))).as_dict()["ideal"] == pytest.approx(
        exact
    )


@pytest.mark.parametrize("secret", ["0000000", "1111111", "1011101", "0000001"])
def test_up_to_seven_bits_have_the_outcomes_too(secret: str) -> None:
    circuit = simon(secret)
    state = StabilizerState(circuit.remove_final_measurements(inplace=False))
    expected = orthogonal(secret)
    got = state.probabilities_dict(qargs=list(range(len(secret))))
    assert got == pytest.approx(dict.fromkeys(expected, 1 / len(expected)))


def value(secret: str, x: int) -> int:
    """The function's value for x, by running its gates on bits."""
    bits = x
    circuit = simon(secret)
    for item in circuit.data:
        if item.operation.name == "cx":
            control, target = (circuit.find_bit(qubit).index for qubit in item.qubits)
            bits ^= (bits >> control & 1) << target
    assert bits & (2 ** len(secret) - 1) == x
    return bits >> len(secret)


@given(secrets)
def test_the_function_keeps_simons_promise(secret: str) -> None:
    values: dict[int, list[int]] = {}
    for x in range(2 ** len(secret)):
        values.setdefault(value(secret, x), []).append(x)
    hidden = int(secret, 2)
    for inputs in values.values():
        assert inputs == sorted({inputs[0], inputs[0] ^ hidden})


def test_it_fits_on_a_line_without_swaps() -> None:
    line = [[a, a + 1] for a in range(15)]
    circuit = transpile(
        simon("1" * 7), coupling_map=line, basis_gates=["cx", "rz", "sx", "x"], seed_transpiler=0
    )
    assert circuit.count_ops()["cx"] == 12
    assert circuit.depth(lambda item: len(item.qubits) == 2) == 2


# --- linear algebra ---------------------------------------------------------------------------------


@given(vectors)
def test_the_null_space_is_everything_orthogonal_to_every_equation(equations: list[int]) -> None:
    basis = null_space(equations, 6)
    spanned = {0}
    for vector in basis:
        spanned |= {other ^ vector for other in spanned}
    assert len(spanned) == 2 ** len(basis)
    assert spanned == {s for s in range(64) if not any(odd(s, y) for y in equations)}


@given(vectors)
def test_independent_vectors_span_the_same_and_none_is_a_sum_of_others(vectors: list[int]) -> None:
    kept = independent(vectors)
    spans = []
    for some in (vectors, kept):
        span = {0}
        for vector in some:
            span |= {other ^ vector for other in span}
        spans.append(span)
    assert spans[0] == spans[1]
    assert len(spans[1]) == 2 ** len(kept)
    assert len(null_space(vectors, 6)) == 6 - len(kept)


# --- decoding ---------------------------------------------------------------------------------------


@given(secrets)
def test_without_noise_the_secret_is_found(secret: str) -> None:
    outcomes = orthogonal(secret)
    answer = asked(secret, dict.fromkeys(outcomes, 3), noisy=False)
    assert (answer["found"], answer["correct"], answer["agreement"]) == (secret, True, 1.0)
    assert len(answer["equations"]) == len(secret) - ("1" in secret)
    assert "note" not in answer


@pytest.mark.parametrize("secret", ["11", "101", "1101", "111111", "1000001", "1111111", "0001000"])
def test_with_noise_the_likeliest_secret_is_found(secret: str) -> None:
    # Half of the shots are lost completely and bits are read wrongly: elimination alone would find nothing.
    counts = measured(secret, 4096, flips=0.02, lost=0.5)
    assert null_space([int(y, 2) for y in counts], len(secret)) == []
    answer = asked(secret, counts)
    assert (answer["found"], answer["correct"]) == (secret, True)
    assert 0.6 < answer["agreement"] < 0.85
    assert all(not odd(int(y, 2), int(secret, 2)) for y in answer["equations"])
    assert len(answer["equations"]) == len(secret) - 1


def test_noise_does_not_produce_a_secret_if_there_is_none() -> None:
    answer = asked("0000", measured("0000", 4096, flips=0.03))
    assert (answer["found"], answer["correct"]) == ("0000", True)
    assert "no secret" in answer["summary"]
    assert "No secret stands out" in answer["note"]


def test_reading_errors_that_favour_zeros_produce_no_secret_for_any_number_of_shots() -> None:
    # Each bit is read as 1 in 45 % of the shots: 30 standard deviations, and no secret.
    counts = {f"{y:04b}": round(1e5 * 0.45 ** y.bit_count() * 0.55 ** (4 - y.bit_count())) for y in range(16)}
    assert asked("0000", counts)["found"] == "0000"


def test_pure_noise_is_reported_as_such() -> None:
    answer = asked("1111", {f"{y:04b}": 64 for y in range(16)})
    assert not answer["correct"]
    assert "the secret is 1111" in answer["note"]


def test_too_few_shots_are_reported_as_such() -> None:
    answer = asked("1101", {"0000": 1, "0010": 1}, noisy=False)
    assert not answer["correct"] or "not certain" in answer["note"]
    assert not decode({"0000": 1}, 4, False).certain
    assert decode({"00": 1, "11": 1}, 2, False).secret == 0b11


# --- input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "required"),
        ({"secret": "1"}, "at least 2"),
        ({"secret": "1" * 8}, "at most 7"),
        ({"secret": "10a"}, "pattern"),
        ({"secret": [1, 0]}, "valid string"),
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
    noisy = asked(VALUES["secret"], measured(VALUES["secret"], 1024, flips=0.02, lost=0.2))
    check(noisy, noisy=True)
    with pytest.raises(AssertionError):
        check(noisy, noisy=False)
