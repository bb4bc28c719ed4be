"""The estimate of a job's place and completion."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import MAX_QUEUE
from poller.estimator import FIRST_GUESS, WEIGHT, Estimate, ServiceTimes, estimate

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("waited", "before", "present", "service", "running", "expected"),
    [
        # Nothing has been served yet: all that were there are before us.
        (0, 4, None, 3.0, False, Estimate(4, NOW + timedelta(seconds=15))),
        (6, 4, None, 3.0, False, Estimate(2, NOW + timedelta(seconds=9))),
        # Slower than learned: still next, never behind the queue.
        (60, 4, None, 3.0, False, Estimate(0, NOW + timedelta(seconds=3))),
        # The queue got shorter than the estimate: our own job is the last of it.
        (0, 40, 3, 3.0, False, Estimate(2, NOW + timedelta(seconds=9))),
        # Others came after us: that says nothing about our place.
        (0, 4, 90, 3.0, False, Estimate(4, NOW + timedelta(seconds=15))),
        (0, 4, 0, 3.0, False, Estimate(0, NOW + timedelta(seconds=3))),
        (0, 40, 40, 5.0, True, Estimate(0, NOW + timedelta(seconds=5))),
        # A submission in the future is a difference of clocks.
        (-60, 4, None, 3.0, False, Estimate(4, NOW + timedelta(seconds=15))),
    ],
)
def test_estimates(
    waited: float, before: int, present: int | None, service: float, running: bool, expected: Estimate
) -> None:
    assert estimate(NOW, ago(waited), before, present, service, running) == expected


@given(
    waited=st.floats(-1e5, 1e10),
    before=st.integers(0, MAX_QUEUE),
    present=st.none() | st.integers(0, MAX_QUEUE),
    service=st.floats(0.01, 1e10),
    running=st.booleans(),
)
def test_every_estimate_is_sound(
    waited: float, before: int, present: int | None, service: float, running: bool
) -> None:
    found = estimate(NOW, ago(waited), before, present, service, running)
    assert 0 <= found.position <= before
    assert found.completion > NOW
    if present is not None:
        assert found.position <= max(0, present - 1)


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 1000), st.floats(0.01, 1e4))
def test_waiting_never_moves_a_job_back(one: float, other: float, before: int, service: float) -> None:
    sooner, later = sorted([one, other])
    first = estimate(NOW, ago(sooner), before, None, service, False)
    second = estimate(NOW, ago(later), before, None, service, False)
    assert second.position <= first.position


def test_service_times_are_learned_for_each_backend() -> None:
    times = ServiceTimes()
    assert times.seconds("fez") == FIRST_GUESS
    times.observe("fez", waited=50.0, queue_length=4)
    assert times.seconds("fez") == 10.0
    times.observe("fez", waited=20.0, queue_length=0)
    assert times.seconds("fez") == pytest.approx(WEIGHT * 20 + (1 - WEIGHT) * 10)
    assert times.seconds("other") == FIRST_GUESS


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(0, MAX_QUEUE)), min_size=1, max_size=10))
def test_a_service_time_is_positive_whatever_the_clocks_say(samples: list[tuple[float, int]]) -> None:
    times = ServiceTimes()
    for waited, queue_length in samples:
        times.observe("fez", waited, queue_length)
    assert 0 < times.seconds("fez") <= max(1e9, FIRST_GUESS)


def test_the_estimate_converges_on_a_steady_queue() -> None:
    """A device that serves a job every 2 s, told nothing but queue lengths and starts."""
    times = ServiceTimes()
    for before in (5, 8, 3, 9, 4, 6):
        times.observe("fez", waited=2.0 * (before + 1), queue_length=before)
    found = estimate(NOW, ago(8.0), 10, 20, times.seconds("fez"), False)
    assert found.position == 6
    assert found.completion == NOW + timedelta(seconds=14)
