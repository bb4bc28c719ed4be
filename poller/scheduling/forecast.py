"""Forecasts of completions, and the time at which a look is worth its call. Pure.

A completion is modelled by a logistic distribution. Its distribution function, F(t) = 1 / (1 + exp(-(t -
mean) / scale)), and the integral of that are elementary, and the hazard of an overdue job is at most 1 /
scale.

A look at time t finds every job that completed since the last look. Each such job has been complete but not
delivered for t minus its completion. The sum of these expected lags grows with t, and one call ends it for
all jobs that it returns. If completions have the rate h and a call costs as much as `price` seconds of lag,
looking every d seconds costs price / d + h * d / 2 per second. The minimum is at d = sqrt(2 * price / h),
where the accumulated lag, h * d**2 / 2, equals the price. So the rule is: the next look is made when the
expected lag since the last looks reaches the price of a call. It is the optimal inspection schedule of
Barlow, Hunter and Proschan ("Optimum checking procedures", J. SIAM 11, 1963), in Keller's continuous form
("Optimum checking schedules", Management Science 21, 1974), for many jobs and one call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A job is long overdue this many scales after its mean: its hazard is 1 / scale to four digits.
_OVERDUE = 10.0
#: The limit of exponents. Larger ones change nothing, and exp overflows a double above 709.
_NEVER = 500.0
#: Seconds after the start at which the search for the time of a look begins.
_FIRST_STEP = 0.05
#: The fraction of the best page's worth that the chosen page may lack.
LEFT_OUT = 0.1
#: The most Newton steps, and the relative tolerance of the price.
_STEPS, NEAR = 60, 0.01
#: The relative tolerance of the wait.
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected position and completion of a job.

    Attributes:
        position: the number of jobs before it; 0 if it is next or running.
        mean: the expected completion, in seconds since 1970.
        scale: the scale of the logistic distribution, in seconds. Its standard deviation is 1.8 times that.
    """

    position: int
    mean: float
    scale: float

    def quantile(self, part: float) -> float:
        """Return the time by which the job is done with a given probability.

        Args:
            part: the probability, between 0 and 1, exclusive.
        """
        return self.mean + self.scale * math.log(part / (1.0 - part))


def expected_lag(instant: float, means: Array, scales: Array, since: Array) -> Array:
    """Return the expected lag of each job if it is looked at next at `instant`.

    This is the integral from `since` to `instant` of the completion's distribution function, conditional on
    the job not being complete at `since`.

    Args:
        instant: the time of the look, in seconds.
        means: the jobs' expected completions, in seconds.
        scales: the scales of their distributions, in seconds.
        since: when each job was last known not to be complete, in seconds.

    Returns:
        The lag of each job, in seconds.
    """
    return _LagFunction(means, scales, since).lags(instant)


class _LagFunction:
    """The expected lag of several jobs as a function of time."""

    def __init__(self, means: Array, scales: Array, since: Array) -> None:
        start = (since - means) / scales
        self._late = start > _OVERDUE
        start = np.minimum(start, _OVERDUE)
        self._odds = np.exp(start)
        self._base = np.logaddexp(0.0, start)
        self._means, self._scales, self._since = means, scales, since

    def lags(self, instant: float) -> Array:
        """Return the lag of each job at `instant`, in seconds."""
        ahead = np.maximum(instant - self._since, 0.0) / self._scales
        end = (np.maximum(instant, self._since) - self._means) / self._scales
        usual = (1.0 + self._odds) * (np.logaddexp(0.0, end) - self._base) - self._odds * ahead
        if self._late.any():
            # The hazard is 1 / scale. The difference above would lose all its digits.
            usual = np.where(self._late, ahead - 1.0 + np.exp(-ahead), usual)
        lags: Array = self._scales * np.maximum(usual, 0.0)
        return lags

    def slope(self, instant: float) -> float:
        """Return the expected number of jobs complete at `instant`: the derivative of the summed lag."""
        ahead = np.maximum(instant - self._since, 0.0) / self._scales
        end = (np.maximum(instant, self._since) - self._means) / self._scales
        # The conditional distribution is (F(b) - F(a)) / (1 - F(a)) = (1 - exp(a - b)) / (1 + exp(-b)).
        done = -np.expm1(-ahead) / (1.0 + np.exp(np.minimum(-end, _NEVER)))
        return float(done.sum())


def look_instant(forecasts: Sequence[Forecast], since: Sequence[float], price: float, latest: float) -> float:
    """Return the time at which a look that returns all these jobs is worth its call.

    Args:
        forecasts: the forecasts of the jobs; at least one.
        since: when each job was last known not to be complete, in seconds since 1970.
        price: seconds of lag that a call is worth; positive.
        latest: when to look even if no completion is expected, in seconds since 1970.

    Returns:
        A time between the earliest of `since` and `latest`, in seconds since 1970.
    """
    # Relative to the start: a double of seconds since 1970 would lose precision below a microsecond.
    begin = min(since)
    means = np.array([forecast.mean for forecast in forecasts]) - begin
    scales = np.array([forecast.scale for forecast in forecasts])
    known = np.array(since) - begin
    furthest = max(0.0, latest - begin)

    lag_function = _LagFunction(means, scales, known)
    if float(lag_function.lags(furthest).sum()) <= price:
        return begin + furthest
    low, high, nearer = 0.0, furthest, _FIRST_STEP
    while nearer < furthest:
        if float(lag_function.lags(nearer).sum()) >= price:
            high = nearer
            break
        low, nearer = nearer, 4.0 * nearer
    for _ in range(_STEPS):
        above = float(lag_function.lags(high).sum()) - price
        if above <= NEAR * price:
            break
        # The sum is convex and increasing: from the right, Newton steps approach the root without passing it,
        # except by rounding.
        slope = lag_function.slope(high)
        step = high - above / slope if slope > 0 else low
        middle = step if step > low else 0.5 * (low + high)
        if float(lag_function.lags(middle).sum()) < price:
            low = middle
        else:
            high = middle
        if high - low <= _CLOSE * high:
            break
    return begin + high


def best_window(places: Sequence[float], worth: Sequence[float], reach: float) -> int:
    """Return the index of the place at which a window of length `reach` is worth most.

    Among windows of nearly equal worth this is the last, which reaches furthest.

    Args:
        places: the places, in ascending order; at least one.
        worth: the worth of each place; not negative.
        reach: the length of the window.
    """
    best, most, end, inside = 0, -1.0, 0, 0.0
    for begin, place in enumerate(places):
        while end < len(places) and places[end] <= place + reach:
            inside += worth[end]
            end += 1
        if inside > most or inside >= (1.0 - LEFT_OUT) * most:
            best, most = begin, max(most, inside)
        inside -= worth[begin]
    return best
