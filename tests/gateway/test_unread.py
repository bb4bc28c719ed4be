"""Responses that their clients do not read: bounded for each client and source, shared between sources."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from flask import Flask, Response
from hypothesis import given
from hypothesis import strategies as st

from core.client_sources import RANDOM, SOURCE, source_of
from gateway import unread as module
from gateway.edge.exchange import Exchange, WaitLimits, exchange
from gateway.inbox.memory import BusyError
from gateway.limits import LimitError
from gateway.unread import UnreadResponses
from tests.gateway.views import environ

#: Bytes of a response that counts.
SIZE = 100_000


def client(number: int, source: int) -> str:
    """Return the id of a client of this source."""
    made = f"{number:0{RANDOM}}{source:0{SOURCE}}"
    assert source_of(made) == made[RANDOM:]
    return made


class Rig:
    """Counts responses, and records those that are dropped."""

    def __init__(self) -> None:
        self.unread = UnreadResponses()
        self.dropped: list[str] = []

    def count(self, client_id: str, size: int = SIZE) -> Exchange:
        made = Exchange("192.0.2.1", WaitLimits(), lambda: self.dropped.append(client_id))
        self.unread.count(client_id, size, made)
        return made


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(module, "MAX_UNREAD", 10 * SIZE)
    monkeypatch.setattr(module, "MAX_UNREAD_OF_SOURCE", 6 * SIZE)
    monkeypatch.setattr(module, "MAX_UNREAD_OF_CLIENT", 4 * SIZE)
    return Rig()


def test_a_client_may_have_several_pages_open_and_no_more(rig: Rig) -> None:
    pages = [rig.count(client(1, 1)) for _ in range(4)]
    with pytest.raises(LimitError):
        rig.count(client(1, 1))
    rig.count(client(2, 1))
    pages[0].close()
    rig.count(client(1, 1))


def test_the_sessions_of_a_source_share_its_bytes(rig: Rig) -> None:
    for number in range(6):
        rig.count(client(number, 1))
    with pytest.raises(LimitError):
        rig.count(client(7, 1))
    rig.count(client(7, 2))
    assert rig.dropped == []


def test_a_single_response_may_be_larger(rig: Rig) -> None:
    rig.count(client(1, 1), 9 * SIZE)
    with pytest.raises(LimitError):
        rig.count(client(1, 1))


def test_sources_that_read_nothing_cannot_stop_another(rig: Rig) -> None:
    """Two sources use up everything. A third gets its share, the oldest responses of the largest end."""
    for number in range(6):
        rig.count(client(number, 1))
    for number in range(4):
        rig.count(client(number, 2))
    for number in range(3):
        rig.count(client(number, 3))
    assert rig.dropped == [client(0, 1), client(1, 1), client(2, 1)]
    with pytest.raises(BusyError):  # it has a share as large as the others'
        rig.count(client(3, 3))
    assert rig.unread.total == 10 * SIZE


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 5), st.booleans()), max_size=60)
)
def test_all_bytes_are_counted_once_and_within_the_bound(
    requests: list[tuple[int, int, int, bool]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_UNREAD", 10 * SIZE)
        rig, exchanges = Rig(), list[Exchange]()
        for number, source, size, ends in requests:
            with suppress(LimitError, BusyError):
                exchanges.append(rig.count(client(number, source), size * SIZE))
            assert rig.unread.total <= 10 * SIZE
            if ends and exchanges:
                exchanges.pop(0).close()
        for each in exchanges:
            each.close()
        assert rig.unread.total == 0


def request(unread: UnreadResponses, client_id: str, body: Sequence[bytes]) -> tuple[Response, Exchange]:
    with Flask("test").test_request_context(environ_overrides=environ()):
        return unread.response(client_id, body), exchange()


def test_only_large_responses_count_until_their_exchange_ends() -> None:
    unread, parts = UnreadResponses(), [b"a" * SIZE, b"b"]
    small, _ = request(unread, "a", [b"small"])
    assert (small.get_data(), unread.total) == (b"small", 0)
    large, exchange = request(unread, "a", parts)
    assert (large.content_length, exchange.parts, unread.total) == (SIZE + 1, parts, SIZE + 1)
    exchange.close()
    assert unread.total == 0


def test_large_results_are_read_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_WAIT", 0.01)
    unread = UnreadResponses()

    def read() -> bytes:
        with pytest.raises(BusyError):
            unread.large("b", lambda: b"x")
        return b"y" * SIZE

    with Flask("test").test_request_context(environ_overrides=environ()):
        assert unread.large("a", read).content_length == SIZE
        assert exchange().parts == [b"y" * SIZE]
        assert unread.large("b", lambda: b"x").get_data() == b"x"
