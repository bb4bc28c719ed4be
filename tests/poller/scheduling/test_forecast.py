"""When a look is worth its call."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poller.scheduling.forecast import NEAR, Forecast, best_window, expected_lag, look_instant

forecasts = st.builds(
    Forecast,
    position=st.integers(0, 1000),
    mean=st.floats(-1e7, 1e7),
    scale=st.floats(0.01, 1e6),
)


def lag(instant: float, forecast: Forecast, since: float) -> float:
    return float(expected_lag(instant, *(np.array([v]) for v in (forecast.mean, forecast.scale, since)))[0])


@pytest.mark.parametrize("since", [-30.0, 0.0, 5.0, 9.0, 40.0, 400.0])
def test_the_expected_lag_is_the_integral_of_the_remaining_probability(since: float) -> None:
    forecast = Forecast(0, 6.0, 3.0)

    def cdf(at: float) -> float:
        return 1 / (1 + math.exp(-(at - 6.0) / 3.0))

    instants = np.linspace(since, since + 20, 20_001)
    left = np.array([(cdf(at) - cdf(since)) / max(1e-300, 1 - cdf(since)) for at in instants])
    if since < 30:  # beyond, it counts as overdue
        assert lag(since + 20, forecast, since) == pytest.approx(
            float(np.trapezoid(left, instants)), rel=1e-4
        )
    else:
        # Long overdue, the hazard is 1 / scale.
        assert lag(since + 20, forecast, since) == pytest.approx(20 - 3 * (1 - math.exp(-20 / 3)), rel=1e-4)


@given(forecasts, st.floats(-1e7, 1e7), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_expected_lag_grows_and_is_at_most_the_elapsed_time(
    forecast: Forecast, since: float, elapsed: float, other: float
) -> None:
    sooner, later = sorted([elapsed, other])
    first, second = lag(since + sooner, forecast, since), lag(since + later, forecast, since)
    assert 0 <= first <= second + 1e-6 * (1 + second)
    assert second <= later * (1 + 1e-6) + 1e-6


@given(
    st.lists(st.tuples(forecasts, st.floats(-1e6, 1e6)), min_size=1, max_size=40),
    st.floats(1e-3, 1e3),
    st.floats(0, 1e5),
)
def test_a_look_is_made_when_the_expected_lag_reaches_its_price(
    jobs: list[tuple[Forecast, float]], price: float, patience: float
) -> None:
    since = [at for _, at in jobs]
    latest = min(since) + patience
    instant = look_instant([forecast for forecast, _ in jobs], since, price, latest)
    assert min(since) <= instant <= latest
    piled = sum(lag(instant, forecast, at) for forecast, at in jobs)
    if instant < latest:
        # At the price, or slightly above; precision is lost for large instants.
        assert piled >= price * (1 - 1e-3) - 1e-4
        assert piled <= price * (1 + 2 * NEAR) + 1e-4 * len(jobs)
    else:
        assert piled <= price * (1 + 2 * NEAR) + 1e-4 * len(jobs)


def test_at_a_constant_rate_it_is_the_square_root_rule() -> None:
    """Many overdue jobs, together one completion in 5 s: d = sqrt(2 * price / rate)."""
    jobs = [Forecast(0, -1e6, 5_000.0)] * 1000
    instant = look_instant(jobs, [0.0] * 1000, price=1.0, latest=1e6)
    assert instant == pytest.approx(math.sqrt(2 * 1.0 / (1000 / 5_000)), rel=0.01)


def test_an_expensive_call_is_made_later_and_a_certain_completion_on_time() -> None:
    sure = [Forecast(0, 100.0, 0.01)]
    assert look_instant(sure, [0.0], price=0.05, latest=600.0) == pytest.approx(100.05, abs=0.02)
    assert look_instant(sure, [0.0], price=2.0, latest=600.0) == pytest.approx(102.0, abs=0.05)
    assert look_instant(sure, [0.0], price=2.0, latest=50.0) == 50.0


@pytest.mark.parametrize(
    ("places", "worth", "reach", "first"),
    [
        ([0.0], [0.0], 1.0, 0),
        ([0, 1, 2, 100, 101], [1, 1, 1, 5, 5], 10.0, 3),
        ([0, 1, 2, 100, 101], [9, 9, 9, 5, 5], 10.0, 0),
        # A job worth less than a tenth is left out, so that the page covers more time.
        ([0, 50, 60], [0.01, 3, 3], math.inf, 1),
        ([0, 50, 60], [3, 3, 3], math.inf, 0),
    ],
)
def test_the_window_that_is_worth_the_most(
    places: list[float], worth: list[float], reach: float, first: int
) -> None:
    assert best_window(places, worth, reach) == first


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 10)), min_size=1, max_size=30), st.floats(0, 1e4))
def test_no_window_is_worth_a_tenth_more(jobs: list[tuple[float, float]], reach: float) -> None:
    jobs.sort()
    places, worth = [place for place, _ in jobs], [value for _, value in jobs]

    def value(begin: int) -> float:
        return sum(w for p, w in jobs[begin:] if p <= places[begin] + reach)

    best = value(best_window(places, worth, reach))
    assert best >= 0.89 * max(value(begin) for begin in range(len(jobs))) - 1e-9
