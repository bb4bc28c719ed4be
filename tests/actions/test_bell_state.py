"""bell_state: the four states themselves, and the answers for good and bad ones."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import Pauli, Statevector

from actions.bell_state.algorithm import ORDER, BellInput, algorithm
from actions.bell_state.circuit import SIGNS, BellState, bell
from actions.framework.job import Step
from core.protocol import JobResult, PubResult
from tests.actions.cases import bell_state as case
from tests.actions.theory import probabilities, step_of

#: The amplitudes by definition, of |00>, |01>, |10>, |11>, the first qubit first.
AMPLITUDES = {
    "phi_plus": [1, 0, 0, 1],
    "phi_minus": [1, 0, 0, -1],
    "psi_plus": [0, 1, 1, 0],
    "psi_minus": [0, 1, -1, 0],
}
every = pytest.mark.parametrize("state", get_args(BellState))


def answer_of(state: BellState, *pubs: dict[str, int]) -> dict[str, Any]:
    result = JobResult(pubs=[PubResult(counts={"meas": counts}) for counts in pubs])
    answer = algorithm.proceed(BellInput(state=state), Step(0, result, None, "fake_fez", True)).as_dict()
    assert isinstance(answer, dict)
    json.dumps(answer, allow_nan=False)
    return answer


@every
def test_the_state_is_the_one_of_the_textbook(state: BellState) -> None:
    bare = bell(state, "Z").remove_final_measurements(inplace=False)
    expected = np.array(AMPLITUDES[state]).reshape(2, 2).T.ravel() / math.sqrt(2)  # qubit 0 is Qiskit's last
    assert Statevector(bare).equiv(Statevector(expected))


@every
@pytest.mark.parametrize("basis", ORDER)
def test_both_qubits_are_correlated_as_theory_says_in_every_basis(state: BellState, basis: Any) -> None:
    vector = Statevector(np.array(AMPLITUDES[state]) / math.sqrt(2))
    sign = float(np.real(vector.expectation_value(Pauli(basis * 2))))
    assert sign == pytest.approx(SIGNS[state][basis])
    outcomes = ("00", "11") if sign > 0 else ("01", "10")
    assert probabilities(bell(state, basis)) == pytest.approx(dict.fromkeys(outcomes, 0.5))


@every
def test_a_perfect_machine_is_reported_as_perfect(state: BellState) -> None:
    params = BellInput(state=state)
    job = algorithm.start(params)
    answer = algorithm.proceed(params, step_of(job, shots=500)).as_dict()
    assert isinstance(answer, dict)
    assert (answer["agreement"], answer["fidelity"], answer["entangled"]) == (1, 1, True)
    assert answer["correlations"] == {basis * 2: SIGNS[state][basis] for basis in ORDER}
    assert answer["ideal"] == pytest.approx(probabilities(job.pubs[0].circuit))
    assert "note" not in answer


def test_the_case_that_runs_end_to_end() -> None:
    params = BellInput(**case.VALUES)
    answer = algorithm.proceed(params, step_of(algorithm.start(params), shots=params.shots)).as_dict()
    assert isinstance(answer, dict)
    case.check(answer, noisy=False)


def test_noise_is_measured() -> None:
    noisy = answer_of(
        "phi_plus", {"00": 45, "11": 45, "01": 10}, {"00": 80, "10": 20}, {"01": 70, "10": 20, "11": 10}
    )
    assert noisy["correlations"] == {"ZZ": 0.8, "XX": 0.6, "YY": -0.8}
    assert noisy["fidelity"] == pytest.approx((1 + 0.8 + 0.6 + 0.8) / 4)
    assert noisy["agreement"] == 0.9
    assert noisy["entangled"]
    assert noisy["summary"].startswith("The two qubits gave the same bit in 90 of 100 measurements (90 %).")


@pytest.mark.parametrize("other", [state for state in get_args(BellState) if state != "phi_minus"])
def test_another_bell_state_is_not_mistaken_for_the_requested_one(other: BellState) -> None:
    job = algorithm.start(BellInput(state=other))
    answer = algorithm.proceed(BellInput(state="phi_minus"), step_of(job)).as_dict()
    assert isinstance(answer, dict)
    assert answer["fidelity"] == 0
    assert not answer["entangled"]
    assert "too strong" in answer["note"]


def test_coins_that_agree_are_not_reported_as_entangled() -> None:
    """Classical correlation in one direction: half of the fidelity, and no entanglement."""
    random = {"00": 250, "01": 250, "10": 250, "11": 250}
    answer = answer_of("phi_plus", {"00": 500, "11": 500}, random, random)
    assert (answer["agreement"], answer["fidelity"]) == (1, 0.5)
    assert not answer["entangled"]
    assert "does not prove" in answer["note"]


def test_one_shot_proves_nothing() -> None:
    answer = answer_of("phi_plus", {"00": 1}, {"00": 1}, {"01": 1})
    assert answer["fidelity"] == 1
    assert answer["fidelity_error"] > 0.2
    assert "more shots" in answer["note"]
    assert "1 of 1 measurement " in answer["summary"]


counts = st.dictionaries(st.text("01", min_size=2, max_size=2), st.integers(1, 5000), min_size=1)


@given(st.sampled_from(get_args(BellState)), st.tuples(counts, counts, counts))
def test_any_counts_give_figures_within_bounds(state: BellState, pubs: Any) -> None:
    answer = answer_of(state, *pubs)
    assert 0 <= answer["fidelity"] <= 1
    assert 0 < answer["fidelity_error"] < 0.5
    assert all(-1 <= value <= 1 for value in answer["correlations"].values())
    assert answer["entangled"] != ("note" in answer)
