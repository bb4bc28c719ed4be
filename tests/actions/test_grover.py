"""Grover: the exact distribution, the best number of iterations, and the answer with noise."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from qiskit.quantum_info import Statevector

from actions.framework.input import validated
from actions.grover.algorithm import GroverInput, algorithm
from actions.grover.circuit import two_qubit_gates_per_iteration
from actions.grover.plan import fidelity, plan
from core.errors import InputError
from tests.actions.answers import answer_to
from tests.actions.cases.grover import VALUES, check
from tests.actions.theory import probabilities, step_of


def given_input(**values: Any) -> GroverInput:
    return validated(GroverInput, values)


def asked(counts: dict[str, int], noisy: bool = True, **values: Any) -> dict[str, Any]:
    return answer_to(algorithm, given_input(**values), counts, noisy=noisy)


@st.composite
def searches(draw: st.DrawFn) -> dict[str, Any]:
    qubits = draw(st.integers(1, 5))
    marked = draw(st.sets(st.integers(0, 2**qubits - 1), min_size=1))
    return {"qubits": qubits, "marked": sorted(marked), "iterations": draw(st.none() | st.integers(0, 4))}


def reflected(qubits: int, marked: list[int], iterations: int, angle: float) -> list[float]:
    """Return the distribution by plain linear algebra: reflections of a vector of amplitudes."""
    size = 2**qubits
    even = np.full(size, 1 / math.sqrt(size))
    state = even.astype(complex)
    for _ in range(iterations):
        state[marked] *= np.exp(1j * angle)
        state = state + (np.exp(1j * angle) - 1) * even * (even @ state)
    return [float(p) for p in np.abs(state) ** 2]


# --- the circuit ------------------------------------------------------------------------------------


@given(searches())
def test_the_circuit_is_the_iterated_reflections(values: dict[str, Any]) -> None:
    params = given_input(**values)
    search = params.plan
    circuit = algorithm.build(params).remove_final_measurements(inplace=False)
    exact = Statevector(circuit).probabilities()
    expected = reflected(params.qubits, values["marked"], search.iterations, search.angle)
    assert exact == pytest.approx(expected, abs=1e-9)
    assert exact[values["marked"]].sum() == pytest.approx(search.success, abs=1e-9)
    answer = algorithm.answer(params, step_of(algorithm.start(params), shots=200)).as_dict()
    wanted = {f"{y:0{params.qubits}b}": p for y, p in enumerate(expected) if p > 1e-9}
    assert {y: p for y, p in answer["ideal"].items() if p > 1e-9} == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("marked", [[77], [0, 255], list(range(0, 256, 2)), list(range(200))])
def test_eight_qubits_have_the_distribution_too(marked: list[int]) -> None:
    params = given_input(qubits=8, marked=marked)
    exact = probabilities(algorithm.build(params))
    success = sum(p for outcome, p in exact.items() if int(outcome, 2) in marked)
    assert success == pytest.approx(params.plan.success)
    assert success > 0.99


# --- how often ----------------------------------------------------------------------------------------


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.integers(1, 2**n), st.just(2**n))))
def test_the_best_number_is_the_best(sizes: tuple[int, int]) -> None:
    marked, elements = sizes
    best = plan(marked, elements)
    assert best.success >= 0.85
    assert best.iterations <= math.pi / 4 * math.sqrt(elements / marked) + 0.5
    # Later turns may come closer by chance; none up to the first beyond the quarter turn does.
    for iterations in range(best.iterations + 2):
        assert plan(marked, elements, iterations).success <= best.success + 1e-9


@pytest.mark.parametrize(
    ("marked", "elements", "iterations", "success"),
    [
        (1, 4, 1, 1.0),
        (1, 8, 2, 0.9453125),  # sin^2(5 arcsin(8^-1/2)), by hand: 121/128
        (1, 256, 12, math.sin(25 * math.asin(1 / 16)) ** 2),
        (2, 8, 1, 1.0),
        (1, 2, 1, 1.0),  # half: plain iterations would never gain anything
        (3, 4, 1, 1.0),  # more than half
        (255, 256, 1, 1.0),
        (8, 8, 0, 1.0),
    ],
)
def test_known_numbers(marked: int, elements: int, iterations: int, success: float) -> None:
    search = plan(marked, elements)
    assert search.iterations == iterations
    assert search.success == pytest.approx(success)
    assert reflected(int(math.log2(elements)), list(range(marked)), search.iterations, search.angle)[
        :marked
    ] == pytest.approx([success / marked] * marked)


def test_noise_makes_fewer_iterations_best() -> None:
    chosen = []
    for spared in (1.0, 0.95, 0.8, 0.5, 0.01):
        chosen.append(plan(1, 256, fidelity=spared).iterations)
        measured = [spared**k * (reflected(8, [0], k, math.pi)[0] - 1 / 256) for k in range(13)]
        assert measured[chosen[-1]] == pytest.approx(max(measured))
    assert (chosen[0], chosen[-1]) == (12, 1)
    assert chosen == sorted(chosen, reverse=True)
    # An element that one iteration marks with certainty needs no fewer.
    assert plan(3, 8, fidelity=0.1).iterations == 1
    assert fidelity(0) == 1
    assert (
        fidelity(two_qubit_gates_per_iteration(3, [5]))
        > fidelity(two_qubit_gates_per_iteration(5, [5]))
        > fidelity(two_qubit_gates_per_iteration(8, [5]))
    )
    noiseless = given_input(qubits=8, marked=[1])
    noisy = given_input(qubits=8, marked=[1], backend_type="hardware")
    requested = given_input(qubits=8, marked=[1], backend_type="hardware", iterations=5)
    assert (noiseless.plan.iterations, noisy.plan.iterations, requested.plan.iterations) == (12, 1, 5)


# --- the answer -------------------------------------------------------------------------------------


def test_the_answer_of_a_good_search() -> None:
    answer = asked({"101": 960, "000": 30, "111": 10}, noisy=False, qubits=3, marked=["101"])
    assert answer["summary"] == "5 (101) was found in 96 % of the shots; guessing finds it in 12.5 %."
    assert (answer["found"], answer["missed"], answer["success_probability"]) == ([5], [], 0.96)
    assert answer["outcomes"][0] == {
        "value": 5,
        "bitstring": "101",
        "count": 960,
        "probability": 0.96,
        "marked": True,
    }
    assert [outcome["marked"] for outcome in answer["outcomes"]] == [True, False, False]
    assert (answer["quantum_queries"], answer["classical_queries"]) == (2, 4.5)
    assert "note" not in answer


def test_elements_that_were_not_seen_are_reported() -> None:
    answer = asked({"0001": 10}, noisy=False, qubits=4, marked=[1, 2, 3])
    assert (answer["found"], answer["missed"]) == ([1], [2, 3])
    assert answer["summary"].startswith("One of 1 (0001), 2 (0010) and 3 (0011) was found in 100 %")
    assert answer["summary"].endswith(" 1 of the 3 were measured.")
    many = asked({"0001": 10}, noisy=False, qubits=4, marked=list(range(15)))
    assert "the 15 marked elements" in many["summary"]


def test_noise_is_reported() -> None:
    even = {f"{y:08b}": 4 for y in range(256)}
    lost = asked(even, qubits=8, marked=[9], backend_type="hardware")
    assert lost["success_probability"] == lost["guess_probability"]
    assert "all of the gain" in lost["note"]
    assert "Only 1 ran" in lost["note"]
    spoilt = asked({"101": 40, "000": 60}, qubits=3, marked=[5], backend_type="hardware")
    assert "most of the gain: a perfect device with 2 iterations succeeds in 94.5 %" in spoilt["note"]
    assert "Only" not in spoilt["note"]
    assert "note" not in asked({"101": 80, "000": 20}, qubits=3, marked=[5], backend_type="hardware")


def test_too_many_iterations_are_reported() -> None:
    answer = asked({"101": 1, "000": 9}, noisy=False, qubits=3, marked=[5], iterations=4)
    assert "Leave iterations out" in answer["note"]
    assert "note" not in asked({"101": 1}, noisy=False, qubits=3, marked=[5], iterations=2)


def test_a_large_answer_stays_small() -> None:
    even = {f"{y:08b}": 1000 + y for y in range(256)}
    answer = asked(even, qubits=8, marked=list(range(256)))
    assert len(json.dumps(answer)) < 20_000
    assert len(answer["outcomes"]) == 16
    assert len(answer["ideal"]) == 64


# --- input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"qubits": 0}, "qubits", "greater than or equal to 1"),
        ({"qubits": 9}, "qubits", "less than or equal to 8"),
        ({"marked": []}, "marked", "at least 1 item"),
        ({"marked": [8]}, "marked", "not one of the numbers 0 to 7"),
        ({"marked": [101]}, "marked", "write them as a string"),
        ({"marked": ["1010"]}, "marked", "has 4 bits; make it 3 bits"),
        ({"marked": [5, 2, "101"]}, "marked", "'101' is there twice"),
        ({"iterations": 13}, "iterations", "less than or equal to 12"),
        ({"iterations": -1}, "iterations", "greater than or equal to 0"),
    ],
)
def test_a_wrong_search_is_refused(changes: dict[str, Any], field: str, words: str) -> None:
    values = {"qubits": 3, "marked": [5]} | changes
    with pytest.raises(InputError) as refused:
        given_input(**values)
    [finding] = refused.value.details["errors"]
    assert finding["field"] == field
    assert words in finding["message"]


@pytest.mark.parametrize(
    "marked", [[-1], [256], [True], ["2"], [""], [1.5], [None], [1, 1], list(range(257))]
)
def test_a_value_that_is_not_a_list_of_elements_is_refused_by_model_and_schema(marked: list[Any]) -> None:
    values = {"qubits": 8, "marked": marked}
    with pytest.raises(InputError, match="marked"):
        given_input(**values)
    assert not Draft202012Validator(GroverInput.model_json_schema()).is_valid(values)


def test_the_case_of_the_end_to_end_tests() -> None:
    params = given_input(**VALUES)
    Draft202012Validator(GroverInput.model_json_schema()).validate(VALUES)
    check(algorithm.answer(params, step_of(algorithm.start(params))).as_dict(), noisy=False)
    check(asked({"101": 400, "010": 350, "000": 250}, **VALUES), noisy=True)
    check(asked({f"{y:03b}": 100 for y in range(8)}, **VALUES), noisy=True)
    with pytest.raises(AssertionError):
        check(asked({"101": 400, "010": 350, "000": 250}, **VALUES), noisy=False)
