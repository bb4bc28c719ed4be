"""Pages of jobs: all of them, once, newest first, within bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.protocol import encode
from gateway import listing
from gateway.inbox.inbox import Inbox, InboxEntry
from tests.core.samples import TOPIC, result_event

START = datetime(2026, 1, 1, tzinfo=UTC)


def entries(count: int, size: int = 0) -> list[InboxEntry]:
    """The events of jobs, two of which are submitted at each time."""
    inbox = Inbox(TOPIC)
    for number in range(count):
        event = result_event(
            status="DONE",
            process_job_id=f"job-{number}",
            submitted_at=(START + timedelta(seconds=number // 2)).isoformat(),
            params={"text": "x" * size},
        )
        inbox.append(number, encode(event))
    return inbox.latest()


def walk(latest: list[InboxEntry], limit: int) -> list[listing.Page]:
    pages, cursor = [], None
    while True:
        pages.append(listing.page(latest, limit, listing.parse(cursor)))
        cursor = pages[-1].next
        if cursor is None:
            return pages


@given(st.integers(0, 30), st.integers(1, 12))
def test_the_pages_have_all_jobs_once_newest_first(count: int, limit: int) -> None:
    pages = walk(entries(count), limit)
    assert all(len(page.entries) <= limit for page in pages)
    listed = [entry.event for page in pages for entry in page.entries]
    assert {event.process_job_id for event in listed} == {f"job-{number}" for number in range(count)}
    assert len(listed) == count
    times = [event.submitted_at for event in listed]
    assert times == sorted(times, reverse=True)


def test_a_page_is_bounded_in_bytes_and_has_one_job_at_least() -> None:
    pages = walk(entries(12, 300_000), listing.MAX_JOBS)
    assert [len(page.entries) for page in pages] == [3, 3, 3, 3]
    assert all(sum(map(len, page.parts())) < 1_100_000 for page in pages)
    assert [len(page.entries) for page in walk(entries(2, 900_000), 5)] == [1, 1]


def test_a_new_job_moves_no_other_to_another_page() -> None:
    latest = entries(10)
    first = listing.page(latest, 4, None)
    second = listing.page(entries(14), 4, listing.parse(first.next))
    shown = [entry.event.process_job_id for entry in (*first.entries, *second.entries)]
    assert len(set(shown)) == 8


@pytest.mark.parametrize("raw", ["0", "1001", "-1", "x", "1e3", "", "99999", "\u0661"])
def test_a_wrong_limit_is_rejected(raw: str) -> None:
    with pytest.raises(InputError, match="limit must be"):
        listing.limit_of(raw)


@given(st.text(max_size=500))
def test_a_wrong_cursor_is_rejected(raw: str) -> None:
    with pytest.raises(InputError, match="cursor must be"):
        listing.parse(raw)
