"""Deutsch and Jozsa: what is measured, what the answer says, and which functions are accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from actions.deutsch_jozsa.algorithm import DeutschJozsaInput, algorithm
from actions.deutsch_jozsa.circuit import distribution, parity_table
from actions.framework.input import validated
from core.errors import InputError
from tests.actions.answers import answer_to
from tests.actions.cases.deutsch_jozsa import VALUES, check
from tests.actions.theory import probabilities, step_of


def given_input(**values: Any) -> DeutschJozsaInput:
    return validated(DeutschJozsaInput, values)


def asked(counts: dict[str, int], noisy: bool = True, **values: Any) -> dict[str, Any]:
    return answer_to(algorithm, given_input(**values), counts, noisy=noisy)


@st.composite
def promised(draw: st.DrawFn) -> str:
    """A table of 2, 4, 8 or 16 values that keeps the promise."""
    size = 2 ** draw(st.integers(1, 4))
    ones = draw(st.sampled_from([0, size // 2, size]))
    return "".join(draw(st.permutations("1" * ones + "0" * (size - ones))))


@given(promised())
def test_only_zeros_are_seen_exactly_if_the_function_is_constant(table: str) -> None:
    params = given_input(kind="truth_table", truth_table=table)
    exact = probabilities(algorithm.build(params))
    zeros = exact.get("0" * (len(table).bit_length() - 1), 0.0)
    assert zeros == pytest.approx(float(len(set(table)) == 1), abs=1e-9)
    answer = algorithm.answer(params, step_of(algorithm.start(params), shots=50)).as_dict()
    assert answer["correct"]
    assert "note" not in answer
    assert answer["ideal"] == pytest.approx(exact)
    assert sum(answer["ideal"].values()) == pytest.approx(1)


@pytest.mark.parametrize("mask", ["1", "01", "101", "11111111"])
def test_a_parity_gives_its_own_mask(mask: str) -> None:
    params = given_input(kind="balanced", mask=mask)
    assert probabilities(algorithm.build(params)) == pytest.approx({mask: 1.0})
    # No entangling gate, and barriers that keep the transpiler out of the black box.
    gates = algorithm.build(params).count_ops()
    assert set(gates) <= {"h", "z", "p", "barrier", "measure"}
    assert gates["barrier"] >= 2


def test_the_first_value_is_that_of_input_zero_and_bit_0_is_the_last_character() -> None:
    assert parity_table("01") == [0, 1, 0, 1]
    assert parity_table("10") == [0, 0, 1, 1]
    params = given_input(kind="truth_table", truth_table="0011")
    assert probabilities(algorithm.build(params)) == pytest.approx({"10": 1.0})


def test_a_function_of_eight_bits_without_structure() -> None:
    table = "".join(np.random.default_rng(1).permutation(list("01" * 128)))
    params = given_input(kind="truth_table", truth_table=table)
    exact = probabilities(algorithm.build(params))
    expected = distribution(params.values)
    assert exact == pytest.approx({f"{y:08b}": p for y, p in enumerate(expected) if p > 1e-12}, abs=1e-9)
    assert "00000000" not in exact
    assert len(algorithm.answer(params, step_of(algorithm.start(params))).as_dict()["ideal"]) <= 64


@pytest.mark.parametrize(("kind", "bits"), [("constant_0", 1), ("constant_1", 8)])
def test_a_constant_function(kind: str, bits: int) -> None:
    params = given_input(kind=kind, input_bits=bits)
    assert probabilities(algorithm.build(params)) == pytest.approx({"0" * bits: 1.0})
    answer = algorithm.answer(params, step_of(algorithm.start(params))).as_dict()
    assert (answer["verdict"], answer["classical_queries"]) == ("constant", 2 ** (bits - 1) + 1)
    assert answer["summary"].startswith("The function is constant: 100 % of the shots show it.")


def test_noise_is_outvoted_and_reported_otherwise() -> None:
    clear = asked({"000": 900, "001": 124}, kind="constant_0")
    assert (clear["verdict"], clear["correct"]) == ("constant", True)
    assert "note" not in clear
    uncertain = asked({"000": 600, "111": 424}, kind="constant_0")
    assert uncertain["correct"]
    assert "uncertain" in uncertain["note"]
    wrong = asked({"000": 300, "111": 724}, kind="constant_1")
    assert (wrong["verdict"], wrong["correct"]) == ("balanced", False)
    assert "wrong" in wrong["note"]


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"kind": "truth_table"}, "truth_table", "is missing"),
        ({"kind": "truth_table", "truth_table": "0111"}, "truth_table", "neither constant nor balanced"),
        ({"kind": "truth_table", "truth_table": "010"}, "truth_table", "pattern"),
        ({"kind": "truth_table", "truth_table": "0" * 512}, "truth_table", "at most 256"),
        ({"kind": "balanced", "truth_table": "01"}, "truth_table", "does not go with kind balanced"),
        ({"kind": "balanced", "mask": "000"}, "mask", "pattern"),
        ({"kind": "balanced", "mask": "1" * 9}, "mask", "at most 8"),
        ({"kind": "constant_0", "input_bits": 9}, "input_bits", "less than or equal to 8"),
        ({"kind": "both"}, "kind", "'constant_0'"),
    ],
)
def test_a_wrong_function_is_refused(values: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        given_input(**values)
    [finding] = refused.value.details["errors"]
    assert finding["field"] == field
    assert words in finding["message"]
    if "neither" not in words:  # a schema cannot count ones
        assert not Draft202012Validator(DeutschJozsaInput.model_json_schema()).is_valid(values)


@pytest.mark.parametrize("values", [VALUES, {"kind": "balanced"}, {"kind": "constant_1"}])
def test_the_schema_accepts_what_the_model_accepts(values: dict[str, Any]) -> None:
    given_input(**values)
    Draft202012Validator(DeutschJozsaInput.model_json_schema()).validate(values)


def test_the_case_of_the_end_to_end_tests() -> None:
    params = given_input(**VALUES)
    check(algorithm.answer(params, step_of(algorithm.start(params))).as_dict(), noisy=False)
    check(asked({"001": 300, "000": 200, "111": 500}, **VALUES), noisy=True)
    with pytest.raises(AssertionError):
        check(asked({"001": 1000, "000": 1}, **VALUES), noisy=False)
