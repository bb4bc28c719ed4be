"""Minimising a measured function in few, wide jobs: the optimiser of the hybrid algorithms.

A job is expensive (a queue, a round trip through the whole system). Another set of parameter values in the
same job is cheap. So each job measures the function around a centre along many coordinates at once. SPSA
(Spall 1992, IEEE TAC 37:332) would use one random direction. Two points per coordinate give slope and
curvature. For gates exp(-i x P / 2) the function is a sinusoid along the coordinate, and points a quarter
turn away give both exactly, with the least effect of shot noise: the parameter-shift rule (Mitarai et al.
2018, arXiv:1803.00745; Schuld et al. 2019, arXiv:1811.11184). The step is a quasi-Newton step (L-BFGS:
Nocedal 1980, Math. Comp. 35:773) that starts from these curvatures. Points on the line of the previous step,
measured in the same job, correct the length of that step afterwards.

`tests/actions/test_descent.py` compares it with SPSA of eight directions per job.

The functions are pure: a state determines the points of its job, and with the measured values the next state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Vector = NDArray[np.float64]

#: Previous steps whose changes of the gradient are kept.
MEMORY = 6
#: Additional lengths of the last step that are measured; the step itself has length 1.
LENGTHS = (0.3, 1.7)
#: Seed of the order in which coordinates take turns.
SEED = 1
#: Curvatures below this fraction of the largest are raised to it: noise must not cause long steps.
FLAT = 0.15
#: Changes of the gradient with less curvature than this fraction of the smallest are not kept.
BENT = 0.3
#: Bounds of the best length of a step, in multiples of it; factors by which the longest step grows and
#: shrinks.
SHORTEST, LONGEST, GROWTH, SHRINKING = 0.1, 2.2, 1.5, 0.6
#: Consecutive passes over all coordinates without a worthwhile gain that end the search.
PATIENCE = 2


@dataclass(frozen=True)
class SearchConfig:
    """Settings of a search; the same for all steps of one run.

    Args:
        shift: distance from the centre of the points along a coordinate, in radians; below pi.
        radius: maximum length of the first step, in radians; later steps may be twice as long.
        points: maximum number of points of one job, at least 5. If not all coordinates fit, they take turns.
        steps: maximum number of jobs.
        tolerance: expected gain below which a step is not worth a job, in units of the function.
    """

    shift: float
    radius: float
    points: int
    steps: int
    tolerance: float


class Past(BaseModel):
    """The previous step: its vector, and the gradient and the value at its start."""

    model_config = ConfigDict(extra="forbid")

    step: list[float]
    gradient: list[float]
    value: float


class SearchState(BaseModel):
    """The state of a search between two jobs; a few kilobytes of JSON."""

    model_config = ConfigDict(extra="forbid")

    #: The centre of the points of the next job.
    centre: list[float]
    radius: float
    #: The values at all previous centres.
    values: list[float] = []
    #: The previous centre with the lowest value.
    best: list[float] = []
    past: Past | None = None
    #: Steps, each with its change of the gradient.
    pairs: list[tuple[list[float], list[float]]] = []
    #: Consecutive steps without a worthwhile gain.
    idle: int = 0

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return self.model_dump(mode="json")


def begin(start: Sequence[float], plan: SearchConfig) -> SearchState:
    """Return the first state of a search that starts at these coordinates."""
    return SearchState(centre=[float(value) for value in start], radius=plan.radius)


def points(state: SearchState, plan: SearchConfig) -> list[list[float]]:
    """Return the points to measure: the centre, two per coordinate, and those along the last step."""
    centre = np.array(state.centre)
    result = [centre]
    for index in _coordinates(state, plan):
        for sign in (1.0, -1.0):
            point = centre.copy()
            point[index] += sign * plan.shift
            result.append(point)
    if state.past is not None:
        step = np.array(state.past.step)
        result += [centre + (length - 1) * step for length in LENGTHS]
    return [point.tolist() for point in result]


def advance(
    state: SearchState, plan: SearchConfig, values: Sequence[float], spread: float = 0.0
) -> SearchState:
    """Return the next state.

    Args:
        state: the state whose `points` were measured.
        plan: the settings of the search.
        values: the measured values, in the order of the points.
        spread: standard deviation of one value.
    """
    chosen = _coordinates(state, plan)
    centre, whole = np.array(state.centre), len(chosen) == len(state.centre)
    value, around = float(values[0]), np.array(values[1 : 1 + 2 * len(chosen)], dtype=float)
    above, below = around[::2], around[1::2]
    gradient = np.zeros(len(centre))
    gradient[chosen] = (above - below) / (2 * np.sin(plan.shift))
    curvature = np.full(len(centre), np.inf)
    curvature[chosen] = (above + below - 2 * value) / (2 * (1 - np.cos(plan.shift)))
    pairs, radius, base, slope = list(state.pairs), state.radius, centre, gradient
    if state.past is not None:
        step, before = np.array(state.past.step), np.array(state.past.gradient)
        beyond = [float(other) for other in values[1 + 2 * len(chosen) :]]
        length = _length(state.past, [value, *beyond], float(gradient @ step) if whole else None)
        radius *= GROWTH if length > 1.2 else SHRINKING if length < 0.5 else 1.0
        radius = float(np.clip(radius, plan.radius / 20, 2 * plan.radius))
        base = centre + (length - 1) * step
        if whole:
            # The gradient at the better point of the line, interpolated between its ends.
            slope = gradient + (length - 1) * (gradient - before)
            pairs = [*pairs, (step.tolist(), (gradient - before).tolist())][-MEMORY:]
    scale = _scale(curvature)
    step = _newton(slope, scale, pairs if whole else [])
    size = float(np.linalg.norm(step))
    gain = -float(slope @ step) / 2
    if size > radius:
        step *= radius / size
    target = base + step
    return SearchState(
        centre=target.tolist(),
        radius=radius,
        values=[*state.values, value],
        best=state.centre if value <= min(state.values, default=value) else state.best,
        past=Past(step=(target - centre).tolist(), gradient=gradient.tolist(), value=value),
        pairs=pairs,
        idle=state.idle + 1 if gain < max(plan.tolerance, spread / 2) else 0,
    )


def finished(state: SearchState, plan: SearchConfig) -> bool:
    """Return whether another job is not worth its cost, or the maximum number of jobs is reached."""
    sweep = math.ceil(len(state.centre) / _room(plan))
    return len(state.values) >= plan.steps or state.idle >= PATIENCE * sweep


def _room(plan: SearchConfig) -> int:
    """The number of coordinates along which one job can measure."""
    return max(1, (plan.points - 1 - len(LENGTHS)) // 2)


def _coordinates(state: SearchState, plan: SearchConfig) -> list[int]:
    """The coordinates along which this step measures: all, or as many as fit, in a shuffled order."""
    count, room = len(state.centre), _room(plan)
    if room >= count:
        return list(range(count))
    order = np.random.default_rng(SEED).permutation(count)
    first = room * len(state.values)
    return sorted(int(order[(first + place) % count]) for place in range(room))


def _length(past: Past, values: Sequence[float], slope: float | None) -> float:
    """The best length of the last step, in multiples of it, by a parabola through all values along it.

    Args:
        past: the step, with value and gradient at its start.
        values: the values at its end and at `LENGTHS`.
        slope: the slope along it at its end; None if it was not measured.
    """
    lengths = [0.0, 1.0, *LENGTHS]
    known = [past.value, *values]
    rows = [[1.0, length, length**2] for length in lengths] + [[0.0, 1.0, 0.0]]
    right = [*known, float(np.dot(past.gradient, past.step))]
    if slope is not None:
        rows.append([0.0, 1.0, 2.0])
        right.append(slope)
    _, linear, square = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    if square > 0:
        return float(np.clip(-linear / (2 * square), SHORTEST, LONGEST))
    return max(SHORTEST, lengths[int(np.argmin(known))])


def _scale(curvature: Vector) -> Vector:
    """The divisors of a step: the curvatures, positive and not too small; infinite where unknown."""
    known = np.abs(curvature[np.isfinite(curvature)])
    floor = max(FLAT * float(known.max(initial=0.0)), 1e-9)
    scale: Vector = np.maximum(np.abs(curvature), floor)
    return scale


def _newton(gradient: Vector, scale: Vector, pairs: Sequence[tuple[list[float], list[float]]]) -> Vector:
    """The two-loop recursion of L-BFGS (Nocedal 1980) from the diagonal `scale`."""
    kept = [(np.array(step), np.array(change)) for step, change in pairs]
    # Pairs from noise or negative curvature would turn the step uphill, or make it far too long.
    kept = [(s, y) for s, y in kept if s @ y > BENT * float(np.min(scale)) * (s @ s)]
    rest, factors = gradient.copy(), []
    for s, y in reversed(kept):
        factors.append((s @ rest) / (s @ y))
        rest -= factors[-1] * y
    direction = rest / scale
    for (s, y), factor in zip(kept, reversed(factors), strict=True):
        direction += s * (factor - (y @ direction) / (s @ y))
    downhill = float(gradient @ direction) > 0
    step: Vector = -direction if downhill else -gradient / scale
    return step
