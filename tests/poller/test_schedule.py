"""The schedule: soon enough, never too often, and always an end to the wait."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.topics import WAITS
from poller.schedule import (
    BACKOFF,
    DEVICE_BACKOFF,
    DEVICE_MAX,
    DEVICE_MIN,
    FIRST_AGAIN,
    KEEP,
    SIMULATOR_MAX,
    UNREACHABLE_FIRST,
    UNREACHABLE_MAX,
    Plan,
    after_failure,
    after_look,
)

seconds = st.floats(-1e6, 1e9)


def sound(plan: Plan, wished: float) -> None:
    """What holds for every plan."""
    assert 0 < plan.delay <= wished
    if wished > KEEP:
        # Kept in the process it would hold memory: whatever waits long waits at the broker.
        assert plan.topic is not None
    if plan.topic is None:
        assert plan.delay == wished
    else:
        assert WAITS[plan.delay] == plan.topic
        assert plan.delay == max(delay for delay in WAITS if delay <= wished)


@given(elapsed=seconds, expected=seconds)
def test_a_simulators_job_is_looked_at_soon_and_then_less_often(elapsed: float, expected: float) -> None:
    plan = after_look(True, elapsed, expected)
    sound(plan, plan.delay)
    assert plan.topic is None
    assert FIRST_AGAIN <= plan.delay <= SIMULATOR_MAX
    assert plan.delay <= max(FIRST_AGAIN, BACKOFF * elapsed)


@given(elapsed=seconds, expected=seconds)
def test_a_devices_job_never_waits_beyond_what_is_in_proportion(elapsed: float, expected: float) -> None:
    wished = min(DEVICE_MAX, max(DEVICE_MIN, min(expected / 2, DEVICE_BACKOFF * elapsed)))
    sound(after_look(False, elapsed, expected), wished)


@given(st.floats(0, 1e7), st.floats(0, 1e7), st.floats(0, 1e7))
def test_who_has_waited_longer_is_not_looked_at_more_often(one: float, other: float, expected: float) -> None:
    earlier, later = sorted([one, other])
    for simulator in (True, False):
        assert after_look(simulator, earlier, expected).delay <= after_look(simulator, later, expected).delay


@pytest.mark.parametrize(
    ("elapsed", "expected", "plan"),
    [
        (0.0, 1000.0, Plan(DEVICE_MIN)),
        (10.0, 1000.0, Plan(3.0)),
        (1000.0, 4.0, Plan(2.0)),
        (1000.0, 0.0, Plan(DEVICE_MIN)),
        (40.0, 1000.0, Plan(5.0, "jobs.wait.5s")),
        (101.0, 1000.0, Plan(30.0, "jobs.wait.30s")),
        (410.0, 1000.0, Plan(120.0, "jobs.wait.2m")),
        (90_000.0, 90_000.0, Plan(600.0, "jobs.wait.10m")),
    ],
)
def test_where_a_devices_job_waits(elapsed: float, expected: float, plan: Plan) -> None:
    assert after_look(False, elapsed, expected) == plan


def test_looks_at_a_simulators_job_grow_with_the_logarithm_of_its_time() -> None:
    elapsed, looks = 0.0, 0
    while elapsed < 60:
        elapsed += after_look(True, elapsed, 0.0).delay
        looks += 1
    assert looks < 80
    assert elapsed < 63


@given(st.integers(0, 10**6), st.none() | st.floats(-10, 1e12))
def test_after_failures_the_wait_grows_and_has_a_limit(failures: int, retry_after: float | None) -> None:
    alone = min(UNREACHABLE_MAX, UNREACHABLE_FIRST * 2.0 ** (min(failures, 17) - 1))
    sound(after_failure(failures, retry_after), max(alone, retry_after or 0.0))


@pytest.mark.parametrize("retry_after", [math.inf, math.nan, -1.0, 0.0, None])
def test_no_retry_after_breaks_the_plan(retry_after: float | None) -> None:
    plan = after_failure(1, retry_after)
    assert 0 < plan.delay <= max(WAITS)


def test_the_provider_is_asked_for_patience_no_sooner_than_it_says() -> None:
    assert after_failure(1, 7.0) == Plan(7.0)
    assert after_failure(1) == Plan(UNREACHABLE_FIRST)
    assert after_failure(5) == Plan(8.0)
