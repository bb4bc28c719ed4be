"""How many WebSockets may be open, and what a client may say when it resumes."""

from __future__ import annotations

import pytest

from gateway.events import MAX_PER_CLIENT, Connections, _after


def test_one_client_cannot_take_all() -> None:
    connections = Connections(1_000)
    assert [connections.enter("a") for _ in range(MAX_PER_CLIENT + 1)] == [True] * MAX_PER_CLIENT + [False]
    assert connections.enter("b")
    connections.leave("a")
    assert connections.enter("a")
    assert not connections.enter("a")


def test_all_together_cannot_take_more_than_there_is() -> None:
    connections = Connections(2)
    assert [connections.enter(client) for client in "abc"] == [True, True, False]
    connections.leave("b")
    assert connections.enter("c")


def test_leaving_more_often_than_entering_frees_nothing() -> None:
    connections = Connections(1)
    connections.leave("a")
    assert connections.enter("a")
    assert not connections.enter("b")
    connections.leave("a")
    connections.leave("a")
    assert connections.enter("b")
    assert not connections.enter("a")


@pytest.mark.parametrize(
    ("raw", "expected"), [(None, -1), ("", -1), ("x", -1), ("1.5", -1), ("0", 0), ("17", 17), ("-1", -1)]
)
def test_where_a_client_resumes(raw: str | None, expected: int) -> None:
    assert _after(raw) == expected
