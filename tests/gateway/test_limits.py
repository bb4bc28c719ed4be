"""Limits: exactly as many as configured, separate for each caller, with bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import limits
from gateway.limits import Limit, LimitError


def taken(limit: Limit, asker: str, now: float) -> bool:
    try:
        limit.take(asker, now)
    except LimitError:
        return False
    return True


def test_the_configured_number_and_then_one_at_a_time() -> None:
    limit = Limit("jobs", 60)
    assert [taken(limit, "a", 0.0) for _ in range(61)] == [True] * 60 + [False]
    assert taken(limit, "b", 0.0), "another caller has a separate limit"
    assert not taken(limit, "a", 0.9)
    assert taken(limit, "a", 1.1)
    assert not taken(limit, "a", 1.2)


def test_the_message_has_the_limit_and_the_time() -> None:
    limit = Limit("sessions", 6)
    for _ in range(6):
        limit.take("a", 0.0)
    with pytest.raises(LimitError, match=r"Over 6 sessions a minute\. Try again in 10 s\.") as caught:
        limit.take("a", 0.0)
    assert caught.value.retry_after == pytest.approx(10)


@given(st.lists(st.floats(0, 5), max_size=80))
def test_no_interval_has_more_than_the_limit_and_what_was_refilled(pauses: list[float]) -> None:
    limit, now, times = Limit("jobs", 20), 0.0, []
    for pause in pauses:
        now += pause
        if taken(limit, "a", now):
            times.append(now)
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= 20 + (times[last] - times[first]) / 3 + 1e-6


def test_callers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CLIENTS", 3)
    limit = Limit("jobs", 1)
    for asker in "abcd":
        limit.take(asker, 0.0)
    assert limit._limiter.clients == 3
    assert taken(limit, "a", 0.0)
    assert not taken(limit, "d", 0.0)
