"""teleportation: the state that arrives, the feed-forward that it needs, and the answer."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit import IfElseOp
from qiskit.quantum_info import Pauli, Statevector

from actions.framework.job import Step
from actions.teleportation.algorithm import ORDER, TeleportationInput, algorithm
from actions.teleportation.circuit import teleportation
from actions.toolkit.pauli import BASES
from core.protocol import JobResult, PubResult
from tests.actions.cases import teleportation as case
from tests.actions.theory import probabilities, step_of

thetas = st.floats(0, math.pi)
phis = st.floats(-2 * math.pi, 2 * math.pi)


def sent(theta: float, phi: float) -> Statevector:
    """The state by its definition."""
    return Statevector([math.cos(theta / 2), complex(math.cos(phi), math.sin(phi)) * math.sin(theta / 2)])


def answer_of(*pubs: dict[str, int], alice: Any = None) -> dict[str, Any]:
    result = JobResult(pubs=[PubResult(counts={"meas": bob, "alice": alice or {"00": 1}}) for bob in pubs])
    params = TeleportationInput(theta=math.pi / 2)
    answer = algorithm.proceed(params, Step(0, result, None, "fake_fez", True)).as_dict()
    assert isinstance(answer, dict)
    json.dumps(answer, allow_nan=False)
    return answer


@given(thetas, phis, st.sampled_from(BASES))
def test_bob_gets_the_state_that_was_sent(theta: float, phi: float, basis: Any) -> None:
    mean = float(sent(theta, phi).expectation_value(Pauli(basis)).real)
    arrived = probabilities(teleportation(theta, phi, basis), "meas")
    assert arrived.get("0", 0) == pytest.approx((1 + mean) / 2, abs=1e-9)


@given(thetas, phis)
def test_undoing_the_preparation_always_gives_zero(theta: float, phi: float) -> None:
    assert probabilities(teleportation(theta, phi, "state"), "meas") == pytest.approx({"0": 1}, abs=1e-9)


@given(thetas, phis)
def test_alices_bits_tell_nothing_of_the_state(theta: float, phi: float) -> None:
    bits = probabilities(teleportation(theta, phi, "state"), "alice")
    assert bits == pytest.approx(dict.fromkeys(("00", "01", "10", "11"), 0.25), abs=1e-9)


@pytest.mark.parametrize("left_out", [0, 1])
def test_without_either_feed_forward_the_state_does_not_arrive(left_out: int) -> None:
    circuit = teleportation(1.0, 2.0, "state")
    corrections = [number for number, item in enumerate(circuit.data) if isinstance(item.operation, IfElseOp)]
    assert len(corrections) == 2
    del circuit.data[corrections[left_out]]
    assert probabilities(circuit, "meas")["0"] < 0.9


def test_bobs_qubit_never_meets_the_state() -> None:
    circuit = teleportation(1.0, 2.0, "state")
    met = {
        frozenset(circuit.find_bit(qubit).index for qubit in item.qubits)
        for item in circuit.data
        if len(item.qubits) == 2
    }
    assert met == {frozenset({1, 2}), frozenset({0, 1})}
    # The corrections come after both measurements, so that they can only be feed-forward.
    names = [item.operation.name for item in circuit.data]
    assert names.index("if_else") > names.index("measure") + 1


@given(thetas, phis, st.integers(1, 2**31))
def test_a_perfect_machine_is_reported_as_perfect(theta: float, phi: float, seed: int) -> None:
    params = TeleportationInput(theta=theta, phi=phi)
    job = algorithm.start(params)
    answer = algorithm.proceed(params, step_of(job, shots=400, seed=seed)).as_dict()
    assert isinstance(answer, dict)
    assert answer["fidelity"] == 1
    assert "note" not in answer
    assert answer["ideal"] == pytest.approx(probabilities(job.pubs[0].circuit, "meas"), abs=1e-9)
    for basis in BASES:
        mean = float(sent(theta, phi).expectation_value(Pauli(basis)).real)
        assert answer["sent"][basis] == pytest.approx(mean, abs=1e-9)
        assert abs(answer["received"][basis] - mean) < 7 / math.sqrt(400)


def test_the_case_that_runs_end_to_end() -> None:
    params = TeleportationInput(**case.VALUES)
    answer = algorithm.proceed(params, step_of(algorithm.start(params), shots=params.shots)).as_dict()
    assert isinstance(answer, dict)
    case.check(answer, noisy=False)


def test_noise_is_measured() -> None:
    alice = {"00": 1, "01": 2, "10": 3, "11": 4}
    answer = answer_of({"0": 900, "1": 100}, {"0": 3, "1": 1}, {"0": 1, "1": 1}, {"1": 5}, alice=alice)
    assert answer["fidelity"] == pytest.approx(0.9)
    assert answer["fidelity_error"] == pytest.approx(math.sqrt(0.09 / 1000), rel=0.01)
    assert answer["received"] == {"X": 0.5, "Y": 0, "Z": -1}
    # Qiskit writes bit 0 last: "01" is a 1 for Z.
    assert answer["alice"] == pytest.approx({"00": 0.1, "10": 0.2, "01": 0.3, "11": 0.4})
    assert "note" not in answer
    assert "90 %" in answer["summary"]


@pytest.mark.parametrize(
    ("arrived", "words"),
    [({"0": 1}, "Use more shots"), ({"0": 500, "1": 500}, "too strong"), ({"1": 5}, "too strong")],
)
def test_a_fidelity_possible_without_entanglement_is_reported(arrived: dict[str, int], words: str) -> None:
    answer = answer_of(arrived, {"0": 1}, {"0": 1}, {"0": 1})
    assert words in answer["note"]
    assert 0 <= answer["fidelity"] <= 1


def test_the_state_itself_is_the_first_in_the_order() -> None:
    assert ORDER == ("state", "X", "Y", "Z")
