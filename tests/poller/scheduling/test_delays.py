"""Delays: short enough, never too frequent, and always bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from poller.scheduling.delays import (
    BACKOFF,
    FAILURE_FIRST,
    FAILURE_MAX,
    FIRST_AGAIN,
    SIMULATOR_MAX,
    failure_delay,
    simulator_delay,
)


@given(st.floats(-1e6, 1e9))
def test_a_simulators_job_is_looked_at_soon_and_then_less_frequently(elapsed: float) -> None:
    assert FIRST_AGAIN <= simulator_delay(elapsed) <= SIMULATOR_MAX
    assert simulator_delay(elapsed) <= max(FIRST_AGAIN, BACKOFF * elapsed)


def test_looks_at_a_simulators_job_grow_with_the_logarithm_of_its_time() -> None:
    elapsed, looks = 0.0, 0
    while elapsed < 60:
        elapsed += simulator_delay(elapsed)
        looks += 1
    assert looks < 80
    assert elapsed < 63


@given(st.integers(0, 10**6))
def test_after_failures_the_wait_grows_and_has_a_limit(failures: int) -> None:
    delay = failure_delay(failures)
    assert FAILURE_FIRST <= delay <= FAILURE_MAX
    assert delay <= failure_delay(failures + 1)
