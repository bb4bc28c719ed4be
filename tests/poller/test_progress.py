"""Which news are worth telling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from poller.estimator import Estimate
from poller.progress import QUIET, Told, is_news

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(position: int, seconds: float) -> Estimate:
    return Estimate(position, NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("told", [None, Told("QUEUED", None)])
def test_a_simulators_quick_job_is_not_talked_about(told: Told | None) -> None:
    assert not is_news(told, "RUNNING", None, simulator=True, elapsed=QUIET / 2)
    assert is_news(told, "RUNNING", None, simulator=True, elapsed=QUIET)


def test_the_first_word_and_every_change_of_status_are_news() -> None:
    assert is_news(None, "QUEUED", at(4, 60), simulator=False, elapsed=0)
    assert is_news(Told("QUEUED", at(4, 60)), "RUNNING", at(4, 60), simulator=False, elapsed=9)


def test_the_same_again_is_no_news() -> None:
    assert not is_news(Told("QUEUED", at(4, 60)), "QUEUED", at(4, 60), simulator=False, elapsed=9)
    assert not is_news(Told("RUNNING", None), "RUNNING", None, simulator=True, elapsed=9)


def test_an_estimate_that_comes_or_goes_is_news() -> None:
    assert is_news(Told("QUEUED", None), "QUEUED", at(4, 60), simulator=False, elapsed=9)
    assert is_news(Told("QUEUED", at(4, 60)), "QUEUED", None, simulator=False, elapsed=9)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (at(3, 60), True),  # one place nearer
        (at(4, 61.5), False),  # less than two seconds
        (at(4, 58.5), False),
        (at(4, 90), True),
        (at(4, 30), True),
    ],
)
def test_a_move_is_news_if_it_is_large_enough(new: Estimate, expected: bool) -> None:
    assert is_news(Told("QUEUED", at(4, 60)), "QUEUED", new, simulator=False, elapsed=9) is expected


@pytest.mark.parametrize(
    ("moved", "left", "expected"), [(30, 3600, False), (900, 3600, True), (30, 60, True)]
)
def test_a_move_is_measured_by_the_wait_that_is_left(moved: float, left: float, expected: bool) -> None:
    """Half a minute more is nothing to who waits for an hour."""
    told = Told("QUEUED", at(2, left))
    new = at(2, left + moved)
    assert is_news(told, "QUEUED", new, simulator=False, elapsed=9, left=left) is expected
