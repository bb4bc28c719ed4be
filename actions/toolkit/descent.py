"""Minimising a measured function in few, wide jobs: the optimiser of the hybrid algorithms.

A job is dear (a queue, a round trip through the whole system), a further set of parameter values in it is
cheap. So each job measures the function around a centre along many coordinates at once, where SPSA (Spall
1992, IEEE TAC 37:332) would take one random direction: two points per coordinate give the slope and the
curvature. For gates exp(-i x P / 2), along which the function is a sinusoid, they do so exactly with points
a quarter turn away, which is also where shot noise matters least: the parameter-shift rule (Mitarai et al.
2018, arXiv:1803.00745; Schuld et al. 2019, arXiv:1811.11184). The step is a quasi-Newton one (L-BFGS:
Nocedal 1980, Math. Comp. 35:773) with these curvatures as its first guess, and points on the line of the
step before, measured in the same job, correct that step's length afterwards.

Compared with SPSA of eight directions a job in `tests/actions/test_descent.py`.

Pure: a state gives its job's points, and with what was measured there, the next state.
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

#: Steps whose changes of gradient are remembered.
MEMORY = 6
#: Further lengths of the last step that are looked at, the step itself being 1.
LENGTHS = (0.3, 1.7)
#: Mixes the order in which coordinates take turns.
SEED = 1
#: Curvatures below this part of the largest are taken for it: noise must not make long steps.
FLAT = 0.15
#: Changes of the gradient that tell of less curvature than this part of the smallest are not remembered.
BENT = 0.3
#: Within which multiples of a step its best length is believed; by how much the longest step grows and
#: shrinks.
SHORTEST, LONGEST, GROWTH, SHRINKING = 0.1, 2.2, 1.5, 0.6
#: Looks in a row at all coordinates that promise nothing before the search ends.
PATIENCE = 2


@dataclass(frozen=True)
class SearchConfig:
    """How to search; the same for all steps of one run.

    Args:
        shift: how far from the centre the function is measured along a coordinate; below pi.
        radius: length of the first step at most; later ones may have twice that.
        points: that one job may have; at least 5. Where not all coordinates fit, they take turns.
        steps: jobs at most.
        tolerance: gain below which a step is not worth a job.
    """

    shift: float
    radius: float
    points: int
    steps: int
    tolerance: float


class Past(BaseModel):
    """The step before: where it started, what was measured there, and where it went."""

    model_config = ConfigDict(extra="forbid")

    step: list[float]
    gradient: list[float]
    value: float


class SearchState(BaseModel):
    """What the search remembers while a job is under way; JSON, some kilobytes."""

    model_config = ConfigDict(extra="forbid")

    #: Where the job measures.
    centre: list[float]
    radius: float
    #: The function at the centres so far.
    values: list[float] = []
    #: The best of the centres so far.
    best: list[float] = []
    past: Past | None = None
    #: Changes of the centre with the changes of the gradient.
    pairs: list[tuple[list[float], list[float]]] = []
    #: Steps in a row that promised nothing.
    idle: int = 0

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return self.model_dump(mode="json")


def begin(start: Sequence[float], plan: SearchConfig) -> SearchState:
    """The search's first state."""
    return SearchState(centre=[float(value) for value in start], radius=plan.radius)


def points(state: SearchState, plan: SearchConfig) -> list[list[float]]:
    """Where to measure: the centre, two points per coordinate, points along the last step."""
    centre = np.array(state.centre)
    found = [centre]
    for index in _coordinates(state, plan):
        for sign in (1.0, -1.0):
            point = centre.copy()
            point[index] += sign * plan.shift
            found.append(point)
    if state.past is not None:
        step = np.array(state.past.step)
        found += [centre + (length - 1) * step for length in LENGTHS]
    return [point.tolist() for point in found]


def advance(
    state: SearchState, plan: SearchConfig, values: Sequence[float], spread: float = 0.0
) -> SearchState:
    """The next state.

    Args:
        state: the one whose `points` were measured.
        plan: as for all steps.
        values: what was measured there, in their order.
        spread: standard deviation of one of the values.
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
        beyond = [float(found) for found in values[1 + 2 * len(chosen) :]]
        length = _length(state.past, [value, *beyond], float(gradient @ step) if whole else None)
        radius *= GROWTH if length > 1.2 else SHRINKING if length < 0.5 else 1.0
        radius = float(np.clip(radius, plan.radius / 20, 2 * plan.radius))
        base = centre + (length - 1) * step
        if whole:
            # The gradient at the better place on the line, read between those at its ends.
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
    """True if no further job is worth its price, or all are used up."""
    sweep = math.ceil(len(state.centre) / _room(plan))
    return len(state.values) >= plan.steps or state.idle >= PATIENCE * sweep


def _room(plan: SearchConfig) -> int:
    """Coordinates that one job can measure along."""
    return max(1, (plan.points - 1 - len(LENGTHS)) // 2)


def _coordinates(state: SearchState, plan: SearchConfig) -> list[int]:
    """Along which coordinates this step measures: all, or as many as fit, in turns and in mixed order."""
    count, room = len(state.centre), _room(plan)
    if room >= count:
        return list(range(count))
    order = np.random.default_rng(SEED).permutation(count)
    first = room * len(state.values)
    return sorted(int(order[(first + place) % count]) for place in range(room))


def _length(past: Past, values: Sequence[float], slope: float | None) -> float:
    """The best length of the last step (1: as it was), by a parabola through all that is known along it.

    Args:
        past: the step, with value and gradient at its start.
        values: at its end, and at `LENGTHS`.
        slope: at its end, along it; None if it was not measured.
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
    """The curvatures as a step divides by them: positive, none too small; infinite where unknown."""
    known = np.abs(curvature[np.isfinite(curvature)])
    floor = max(FLAT * float(known.max(initial=0.0)), 1e-9)
    scale: Vector = np.maximum(np.abs(curvature), floor)
    return scale


def _newton(gradient: Vector, scale: Vector, pairs: Sequence[tuple[list[float], list[float]]]) -> Vector:
    """The two-loop recursion of L-BFGS (Nocedal 1980) from the diagonal `scale`."""
    kept = [(np.array(step), np.array(change)) for step, change in pairs]
    # Noise and negative curvature give pairs that would turn the step uphill, or make it far too long.
    kept = [(s, y) for s, y in kept if s @ y > BENT * float(np.min(scale)) * (s @ s)]
    rest, factors = gradient.copy(), []
    for s, y in reversed(kept):
        factors.append((s @ rest) / (s @ y))
        rest -= factors[-1] * y
    found = rest / scale
    for (s, y), factor in zip(kept, reversed(factors), strict=True):
        found += s * (factor - (y @ found) / (s @ y))
    downhill = float(gradient @ found) > 0
    step: Vector = -found if downhill else -gradient / scale
    return step
