"""Amplitude estimation: amplified probabilities against sin^2, estimates from exact and noisy counts."""

from __future__ import annotations

from math import asin, exp, sin, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.amplitude_estimation.algorithm import AmplitudeInput, algorithm, exact_probability
from actions.amplitude_estimation.likelihood import estimate
from actions.framework.job import Step
from core.protocol import JobResult, PubResult
from tests.actions.theory import probabilities, step_of

POWERS = [0, 1, 2, 4, 8, 16]
MARKED = {"problem": "marked"}


def amplified(probability: float, power: int) -> float:
    return sin((2 * power + 1) * asin(sqrt(probability))) ** 2


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"probability": 0.2, "rounds": 5}, {"1"}),
        ({"probability": 0.0}, {"1"}),
        ({"probability": 1.0}, {"1"}),
        (MARKED | {"qubits": 1, "marked": [0]}, {"0"}),
        (MARKED | {"qubits": 2, "marked": [3]}, {"11"}),
        (MARKED | {"qubits": 2, "marked": [0, 1, 2, 3]}, {"00", "01", "10", "11"}),
        (MARKED | {"qubits": 3, "marked": [1, 6]}, {"001", "110"}),
        (MARKED | {"qubits": 4, "marked": [3, 7, 11], "rounds": 5}, {"0011", "0111", "1011"}),
    ],
)
def test_each_circuit_amplifies_as_theory_says(values: dict[str, Any], wanted: set[str]) -> None:
    params = AmplitudeInput(**values)
    job = algorithm.start(params)
    assert len(job.pubs) == params.rounds + 1
    for power, pub in zip(POWERS, job.pubs, strict=False):
        distribution = probabilities(pub.circuit)
        good = sum(part for bits, part in distribution.items() if bits in wanted)
        assert good == pytest.approx(amplified(exact_probability(params), power), abs=1e-9)


@pytest.mark.parametrize("values", [{"probability": p} for p in (0.0, 0.013, 0.2, 0.5, 0.9, 1.0)] + [MARKED])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_perfect_machine_gives_the_probability_within_its_error(
    values: dict[str, Any], noisy: bool, seed: int
) -> None:
    params = AmplitudeInput(**values)
    answer = algorithm.proceed(
        params, step_of(algorithm.start(params), seed=seed, shots=1024, noisy=noisy)
    ).as_dict()
    assert abs(answer["estimate"] - answer["exact"]) < 4 * answer["error"]
    assert 0 <= answer["lower"] <= answer["estimate"] <= answer["upper"] <= 1
    assert answer["calls"] == 1024 * (1 + 3 + 5 + 9 + 17)
    assert [point["step"] for point in answer["convergence"]] == [0, 1, 2, 3, 4]
    assert answer["convergence"][-1]["value"] == answer["estimate"]
    if 0.1 < answer["exact"] < 0.9 and not noisy:
        assert answer["error"] < answer["classical_error"]


def test_the_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(400):
        hits = [int(rng.binomial(200, amplified(0.3, power))) for power in POWERS[:5]]
        estimated = estimate(POWERS[:5], hits, [200] * 5, noisy=False, floor=None)
        held += estimated.lower <= 0.3 <= estimated.upper
    # 380 are expected, with a standard deviation of 4.4.
    assert 350 < held <= 399


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("floor", [0.5, None])
@pytest.mark.parametrize("decay", [0.05, 0.3])
def test_a_damped_signal_still_gives_the_probability(decay: float, floor: float | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lost = 0.2 if floor is None else floor
    chances = [
        exp(-decay * power) * amplified(0.2, power) + (1 - exp(-decay * power)) * lost for power in POWERS[:5]
    ]
    hits = [int(rng.binomial(4096, chance)) for chance in chances]
    estimated = estimate(POWERS[:5], hits, [4096] * 5, noisy=True, floor=floor)
    # The interval has 95 %; one four times as wide is missed once in 10^14.
    middle, half = (estimated.lower + estimated.upper) / 2, (estimated.upper - estimated.lower) / 2
    assert abs(0.2 - middle) < 4 * half
    assert half < 0.02
    assert estimated.decay == pytest.approx(decay, rel=0.5)


def answered(hits: list[int], shots: int, noisy: bool, **values: Any) -> dict[str, Any]:
    pubs = [PubResult(counts={"meas": {"1": seen, "0": shots - seen}}) for seen in hits]
    step = Step(0, JobResult(pubs=pubs), None, "x", noisy)
    return algorithm.proceed(AmplitudeInput(**values), step).as_dict()


def test_a_machine_without_coherence_is_reported() -> None:
    answer = answered([205, 512, 512, 512, 512], 1024, noisy=True)
    assert "Noise damped most" in answer["note"]


def test_a_device_with_systematic_errors_is_reported() -> None:
    shifted = [round(10_000 * amplified(0.23, power)) for power in POWERS[:5]]
    assert "outside the interval" in answered(shifted, 10_000, noisy=True)["note"]


@given(st.lists(st.integers(0, 50), min_size=5, max_size=5), st.booleans())
def test_any_counts_give_an_answer_that_is_finite_and_in_order(hits: list[int], noisy: bool) -> None:
    answer = answered(hits, 50, noisy)
    assert 0 <= answer["lower"] <= answer["estimate"] <= answer["upper"] <= 1
    assert 0 < answer["error"] <= 0.5
    assert answer["advantage"] > 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (MARKED | {"marked": [1, 1]}, "a number twice"),
        (MARKED | {"qubits": 2, "marked": [4]}, "at most 3"),
        (MARKED | {"marked": []}, "at least 1 item"),
        ({"marked": [16]}, "less than or equal to 15"),
        ({"probability": 1.1}, "less than or equal to 1"),
        ({"rounds": 6}, "less than or equal to 5"),
    ],
)
def test_wrong_input_is_reported(values: dict[str, Any], words: str) -> None:
    error = algorithm.main(values)["error"]
    assert words in error["message"]
    assert error["details"]["errors"][0]["field"].split(".")[0] == list(values)[-1]


def test_a_marked_set_is_ignored_by_the_other_problem() -> None:
    assert AmplitudeInput(qubits=1, marked=[5, 9]).problem == "bernoulli"
