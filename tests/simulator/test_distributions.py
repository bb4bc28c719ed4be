"""Every method and noise model against exact density matrices: no deviation at the 1 % level.

`make trial-simulator` compares 200 circuits of up to eight qubits each, with random seeds. `SEED=N` repeats a
run.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

from .distributions import DYNAMIC_WAYS, WAYS, Comparison, Laboratory, Way

CIRCUITS = int(os.environ.get("CIRCUITS", "4"))
QUBITS = 8 if CIRCUITS > 50 else 3
SEED = int(os.environ.get("SEED", "16"))
LEVEL = 0.01


@pytest.fixture(scope="module")
def laboratory() -> Laboratory:
    return Laboratory()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_outcomes_follow_the_exact_probabilities(laboratory: Laboratory, way: object) -> None:
    place = [str(each) for each in WAYS].index(str(way))
    seeds = np.random.SeedSequence([SEED, place]).generate_state(CIRCUITS).tolist()
    check(laboratory.compare(WAYS[place], iter(seeds), QUBITS), seeds)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", DYNAMIC_WAYS, ids=str)
def test_dynamic_circuits_follow_the_exact_probabilities(laboratory: Laboratory, way: Way) -> None:
    sequence = np.random.SeedSequence([SEED, len(WAYS) + DYNAMIC_WAYS.index(way)])
    seeds = sequence.generate_state(CIRCUITS).tolist()
    check(laboratory.compare_dynamic(way, iter(seeds)), seeds)


def check(comparison: Comparison, seeds: list[int]) -> None:
    """Check that no circuit deviates, nor all of them together."""
    way = comparison.way
    values = comparison.p_values()
    # Bonferroni's correction, for all circuits of all ways.
    bound = LEVEL / (len(values) * (len(WAYS) + len(DYNAMIC_WAYS)))
    low = [(seed, value) for seed, value in zip([*seeds, "all"], values, strict=True) if value < bound]
    print(f"\n{way}: SEED={SEED}, {len(seeds)} circuits, p of all {values[-1]:.3f}, least {min(values):.2g}")
    assert not low, f"seeds with p < {bound:.2g}: {low}"


def test_a_wrong_distribution_is_noticed(laboratory: Laboratory) -> None:
    """The comparison has the power to see the difference between two noise models."""
    way = next(each for each in WAYS if str(each) == "statevector, pauli_twirled")
    wrong = next(each for each in WAYS if str(each) == "statevector, full")

    class Swapped(Laboratory):
        def _device(self, _: object) -> object:  # type: ignore[override]
            return super()._device(wrong)

    comparison: Comparison = Swapped().compare(way, iter(range(30)), 3)
    assert min(comparison.p_values()) < LEVEL / (len(WAYS) * 31)
