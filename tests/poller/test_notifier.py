"""Which changes are worth an event."""

from __future__ import annotations

import pytest

from poller.notifier import PAUSE, QUIET, is_news
from poller.scheduling.forecast import Forecast
from poller.state import LastNotified

#: Long after the last event.
NOW = 1_000.0


def at(position: int, seconds: float) -> Forecast:
    return Forecast(position, NOW + seconds, 1.0)


def last_notified(status: str, forecast: Forecast | None, when: float = 0.0) -> LastNotified:
    return LastNotified(status, forecast, when)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [None, last_notified("QUEUED", None)])
def test_a_simulators_quick_job_has_no_progress_events(before: LastNotified | None) -> None:
    assert not is_news(before, "RUNNING", None, simulator=True, submitted=NOW - QUIET / 2, now=NOW)
    assert is_news(before, "RUNNING", None, simulator=True, submitted=NOW - QUIET, now=NOW)


def test_the_first_state_and_every_change_of_status_are_published() -> None:
    assert is_news(None, "QUEUED", at(4, 60), simulator=False, submitted=NOW, now=NOW)
    assert is_news(last_notified("QUEUED", at(4, 60), NOW), "RUNNING", at(4, 60), False, 0, NOW)


def test_an_unchanged_state_is_not_published() -> None:
    assert not is_news(last_notified("QUEUED", at(4, 60)), "QUEUED", at(4, 60), False, 0, NOW)
    assert not is_news(last_notified("RUNNING", None), "RUNNING", None, True, 0, NOW)


def test_an_estimate_that_appears_or_disappears_is_published() -> None:
    assert is_news(last_notified("QUEUED", None), "QUEUED", at(4, 60), False, 0, NOW)
    assert is_news(last_notified("QUEUED", at(4, 60)), "QUEUED", None, False, 0, NOW)


@pytest.mark.parametrize(
    ("before", "after", "news"),
    [
        (at(4, 60), at(3, 60), True),
        (at(100, 600), at(99, 600), False),
        (at(100, 600), at(79, 600), True),
        (at(4, 60), at(4, 61), False),
        (at(4, 60), at(4, 70), False),
        (at(4, 60), at(4, 90), True),
        (at(4, 3), at(4, 4.5), False),
        (at(1, 0), at(0, 0), True),
    ],
)
def test_a_large_enough_change_is_published(before: Forecast, after: Forecast, news: bool) -> None:
    assert is_news(last_notified("QUEUED", before), "QUEUED", after, False, 0, NOW) is news


def test_there_is_a_pause_between_two_events() -> None:
    before = last_notified("QUEUED", at(40, 600), NOW)
    assert not is_news(before, "QUEUED", at(2, 10), False, 0, NOW + PAUSE / 2)
    assert is_news(before, "QUEUED", at(2, 10), False, 0, NOW + PAUSE)
