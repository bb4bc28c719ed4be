"""Never more calls than an account allows, none during a pause, and every pause ends."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from poller.scheduling.budget import PAUSE_FIRST, PAUSE_MOST, WINDOW, Budget


@given(st.integers(2, 600), st.lists(st.floats(0, 20), max_size=200))
def test_in_no_minute_more_than_allowed(per_minute: int, gaps: list[float]) -> None:
    budget, now, made = Budget(per_minute, 0.0), 0.0, []
    for gap in gaps:
        now += gap
        while budget.charge(now):
            made.append(now)
    for index, begin in enumerate(made):
        assert sum(1 for at in made[index:] if at < begin + WINDOW) <= per_minute


@given(st.integers(2, 600), st.integers(1, 400))
def test_the_next_call_is_never_far_away_and_is_permitted_at_the_stated_time(
    per_minute: int, calls: int
) -> None:
    budget, now = Budget(per_minute, 0.0), 0.0
    for _ in range(calls):
        ready = budget.ready_at(now)
        assert ready - now <= 2 * WINDOW
        now = max(now, ready) + 1e-6
        assert budget.charge(now)


def test_without_a_limit_any_number_of_calls() -> None:
    budget = Budget(None, 0.0)
    assert all(budget.charge(0.0) for _ in range(10_000))
    assert budget.scarcity(0.0) == 1.0


def test_a_call_becomes_more_expensive_as_the_bucket_empties() -> None:
    budget = Budget(120, 0.0)
    prices = []
    while budget.charge(0.0):
        prices.append(budget.scarcity(0.0))
    assert prices == sorted(prices)
    assert prices[0] == 1.0
    assert prices[-1] > 10


@given(st.lists(st.none() | st.floats(-10, 4000) | st.just(math.nan), min_size=1, max_size=40))
def test_failures_pause_longer_and_longer_up_to_a_maximum(retry_afters: list[float | None]) -> None:
    budget, now = Budget(None, 0.0), 0.0
    for number, retry_after in enumerate(retry_afters):
        until = budget.failed(now, retry_after)
        asked = retry_after if retry_after is not None and retry_after > 0 else 0.0
        assert until - now >= min(PAUSE_MOST, PAUSE_FIRST * 2.0 ** min(number, 16)) - 1e-6
        assert until - now >= asked - 1e-6
        assert until - now <= max(PAUSE_MOST, asked) + 1e-6
        assert not budget.charge(math.nextafter(until, -math.inf))
        now = until
    assert budget.charge(now)
    budget.succeeded()
    assert budget.failed(now) - now <= PAUSE_FIRST + 1e-6


def test_failures_of_simultaneous_calls_count_once() -> None:
    budget = Budget(None, 0.0)
    for answered in (1.0, 1.1, 1.2):
        assert budget.failed(answered, asked=0.9) == answered + PAUSE_FIRST
    budget.succeeded(asked=0.8)
    assert budget.failures == 1, "a failure of an earlier call was counted"
    assert budget.failed(2.0, asked=1.7) == 2.0 + 2 * PAUSE_FIRST
    budget.succeeded(asked=3.0)
    assert budget.failures == 0


def test_a_shorter_retry_after_does_not_end_a_longer_one() -> None:
    budget = Budget(None, 0.0)
    budget.failed(0.0, 300.0)
    budget.failed(1.0, 2.0)
    assert budget.ready_at(10.0) == 300.0
