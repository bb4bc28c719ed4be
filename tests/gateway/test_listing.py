"""Pages of jobs: all of them, once, newest first, within bounds; unread responses are bounded too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.protocol import encode
from gateway import listing
from gateway.edge.exchange import Exchange, exchange
from gateway.inbox.inbox import Inbox, InboxEntry
from gateway.inbox.memory import BusyError
from gateway.limits import LimitError
from tests.core.samples import TOPIC, result_event
from tests.gateway.views import environ

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


def test_unread_responses_are_bounded_per_client_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_UNREAD", 500_000)
    unread, parts = listing.UnreadResponses(), [b"a" * 100_000, b"b" * 50_000]
    exchanges: list[Exchange] = []

    def request(client: str, body: Sequence[bytes] = parts) -> Response:
        with Flask("test").test_request_context(environ_overrides=environ()):
            response = unread.response(client, body)
            exchanges.append(exchange())
            return response

    responses = [request("a"), request("a")]
    with pytest.raises(LimitError):
        request("a")
    assert request("a", [b"small"]).get_data() == b"small"
    responses.append(request("b"))
    with pytest.raises(BusyError):
        request("c")
    assert {response.content_length for response in responses} == {150_000}
    for current in exchanges:
        current.close()
    request("a")
    request("c")


def test_large_results_are_read_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "READ_WAIT", 0.01)
    unread = listing.UnreadResponses()

    def read() -> bytes:
        with pytest.raises(BusyError):
            unread.large("b", lambda: b"x")
        return b"y" * 100_000

    with Flask("test").test_request_context(environ_overrides=environ()):
        assert unread.large("a", read).content_length == 100_000
        assert exchange().parts == [b"y" * 100_000]
        assert unread.large("b", lambda: b"x").get_data() == b"x"
