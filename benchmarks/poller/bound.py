"""What no way of looking can do: few calls and little lag at once, where running times are not known exactly.

A job with which no other waits, whose start is told for nothing and whose running time is told with some
error. Only looks tell whether it is done, one call each, and its result is one more. By dynamic programming
over a grid of instants: the instants of looking that cost least in lag plus price times calls (Barlow, Hunter
and Proschan, 1963, solved for the distribution of what is not known). Jobs that share looks can do a little
better; the poller is not told the starts, and must do worse.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.poller.scenarios import SERVICE
from benchmarks.poller.world import TOLD_ERROR

#: Instants of the grid, and by how many standard deviations it reaches around the middle.
INSTANTS, REACH = 150, 4.5
#: Different running times that are told, and how far around the middle.
TOLD, TOLD_REACH = 21, 2.0
#: Halvings of the interval in which the price is searched.
HALVINGS = 20


def least_calls(lag: float, sigma: float = 0.5) -> float:
    """Calls for each job, its result's among them, below which a mean lag of `lag` seconds is out of reach.

    Args:
        lag: seconds.
        sigma: of the logarithm of the running time, before anything is told.
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
    """Mean lag in seconds and mean looks of the schedule that is best at this price of a call."""
    middle = math.log(SERVICE) - sigma**2 / 2
    # What is told is the truth times an error; both are lognormal, and so is what is left to be known.
    spread = 1.0 / math.sqrt(1.0 / sigma**2 + 1.0 / TOLD_ERROR**2)
    offsets = np.linspace(-TOLD_REACH, TOLD_REACH, TOLD)
    weights = np.exp(-(offsets**2) / 2)
    found = [
        _schedule(price, spread**2 * (middle / sigma**2 + told / TOLD_ERROR**2), spread)
        for told in middle + offsets * math.hypot(sigma, TOLD_ERROR)
    ]
    lag, looks = np.average(np.array(found), axis=0, weights=weights)
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
