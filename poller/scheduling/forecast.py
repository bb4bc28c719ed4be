"""When a job will be done, with its uncertainty, and when a look is worth its call. Pure.

A completion is taken to be logistically distributed: its distribution function, F(t) = 1 / (1 + exp(-(t -
mean) / scale)), and the integral of that are elementary, and a job that is overdue has a hazard of at most 1
/ scale.

A look at the instant t finds every job that was done since the last look; each such job has then lain
finished, undelivered, for t minus its completion. The sum of these expected lags grows with t, and one call
ends it for all jobs that the call tells about. Where completions come at the rate h and a call costs as much
as `price` seconds of lag, looking every d seconds costs price / d + h * d / 2 a second, which is least at d =
sqrt(2 * price / h): at the instant at which the lag that has piled up, h * d**2 / 2, equals the price. So
that is the rule: the next look comes when the expected lag of what is not yet known reaches the price of a
call. It is the optimal inspection schedule of Barlow, Hunter and Proschan ("Optimum checking procedures", J.
SIAM 11, 1963), in Keller's continuous form ("Optimum checking schedules", Management Science 21, 1974), for
many jobs and one call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Scales beyond its mean from which a job counts as long overdue: its hazard is 1 / scale to four digits.
_OVERDUE = 10.0
#: Exponents beyond which nothing changes any more; the greatest that a double bears is 709.
_NEVER = 500.0
#: Seconds after the start at which the search for the instant of a look begins.
_FIRST_STEP = 0.05
#: The part of what a page may be worth that it may leave out.
LEFT_OUT = 0.1
#: Newton's steps at the most, and how near to the price is near enough.
_STEPS, NEAR = 60, 0.01
#: The part of the wait by which it need not be told closer.
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Forecast:
    """A job's place and completion as they are expected.

    Attributes:
        position: jobs before it (0: next, or running).
        mean: instant of completion, in seconds since 1970.
        scale: of the logistic distribution, in seconds; its standard deviation is 1.8 times that.
    """

    position: int
    mean: float
    scale: float

    def quantile(self, part: float) -> float:
        """The instant before which the job is done with probability `part` (between 0 and 1)."""
        return self.mean + self.scale * math.log(part / (1.0 - part))


def expected_lag(instant: float, means: Array, scales: Array, since: Array) -> Array:
    """Seconds that each job is expected to have lain finished at `instant`, given that it was not before
    `since`.

    The integral of the distribution function of what is left, from `since` to `instant`.

    Args:
        instant: of the look that is thought of, in seconds.
        means, scales: of the jobs' completions.
        since: instant at which each job was last known not to be finished.
    """
    return _Pile(means, scales, since).lags(instant)


class _Pile:
    """The expected lag of several jobs as a function of the instant."""

    def __init__(self, means: Array, scales: Array, since: Array) -> None:
        start = (since - means) / scales
        self._late = start > _OVERDUE
        start = np.minimum(start, _OVERDUE)
        self._odds = np.exp(start)
        self._base = np.logaddexp(0.0, start)
        self._means, self._scales, self._since = means, scales, since

    def lags(self, instant: float) -> Array:
        """Seconds, for each job."""
        ahead = np.maximum(instant - self._since, 0.0) / self._scales
        end = (np.maximum(instant, self._since) - self._means) / self._scales
        usual = (1.0 + self._odds) * (np.logaddexp(0.0, end) - self._base) - self._odds * ahead
        if self._late.any():
            # Its hazard is 1 / scale; the difference above would lose all its digits.
            usual = np.where(self._late, ahead - 1.0 + np.exp(-ahead), usual)
        lags: Array = self._scales * np.maximum(usual, 0.0)
        return lags

    def slope(self, instant: float) -> float:
        """How many of the jobs are expected to be done by then."""
        ahead = np.maximum(instant - self._since, 0.0) / self._scales
        end = (np.maximum(instant, self._since) - self._means) / self._scales
        # What is left is distributed as (F(b) - F(a)) / (1 - F(a)) = (1 - exp(a - b)) / (1 + exp(-b)).
        done = -np.expm1(-ahead) / (1.0 + np.exp(np.minimum(-end, _NEVER)))
        return float(done.sum())


def look_instant(forecasts: Sequence[Forecast], since: Sequence[float], price: float, latest: float) -> float:
    """The instant at which a look that tells about all these jobs is worth its call.

    Args:
        forecasts: of the jobs; at least one.
        since: when each was last known not to be finished, in seconds since 1970.
        price: seconds of lag that a call is worth; over 0.
        latest: the instant at which to look even though nothing is expected.

    Returns:
        At the earliest the earliest of `since`, at the latest `latest`.
    """
    # In seconds after the start: since 1970 there are so many that microseconds get lost.
    begin = min(since)
    means = np.array([forecast.mean for forecast in forecasts]) - begin
    scales = np.array([forecast.scale for forecast in forecasts])
    known = np.array(since) - begin
    furthest = max(0.0, latest - begin)

    pile = _Pile(means, scales, known)
    if float(pile.lags(furthest).sum()) <= price:
        return begin + furthest
    low, high, nearer = 0.0, furthest, _FIRST_STEP
    while nearer < furthest:
        if float(pile.lags(nearer).sum()) >= price:
            high = nearer
            break
        low, nearer = nearer, 4.0 * nearer
    for _ in range(_STEPS):
        above = float(pile.lags(high).sum()) - price
        if above <= NEAR * price:
            break
        # Convex and rising: from the right, Newton's steps come nearer and never pass it, but for rounding.
        slope = pile.slope(high)
        step = high - above / slope if slope > 0 else low
        middle = step if step > low else 0.5 * (low + high)
        if float(pile.lags(middle).sum()) < price:
            low = middle
        else:
            high = middle
        if high - low <= _CLOSE * high:
            break
    return begin + high


def best_window(places: Sequence[float], worth: Sequence[float], reach: float) -> int:
    """The index at which a window that covers places up to `reach` further on is worth most.

    Of windows that are worth nearly the same the last: it reaches further, and what it leaves out is little.

    Args:
        places: in rising order; at least one.
        worth: of each, not negative.
        reach: of the window.
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
