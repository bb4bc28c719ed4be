"""The optimiser of the hybrid algorithms: exact on sinusoids, bounded, pure, and quicker than SPSA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.toolkit import descent
from actions.toolkit.descent import SearchConfig, SearchState, advance, begin, finished, points
from core.protocol import MAX_STATE_BYTES

QUARTER = np.pi / 2
Function = Callable[[np.ndarray[Any, Any]], float]


def plan(**changes: Any) -> SearchConfig:
    values: dict[str, Any] = {"shift": QUARTER, "radius": 1.0, "points": 100, "steps": 20, "tolerance": 1e-6}
    return SearchConfig(**values | changes)


def minimised(
    of: Function, start: list[float], how: SearchConfig, spread: float = 0.0, seed: int = 0
) -> SearchState:
    """Return the last state; values have noise of this spread. The state goes through JSON at every step."""
    random = np.random.default_rng(seed)
    state = begin(start, how)
    while not finished(state, how):
        state = SearchState.model_validate_json(orjson.dumps(state.dump()))
        rows = points(state, how)
        assert len(rows) <= how.points
        values = [of(np.array(row)) + spread * random.normal() for row in rows]
        state = advance(state, how, values, spread)
    return state


def rotations(angles: np.ndarray[Any, Any]) -> float:
    """A sum of sinusoids with one product, as gates give it; the minimum is -3.5 at (0.4, -1, 2)."""
    first, second, third = angles - np.array([0.4, -1.0, 2.0])
    return float(-np.cos(first) * np.cos(second) - np.cos(second) - 1.5 * np.cos(third))


def test_the_minimum_of_sinusoids_is_found_in_few_jobs() -> None:
    state = minimised(rotations, [0.0, 0.0, 0.7], plan())
    assert len(state.values) < 10
    assert np.array(state.centre) == pytest.approx([0.4, -1.0, 2.0], abs=0.01)


def test_the_slope_along_a_sinusoid_is_exact() -> None:
    """The parameter-shift rule: the slope has no error that depends on the size of the step."""
    how = plan()
    state = begin([0.3], how)
    after = advance(state, how, [float(2 * np.sin(row[0] + 1) - 5) for row in points(state, how)])
    assert after.past is not None
    assert after.past.gradient[0] == pytest.approx(2 * np.cos(1.3), abs=1e-12)


def test_a_quadratic_is_followed_with_small_shifts() -> None:
    matrix = np.array([[3.0, 1.0], [1.0, 0.5]])
    target = np.array([0.6, -0.9])
    state = minimised(
        lambda at: float((at - target) @ matrix @ (at - target)), [0.0, 0.0], plan(shift=0.2, radius=0.5)
    )
    assert np.array(state.centre) == pytest.approx(target, abs=0.03)


def test_noise_ends_the_search_near_the_minimum() -> None:
    ends = [minimised(rotations, [0.0, 0.0, 0.7], plan(), 0.02, seed) for seed in range(10)]
    assert max(rotations(np.array(end.centre)) for end in ends) < -3.5 + 0.02
    assert np.mean([len(end.values) for end in ends]) < 12


def test_fewer_jobs_than_spsa() -> None:
    """SPSA with as many points per job, and the step sizes of Spall (1998) calibrated as by Kandala et al."""

    def spsa(of: Function, start: list[float], jobs: int, directions: int, spread: float, seed: int) -> float:
        random = np.random.default_rng(seed)
        at, gain = np.array(start), None
        for job in range(jobs):
            shift = 0.2 / (job + 1) ** 0.101
            signs = random.choice([-1.0, 1.0], (directions, len(at)))
            differences = [
                of(at + shift * s) - of(at - shift * s) + spread * random.normal() * 2**0.5 for s in signs
            ]
            slope = np.array(differences) @ signs / (2 * shift * directions)
            if gain is None:
                gain = 0.3 * (1 + 0.1 * jobs) ** 0.602 / np.abs(slope).mean()
            at = at - gain / (job + 1 + 0.1 * jobs) ** 0.602 * slope
        return of(at)

    start = [0.0, 0.0, 0.7]
    ours = [
        rotations(np.array(minimised(rotations, start, plan(steps=6), 0.02, seed).centre))
        for seed in range(20)
    ]
    theirs = [spsa(rotations, start, 6, 4, 0.02, seed) for seed in range(20)]
    assert np.mean(ours) + 3.5 < (np.mean(theirs) + 3.5) / 5


def test_coordinates_that_do_not_fit_take_turns() -> None:
    how = plan(points=9)
    state = begin([0.0] * 10, how)
    moved = set()
    for _ in range(4):
        rows = np.array(points(state, how))
        assert len(rows) <= 9
        centre = np.array(state.centre)
        # The points along coordinates come in pairs; what follows lies on the last step's line.
        moved |= {int(np.argmax(np.abs(row - centre))) for row in rows[1:7]}
        state = advance(state, how, [float(np.sum(np.cos(row))) for row in rows])
    assert moved == set(range(10))


def test_the_search_goes_on_until_no_coordinate_promises_an_improvement() -> None:
    """Only the last of ten coordinates matters: the turns of the others must not end the search."""
    how = plan(points=5, steps=60)
    state = minimised(lambda at: float(-np.cos(at[9] - 1)), [0.0] * 10, how)
    assert state.centre[9] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_bound_on_steps_is_kept(steps: int) -> None:
    assert len(minimised(rotations, [2.0, 2.0, -1.0], plan(steps=steps, tolerance=0.0)).values) == steps


def test_the_best_centre_is_remembered() -> None:
    how = plan(tolerance=0.0, steps=4)
    state = begin([0.0], how)
    centres, values = [], [3.0, 1.0, 2.0, 5.0]
    for value in values:
        centres.append(state.centre)
        state = advance(state, how, [value, value, value + 0.1, value, value][: len(points(state, how))])
    assert (state.best, state.values) == (centres[1], values)


@given(
    st.integers(1, 30),
    st.lists(st.floats(-1e6, 1e6), min_size=100, max_size=100),
    st.integers(5, 100),
    st.sampled_from([0.2, QUARTER]),
)
def test_any_measurement_gives_steps_that_are_finite_and_bounded(
    count: int, values: list[float], room: int, shift: float
) -> None:
    how = plan(points=room, shift=shift, radius=0.5)
    state = begin([0.1] * count, how)
    for turn in range(4):
        rows = points(state, how)
        assert len(rows) <= room
        measured = values[turn:] + values[:turn]
        before = state.dump()
        after = advance(state, how, measured[: len(rows)])
        assert state.dump() == before, "advance must not change its argument"
        assert advance(state, how, measured[: len(rows)]) == after, "a repeated call must be the same"
        moved = np.array(after.centre) - np.array(state.centre)
        assert np.isfinite(moved).all()
        # A step, and the correction of the one before, each bounded by the longest step.
        assert np.linalg.norm(moved) <= 1.0 + 1.2 * 2.2 + 1e-9
        state = after


def test_the_state_of_the_longest_run_is_small() -> None:
    """Eight qubits with three layers of efficient_su2, and sixty steps."""
    count, how = 64, plan(steps=60, tolerance=0.0, points=200)
    random = np.random.default_rng(1)
    state = begin(random.normal(size=count).tolist(), how)
    for _ in range(60):
        state = advance(state, how, random.normal(size=len(points(state, how))).tolist())
    assert len(state.pairs) <= descent.MEMORY
    assert len(orjson.dumps(state.dump())) < MAX_STATE_BYTES / 2
