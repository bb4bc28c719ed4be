"""Delays: soon enough, never too often, and always an end to the wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kafka.topics import WAITS
from poller.job_consumer import WaitPlan, choose_wait_topic
from poller.scheduling.delays import (
    BACKOFF,
    FAILURE_FIRST,
    FAILURE_MAX,
    FIRST_AGAIN,
    KEEP,
    SIMULATOR_MAX,
    failure_delay,
    simulator_delay,
)


@given(st.floats(-1e6, 1e9))
def test_a_simulators_job_is_looked_at_soon_and_then_less_often(elapsed: float) -> None:
    assert FIRST_AGAIN <= simulator_delay(elapsed) <= SIMULATOR_MAX
    assert simulator_delay(elapsed) <= max(FIRST_AGAIN, BACKOFF * elapsed)


def test_looks_at_a_simulators_job_grow_with_the_logarithm_of_its_time() -> None:
    elapsed, looks = 0.0, 0
    while elapsed < 60:
        elapsed += simulator_delay(elapsed)
        looks += 1
    assert looks < 80
    assert elapsed < 63


@given(st.floats(KEEP, 1e9, exclude_min=True))
def test_no_wait_is_longer_than_requested(seconds: float) -> None:
    plan = choose_wait_topic(seconds)
    assert plan.delay <= seconds
    assert WAITS[plan.delay] == plan.topic
    assert plan.delay == max(delay for delay in WAITS if delay <= seconds)


@pytest.mark.parametrize(
    ("seconds", "plan"),
    [
        (12.0, WaitPlan(5.0, "jobs.wait.5s")),
        (31.0, WaitPlan(30.0, "jobs.wait.30s")),
        (123.0, WaitPlan(120.0, "jobs.wait.2m")),
        (90_000.0, WaitPlan(600.0, "jobs.wait.10m")),
    ],
)
def test_where_an_event_waits(seconds: float, plan: WaitPlan) -> None:
    assert choose_wait_topic(seconds) == plan


@given(st.integers(0, 10**6))
def test_after_failures_the_wait_grows_and_has_a_limit(failures: int) -> None:
    delay = failure_delay(failures)
    assert FAILURE_FIRST <= delay <= FAILURE_MAX
    assert delay <= failure_delay(failures + 1)
