"""Phase estimation: the exact distribution of both circuits, and the phase read from good and bad counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from qiskit.quantum_info import Operator, Statevector

from actions.framework.job import Step
from actions.phase_estimation.algorithm import PhaseInput, algorithm
from actions.phase_estimation.circuit import REGISTER, GateName, eigenstate, exact_phase, unitary
from actions.toolkit.phases import distribution
from core.protocol import JobResult
from tests.actions.theory import probabilities, step_of

GATES: list[GateName] = ["p", "rx", "ry", "rz"]
angles = st.floats(-1, 1, allow_nan=False)


def kernel(phase: float, bits: int) -> list[float]:
    """The probability of each outcome, as the sum over the control register's states."""
    size = 2**bits
    states = np.arange(size)
    return [
        abs(np.exp(2j * np.pi * states * (phase - outcome / size)).sum() / size) ** 2
        for outcome in range(size)
    ]


@pytest.mark.parametrize("gate", GATES)
@given(angle=angles)
def test_the_exact_phase_is_the_eigenvalues(gate: GateName, angle: float) -> None:
    before = Statevector(eigenstate(gate))
    after = before.evolve(Operator(unitary(gate, angle)))
    expected = np.exp(2j * np.pi * exact_phase(gate, angle))
    assert np.allclose(after.data, expected * before.data, atol=1e-12)
    assert 0 <= exact_phase(gate, angle) <= 1


@pytest.mark.parametrize("method", ["iterative", "fourier"])
@pytest.mark.parametrize(
    ("gate", "angle", "bits"),
    [
        ("p", 0.3, 4),
        ("p", 0.3125, 4),
        ("p", 1.0, 3),
        ("rx", 0.71, 4),
        ("ry", -0.3, 4),
        ("rz", 0.9, 3),
        ("p", 0, 2),
    ],
)
def test_both_circuits_have_the_distribution_of_theory(
    method: Any, gate: GateName, angle: float, bits: int
) -> None:
    params = PhaseInput(gate=gate, angle=angle, bits=bits, method=method)
    circuit = algorithm.build(params)
    assert circuit.num_qubits == (2 if method == "iterative" else bits + 1)
    measured = probabilities(circuit, REGISTER)
    expected = kernel(exact_phase(gate, angle), bits)
    for outcome, probability in enumerate(expected):
        assert measured.get(f"{outcome:0{bits}b}", 0.0) == pytest.approx(probability, abs=1e-9)


@given(angles, st.integers(2, 6))
@example(0.0, 3)
@example(1.0, 3)
def test_the_closed_form_is_the_sum(phase: float, bits: int) -> None:
    closed = distribution(phase, np.arange(2**bits), bits)
    assert closed == pytest.approx(kernel(phase, bits), abs=1e-9)
    assert closed.sum() == pytest.approx(1)


def answered(counts: dict[int, int], bits: int, noisy: bool = True, angle: float = 0.3) -> dict[str, Any]:
    named = {f"{outcome:0{bits}b}": count for outcome, count in counts.items()}
    step = Step(0, JobResult(counts={REGISTER: named}), None, "x", noisy)
    return algorithm.answer(PhaseInput(angle=angle, bits=bits), step).as_dict()


@pytest.mark.parametrize("angle", [0.0, 0.3, 0.3125, 0.99, -0.4])
@pytest.mark.parametrize("bits", [2, 5])
@pytest.mark.parametrize("seed", range(5))
def test_a_perfect_machine_gives_the_phase_within_its_error(angle: float, bits: int, seed: int) -> None:
    params = PhaseInput(angle=angle, bits=bits)
    answer = algorithm.answer(params, step_of(algorithm.start(params), seed=seed)).as_dict()
    assert abs(answer["difference"]) < 4 * answer["error"]
    assert answer["error"] < 0.2 * answer["resolution"]
    assert "note" not in answer
    assert answer["ideal"] == pytest.approx(
        {
            f"{outcome:0{bits}b}": probability
            for outcome, probability in enumerate(kernel(angle, bits))
            if probability > 1e-9
        },
        abs=1e-9,
    )


@pytest.mark.parametrize("signal", [0.2, 0.6])
def test_noise_is_distinguished_from_the_signal(signal: float) -> None:
    rng = np.random.default_rng(5)
    weights = signal * distribution(0.3, np.arange(64), 6) + (1 - signal) / 64
    drawn = rng.multinomial(4096, weights / weights.sum())
    answer = answered(dict(enumerate(map(int, drawn))), 6)
    assert abs(answer["difference"]) < 4 * answer["error"]
    assert answer["signal"] == pytest.approx(signal, abs=0.1)
    assert ("note" in answer) is (signal < 0.5)


@pytest.mark.parametrize("bits", [2, 6, 10])
def test_pure_noise_is_reported_as_such(bits: int) -> None:
    drawn = np.random.default_rng(3).multinomial(2048, np.full(2**bits, 2.0**-bits))
    answer = answered(dict(enumerate(map(int, drawn))), bits)
    assert "not distinguishable from chance" in answer["note"]
    assert answer["summary"].startswith("No phase could be read")


def test_one_shot_is_too_few() -> None:
    assert "too few shots" in answered({3: 1}, 5, noisy=False)["note"]


@given(st.dictionaries(st.integers(0, 31), st.integers(1, 10**5), min_size=1))
def test_any_counts_give_a_finite_answer(counts: dict[int, int]) -> None:
    answer = answered(counts, 5)
    assert 0 <= answer["phase"] <= 1
    assert 0 < answer["error"] <= 1
    assert 0 <= answer["signal"] <= 1
    assert abs(answer["difference"]) <= 0.5


def test_an_answer_has_at_most_64_ideal_outcomes() -> None:
    ideal = answered({1: 5}, 10)["ideal"]
    assert len(ideal) == 64
    assert sum(ideal.values()) > 0.98


@pytest.mark.parametrize(
    "changes", [{"angle": 1.5}, {"angle": float("nan")}, {"bits": 1}, {"bits": 11}, {"gate": "x"}]
)
def test_a_value_out_of_range_is_refused(changes: dict[str, Any]) -> None:
    error = algorithm.main({"angle": 0.3} | changes)["error"]
    assert [item["field"] for item in error["details"]["errors"]] == list(changes)
