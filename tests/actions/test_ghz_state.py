"""ghz_state: the state, its shallow circuit, and a fidelity estimate checked against the true fidelity."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, StabilizerState, Statevector, random_density_matrix

from actions.framework.job import Step
from actions.ghz_state.algorithm import MAX_QUBITS, MAX_SHOTS, GhzInput, algorithm
from actions.ghz_state.circuit import equatorial_circuit, ghz, populations_circuit
from actions.ghz_state.settings import MAX_SETTINGS, angles, choose, coherence, sign
from core.protocol import MAX_EVENT_BYTES, JobResult, PubResult
from tests.actions.cases import ghz_state as case
from tests.actions.theory import probabilities, step_of


def gates(circuit: QuantumCircuit) -> QuantumCircuit:
    bare = circuit.remove_final_measurements(inplace=False)
    assert isinstance(bare, QuantumCircuit)
    return bare


@pytest.mark.parametrize("qubits", range(2, 11))
def test_the_state_is_exactly_the_ghz_state(qubits: int) -> None:
    expected = np.zeros(2**qubits)
    expected[[0, -1]] = math.sqrt(0.5)
    assert np.allclose(Statevector(ghz(qubits)).data, expected, atol=1e-12)


@pytest.mark.parametrize("qubits", [11, 17, MAX_QUBITS])
def test_also_of_many_qubits(qubits: int) -> None:
    state = StabilizerState(gates(populations_circuit(qubits)))
    assert state.probabilities_dict() == {"0" * qubits: 0.5, "1" * qubits: 0.5}


@pytest.mark.parametrize("qubits", range(2, MAX_QUBITS + 1))
def test_the_chain_is_a_line_and_half_as_deep_as_it_is_long(qubits: int) -> None:
    circuit = ghz(qubits)
    pairs = [
        tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
        for item in circuit.data
        if len(item.qubits) == 2
    ]
    assert sorted(tuple(sorted(pair)) for pair in pairs) == [(left, left + 1) for left in range(qubits - 1)]
    assert circuit.depth() <= qubits // 2 + 2


@pytest.mark.parametrize("qubits", [2, 3, 4])
def test_every_setting_is_measured_for_few_qubits(qubits: int) -> None:
    every = {mask for mask in range(2**qubits) if mask.bit_count() % 2 == 0}
    assert set(choose(qubits)) == every
    assert len(choose(qubits)) == len(every) <= MAX_SETTINGS


@pytest.mark.parametrize("qubits", [5, 6, MAX_QUBITS])
def test_different_even_settings_are_drawn_for_many_qubits(qubits: int) -> None:
    drawn = [choose(qubits) for _ in range(200)]
    for settings in drawn:
        assert len(set(settings)) == len(settings) == MAX_SETTINGS
        assert all(setting.bit_count() % 2 == 0 and setting < 2**qubits for setting in settings)
    # Every qubit is measured in Y about half of the time: 1,600 fair coins, seven standard deviations.
    for qubit in range(qubits):
        in_y = sum(setting >> qubit & 1 for settings in drawn for setting in settings)
        assert abs(in_y - 800) < 7 * 20


@given(st.integers(2, 6), st.data())
def test_every_settings_parity_is_certain_on_the_ideal_state(qubits: int, data: st.DataObject) -> None:
    setting = data.draw(st.sampled_from(choose(qubits)))
    bound = equatorial_circuit(qubits).assign_parameters(angles(setting, qubits))
    for outcome, weight in probabilities(bound).items():
        assert (-1) ** outcome.count("1") == sign(setting)
        assert weight == pytest.approx(2.0 ** (1 - qubits))


def parities(state: NDArray[Any], settings: Sequence[int], qubits: int) -> list[dict[str, int]]:
    """Return what a huge number of shots of each setting gives on this state, as counts of one bit."""
    counts = []
    for setting in settings:
        turn = QuantumCircuit(qubits)
        for qubit, angle in enumerate(angles(setting, qubits)):
            turn.rz(-angle, qubit)
            turn.h(qubit)
        seen = DensityMatrix(state).evolve(turn).probabilities()
        odd = sum(float(weight) for number, weight in enumerate(seen) if number.bit_count() % 2)
        counts.append({"1": round(odd * 10**12), "0": round((1 - odd) * 10**12)})
    return counts


@pytest.mark.parametrize("qubits", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_all_settings_together_give_the_coherence_of_any_state_exactly(qubits: int, seed: int) -> None:
    state = random_density_matrix(2**qubits, seed=seed).data
    settings = choose(qubits)
    estimate, _ = coherence(settings, parities(state, settings, qubits), qubits)
    assert estimate == pytest.approx(2 * state[0, -1].real, abs=1e-9)


def test_a_random_choice_of_settings_gives_it_within_its_error() -> None:
    qubits = 6
    ideal = Statevector(ghz(qubits)).data
    state = 0.7 * np.outer(ideal, ideal) + 0.3 * random_density_matrix(2**qubits, seed=1).data
    truth = 2 * state[0, -1].real
    estimates = []
    for _ in range(60):
        settings = choose(qubits)
        estimates.append(coherence(settings, parities(state, settings, qubits), qubits))
    assert np.mean([estimate for estimate, _ in estimates]) == pytest.approx(truth, abs=0.05)
    within = sum(abs(estimate - truth) < 5 * error for estimate, error in estimates)
    assert within >= 55


@pytest.mark.parametrize("qubits", [2, 3, 4, 5, 7])
def test_a_perfect_machine_is_reported_as_perfect(qubits: int) -> None:
    params = GhzInput(qubits=qubits)
    job = algorithm.start(params)
    answer = algorithm.proceed(params, step_of(job, shots=300)).as_dict()
    assert isinstance(answer, dict)
    assert answer["fidelity"] == 1
    assert answer["coherence"] == 1
    assert answer["entangled"]
    assert "note" not in answer
    assert answer["ideal"] == pytest.approx(probabilities(job.pubs[0].circuit))


def test_the_case_that_runs_end_to_end() -> None:
    params = GhzInput(**case.VALUES)
    answer = algorithm.proceed(params, step_of(algorithm.start(params), shots=params.shots)).as_dict()
    assert isinstance(answer, dict)
    case.check(answer, noisy=False)


def answer_of(settings: list[int], *pubs: dict[str, int]) -> dict[str, Any]:
    result = JobResult(pubs=[PubResult(counts={"meas": counts}) for counts in pubs])
    step = Step(0, result, {"settings": settings}, "fake_fez", True)
    answer = algorithm.proceed(GhzInput(qubits=2), step).as_dict()
    assert isinstance(answer, dict)
    json.dumps(answer, allow_nan=False)
    return answer


def test_noise_is_measured() -> None:
    # For two qubits: XX is 0.8, YY is -0.6.
    answer = answer_of([0, 3], {"00": 50, "11": 40, "01": 10}, {"00": 9, "01": 1}, {"01": 8, "00": 2})
    assert (answer["all_zero"], answer["all_one"]) == (0.5, 0.4)
    assert answer["coherence"] == pytest.approx(0.7)
    assert answer["fidelity"] == pytest.approx(0.8)
    assert answer["summary"].startswith("Both qubits gave the same bit in 90 % of 100 measurements.")


def test_a_coin_is_not_reported_as_a_ghz_state() -> None:
    """All zeros or all ones, but without the coherence: half of the fidelity."""
    even = {"00": 500, "01": 500}
    answer = answer_of([0, 3], {"00": 500, "11": 500}, even, even)
    assert answer["fidelity"] == 0.5
    assert not answer["entangled"]
    assert "too strong" in answer["note"]


def test_one_shot_proves_nothing() -> None:
    answer = answer_of([0, 3], {"00": 1}, {"00": 1}, {"01": 1})
    assert answer["fidelity"] == 1
    assert not answer["entangled"]
    assert "more shots" in answer["note"]


counts = st.dictionaries(st.text("01", min_size=2, max_size=2), st.integers(1, 2000), min_size=1)


@given(st.tuples(counts, counts, counts))
def test_any_counts_give_figures_within_bounds(pubs: Any) -> None:
    answer = answer_of([0, 3], *pubs)
    assert 0 <= answer["fidelity"] <= 1
    assert 0 < answer["fidelity_error"] < 0.6
    assert answer["entangled"] != ("note" in answer)


def test_the_largest_result_fits_into_an_event() -> None:
    entry = len('"":2000,') + MAX_QUBITS
    assert (MAX_SETTINGS + 1) * MAX_SHOTS * entry < 0.6 * MAX_EVENT_BYTES
