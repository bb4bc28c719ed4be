"""Rate limits: each client has a separate one, and the number of clients that are remembered is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rate_limits import FixedWindow, RateLimiter, SlidingWindow, TokenBucket


def test_a_token_bucket_admits_a_burst_and_then_refills_evenly() -> None:
    bucket = TokenBucket(6)
    assert [bucket.admit(100.0) for _ in range(6)] == [0.0] * 6
    assert bucket.admit(100.0) == pytest.approx(10.0)
    assert bucket.admit(105.0) == pytest.approx(5.0)
    assert bucket.admit(110.5) == 0.0
    # It holds no more than a minute's requests.
    assert [bucket.admit(10_000.0) for _ in range(7)].count(0.0) == 6


def test_a_sliding_window_admits_the_limit_in_any_minute() -> None:
    limiter = RateLimiter(lambda: SlidingWindow(5), 10)
    assert [limiter.admit("a", now) for now in (0.0, 1.0, 2.0, 3.0, 4.0)] == [0.0] * 5
    assert limiter.admit("a", 10.0) == 50.0
    assert limiter.admit("b", 10.0) == 0.0
    assert limiter.admit("a", 60.5) == 0.0
    assert limiter.admit("a", 60.5) == 0.5


@given(st.lists(st.floats(0, 40), max_size=60), st.floats(0, 2e9))
def test_no_minute_has_more_than_the_limit_and_a_refusal_always_waits(
    pauses: list[float], now: float
) -> None:
    window = SlidingWindow(3)
    admitted: list[float] = []
    for pause in pauses:
        now += pause
        wait = window.admit(now)
        recent = [time for time in admitted if time + 60 > now]
        assert (wait > 0) == (len(recent) == 3)
        if not wait:
            admitted.append(now)


def test_a_fixed_window_counts_refusals_and_starts_again_with_the_minute() -> None:
    window = FixedWindow(2)
    assert [window.admit(now) for now in (60.0, 61.0, 62.0, 119.0)] == [0.0, 0.0, 58.0, 1.0]
    assert window.count == 4
    assert window.admit(120.0) == 0.0
    assert window.count == 1


def test_the_client_not_seen_for_longest_is_forgotten() -> None:
    limiter = RateLimiter(lambda: TokenBucket(1), 2)
    for client in ("a", "b"):
        assert limiter.admit(client, 0.0) == 0.0
    assert limiter.admit("a", 0.0) > 0
    assert limiter.admit("c", 0.0) == 0.0
    assert limiter.clients == 2
    assert limiter.admit("a", 0.0) > 0, "it was seen after b"
    assert limiter.admit("b", 0.0) == 0.0, "it was forgotten"
