"""A lower bound on the calls per job for a given lag, if running times are known only with an error.

The bound is for a single job whose start is known without a call and whose running time is stated with an
error. Only looks show whether it is done, at one call each, and its result takes one more call. Dynamic
programming over a grid of times gives the looks with the least lag plus price times calls (Barlow, Hunter and
Proschan, 1963, solved for the distribution of the running time). Jobs that share looks can need slightly
fewer calls. The poller does not know the starts, and needs more.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.poller.scenarios import SERVICE
from testkit.scheduling.world import STATED_ERROR

#: The number of times in the grid, and its reach around the median in standard deviations.
INSTANTS, REACH = 150, 4.5
#: The number of stated running times, and their reach around the median in standard deviations.
STATED, STATED_REACH = 21, 2.0
#: How often the interval in which the price is searched is halved.
HALVINGS = 20


def least_calls(lag: float, sigma: float = 0.5) -> float:
    """Return the least calls per job, including that for its result, with a mean lag of `lag` seconds.

    Args:
        lag: the mean lag in seconds.
        sigma: the standard deviation of the logarithm of the running time.
    """
    low, high = 1e-3, 1e2
    for _ in range(HALVINGS):
        price = math.sqrt(low * high)
        if _optimum(price, sigma)[0] < lag:
            low = price
        else:
            high = price
    return 1.0 + _optimum(math.sqrt(low * high), sigma)[1]


def _optimum(price: float, sigma: float) -> tuple[float, float]:
    """Return the mean lag in seconds and the mean looks of the best schedule at this price of a call."""
    middle = math.log(SERVICE) - sigma**2 / 2
    # The stated time is the real one times an error. Both are lognormal, and so is the remaining uncertainty.
    spread = 1.0 / math.sqrt(1.0 / sigma**2 + 1.0 / STATED_ERROR**2)
    offsets = np.linspace(-STATED_REACH, STATED_REACH, STATED)
    weights = np.exp(-(offsets**2) / 2)
    schedules = [
        _schedule(price, spread**2 * (middle / sigma**2 + stated / STATED_ERROR**2), spread)
        for stated in middle + offsets * math.hypot(sigma, STATED_ERROR)
    ]
    lag, looks = np.average(np.array(schedules), axis=0, weights=weights)
    return float(lag), float(looks)


def _schedule(price: float, middle: float, spread: float) -> tuple[float, float]:
    grid = np.linspace(math.exp(middle - REACH * spread), math.exp(middle + REACH * spread), INSTANTS + 1)
    normal = (np.log(grid) - middle) / spread
    below = np.array([0.5 * (1.0 + math.erf(value / math.sqrt(2.0))) for value in normal])
    done = np.concatenate([[0.0], np.cumsum(np.diff(below))])
    moments = np.concatenate([[0.0], np.cumsum(np.diff(below) * 0.5 * (grid[1:] + grid[:-1]))])
    cost, lags, looks = (np.zeros(INSTANTS + 1) for _ in range(3))
    for last in range(INSTANTS - 1, -1, -1):
        following = slice(last + 1, None)
        lag = grid[following] * (done[following] - done[last]) - (moments[following] - moments[last])
        look = done[-1] - done[last]
        total = lag + price * look + cost[following]
        best = int(np.argmin(total))
        cost[last] = total[best]
        lags[last] = lag[best] + lags[last + 1 + best]
        looks[last] = look + looks[last + 1 + best]
    return float(lags[0]), float(looks[0])
