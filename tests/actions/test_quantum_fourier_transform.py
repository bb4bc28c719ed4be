"""The quantum Fourier transform compared with the discrete one, and the states that it is given."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from qiskit.quantum_info import Statevector

from actions.framework.input import validated
from actions.quantum_fourier_transform.algorithm import algorithm
from actions.quantum_fourier_transform.circuit import basis, fourier_circuit, periodic, spectrum
from actions.quantum_fourier_transform.input import FourierInput
from actions.quantum_fourier_transform.state import normalise
from core.errors import InputError
from tests.actions.answers import answer_to
from tests.actions.cases.quantum_fourier_transform import VALUES, check
from tests.actions.theory import probabilities, step_of

parts = st.floats(-1e3, 1e3).filter(lambda x: x == 0 or abs(x) > 1e-3)


def given_input(**values: Any) -> FourierInput:
    return validated(FourierInput, values)


def asked(counts: dict[str, int], noisy: bool = True, **values: Any) -> dict[str, Any]:
    return answer_to(algorithm, given_input(**values), counts, noisy=noisy)


def by_definition(amplitudes: Any, sign: int) -> list[float]:
    """The spectrum by the sum that defines it."""
    size = len(amplitudes)
    j, k = np.meshgrid(range(size), range(size))
    return [float(p) for p in np.abs(np.exp(sign * 2j * math.pi * j * k / size) @ amplitudes) ** 2 / size]


@st.composite
def states(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["basis", "periodic", "amplitudes"]))
    values: dict[str, Any] = {"state": kind, "inverse": draw(st.booleans())}
    qubits = draw(st.integers(1, 5))
    if kind == "basis":
        return values | {"qubits": qubits, "value": draw(st.integers(0, 2**qubits - 1))}
    if kind == "periodic":
        period = draw(st.integers(1, 2**qubits))
        return values | {"qubits": qubits, "period": period, "offset": draw(st.integers(0, period - 1))}
    size = draw(st.integers(2, 16))
    real = draw(st.lists(parts, min_size=size, max_size=size).filter(any))
    values["amplitudes"] = real
    if draw(st.booleans()):
        values["imaginary_parts"] = draw(st.lists(parts, min_size=size, max_size=size))
    return values


# --- the circuit ------------------------------------------------------------------------------------


@given(states())
def test_what_is_measured_is_the_discrete_fourier_transform(values: dict[str, Any]) -> None:
    params = given_input(**values)
    amplitudes = params.given.amplitudes
    expected = by_definition(amplitudes, -1 if params.inverse else 1)
    exact = probabilities(algorithm.build(params))
    bits = len(amplitudes).bit_length() - 1
    assert [exact.get(f"{y:0{bits}b}", 0.0) for y in range(len(amplitudes))] == pytest.approx(
        expected, abs=1e-7
    )
    assert spectrum(amplitudes, params.inverse) == pytest.approx(expected, abs=1e-9)
    answer = algorithm.answer(params, step_of(algorithm.start(params), shots=2000)).as_dict()
    assert sum(answer["ideal"].values()) == pytest.approx(1)
    assert answer["fidelity"] > 0.9


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(("period", "offset"), [(32, 3), (10, 7), (256, 200)])
def test_eight_qubits_have_the_transform_too(inverse: bool, period: int, offset: int) -> None:
    params = given_input(state="periodic", qubits=8, period=period, offset=offset, inverse=inverse)
    exact = probabilities(algorithm.build(params))
    expected = by_definition(params.given.amplitudes, -1 if inverse else 1)
    assert [exact.get(f"{y:08b}", 0.0) for y in range(256)] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_wave_has_one_peak_and_the_two_transforms_show_its_direction(sign: int) -> None:
    wave = np.exp(sign * 2j * math.pi * 3 * np.arange(16) / 16)
    answers = []
    for inverse in (False, True):
        params = given_input(
            state="amplitudes",
            amplitudes=[float(x) for x in wave.real],
            imaginary_parts=[float(x) for x in wave.imag],
            inverse=inverse,
        )
        assert list(probabilities(algorithm.build(params)).values()) == pytest.approx([1])
        answers.append(
            algorithm.answer(params, step_of(algorithm.start(params))).as_dict()["peaks"][0]["value"]
        )
    assert answers == ([13, 3] if sign == 1 else [3, 13])


def test_a_power_of_two_is_prepared_without_entanglement_and_nothing_is_swapped() -> None:
    state = periodic(8, 5, 6)
    assert set(state.count_ops()) == {"h", "x"}
    assert Statevector(state).probabilities_dict() == pytest.approx(
        {f"{value:06b}": 1 / 8 for value in range(5, 64, 8)}
    )
    gates = fourier_circuit(basis(0, 6), inverse=False).count_ops()
    assert gates == {"h": 6, "cp": 15, "measure": 6}


# --- the state --------------------------------------------------------------------------------------


@example([5e-324, 0.0])
@example([2.2e-311, 1e6])
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=64).filter(any))
def test_any_amplitudes_make_a_state_in_the_same_proportions(real: list[float]) -> None:
    state = normalise(real, None)
    assert np.linalg.norm(state.amplitudes) == pytest.approx(1)
    assert len(state.amplitudes).bit_count() == 1
    assert len(real) <= len(state.amplitudes) < 2 * len(real)
    assert not state.amplitudes[len(real) :].any()
    largest = max(range(len(real)), key=lambda place: abs(real[place]))
    proportions = state.amplitudes[: len(real)] / state.amplitudes[largest]
    # Python's own division: NumPy's overflows for such small numbers.
    assert proportions == pytest.approx([x / real[largest] for x in real])


def test_what_was_changed_is_said() -> None:
    assert normalise([0.6, 0.8], None).changes == ""
    assert normalise([3, 4], None).changes == (
        "The amplitudes were divided by 5, so that their squares add up to 1."
    )
    assert normalise([0, 1, 0], None).changes == "The amplitudes were filled up with zeros to 4."
    both = asked(
        {"00": 100}, noisy=False, state="amplitudes", amplitudes=[1, 1, 1], imaginary_parts=[1, 0, 0]
    )
    assert both["changes"] == (
        "The amplitudes were filled up with zeros to 4 and divided by 2, so that their squares add up to 1."
    )
    assert both["summary"].endswith(both["changes"])


# --- the answer -------------------------------------------------------------------------------------


def test_peaks_are_reported_in_the_callers_terms() -> None:
    params = given_input(**VALUES)
    answer = algorithm.answer(params, step_of(algorithm.start(params))).as_dict()
    assert answer["summary"].startswith(
        "The spectrum has peaks at 0, 4, 8 and 12; those of period 4 are near the multiples of 4. "
    )
    assert answer["qubits"] == 4
    single = asked({"0": 500}, noisy=False, state="periodic", qubits=1, period=1)
    assert single["summary"].startswith("The spectrum has a peak at 0. ")
    many = {f"{y:08b}": 32 for y in range(0, 256, 8)}
    assert "has 32 peaks" in asked(many, noisy=False, state="periodic", qubits=8, period=32)["summary"]


def test_a_flat_spectrum_has_no_peaks() -> None:
    params = given_input(state="basis", qubits=6, value=5)
    answer = algorithm.answer(params, step_of(algorithm.start(params), shots=2000)).as_dict()
    assert answer["peaks"] == []
    assert "spread over about 64 outcomes" in answer["summary"]
    assert "note" not in answer
    few = algorithm.answer(params, step_of(algorithm.start(params), shots=100)).as_dict()
    assert "100 shots are few for about 64 likely outcomes" in few["note"]


def test_noise_is_reported() -> None:
    even = {f"{y:04b}": 64 for y in range(16)}
    flat = asked(even, **VALUES)
    assert flat["fidelity"] == pytest.approx(0.25)
    assert "flattened" in flat["note"]
    mild = {f"{y:04b}": 220 if y % 4 == 0 else 12 for y in range(16)}
    assert "note" not in asked(mild, **VALUES)


# --- input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "field", "words", "by_schema"),
    [
        ({"state": "amplitudes"}, "amplitudes", "is missing", True),
        ({"state": "amplitudes", "amplitudes": [1]}, "amplitudes", "at least 2", True),
        ({"state": "amplitudes", "amplitudes": [1] * 65}, "amplitudes", "at most 64", True),
        ({"state": "amplitudes", "amplitudes": [1, "2"]}, "amplitudes.1", "valid number", True),
        ({"state": "amplitudes", "amplitudes": [1, 1e7]}, "amplitudes.1", "less than or equal", True),
        ({"state": "amplitudes", "amplitudes": [0, 0]}, "imaginary_parts", "all zero", False),
        (
            {"state": "amplitudes", "amplitudes": [1, 0], "imaginary_parts": [1, 1, 1]},
            "imaginary_parts",
            "make them as many",
            False,
        ),
        ({"state": "basis", "amplitudes": [1, 0]}, "amplitudes", "does not go with state basis", True),
        ({"state": "periodic", "imaginary_parts": [1, 0]}, "imaginary_parts", "does not go with", True),
        ({"state": "periodic", "qubits": 3, "period": 9}, "period", "is over 8", False),
        ({"state": "periodic", "period": 3, "offset": 3}, "offset", "not less than the period", False),
        ({"state": "basis", "qubits": 3, "value": 8}, "value", "is over 7", False),
        ({"state": "basis", "qubits": 9}, "qubits", "less than or equal to 8", True),
        ({"state": "basis", "inverse": 1}, "inverse", "valid boolean", True),
    ],
)
def test_a_wrong_state_is_refused(values: dict[str, Any], field: str, words: str, by_schema: bool) -> None:
    with pytest.raises(InputError) as refused:
        given_input(**values)
    [finding] = refused.value.details["errors"]
    assert finding["field"] == field
    assert words in finding["message"]
    assert Draft202012Validator(FourierInput.model_json_schema()).is_valid(values) is not by_schema


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_numbers_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="amplitudes"):
        given_input(state="amplitudes", amplitudes=[1.0, bad])


@given(states())
def test_the_schema_accepts_what_the_model_accepts(values: dict[str, Any]) -> None:
    given_input(**values)
    Draft202012Validator(FourierInput.model_json_schema()).validate(values)


def test_the_case_of_the_end_to_end_tests() -> None:
    params = given_input(**VALUES)
    check(algorithm.answer(params, step_of(algorithm.start(params), shots=1024)).as_dict(), noisy=False)
    mild = {f"{y:04b}": 220 if y % 4 == 0 else 12 for y in range(16)}
    check(asked(mild, **VALUES), noisy=True)
    with pytest.raises(AssertionError):
        check(asked(mild, **VALUES), noisy=False)
