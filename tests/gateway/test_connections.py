"""All connections together: those that receive nothing end before their unsent data takes too much memory."""

from __future__ import annotations

import pytest

from gateway.edge import connections as module
from gateway.edge.connections import Connections
from gateway.limits import Concurrency


class Waiting:
    """A connection with unsent data."""

    def __init__(self, since: float, size: int) -> None:
        self.address = "192.0.2.1"
        self.open = True
        self._unsent = since, size

    def check(self, now: float) -> None:
        """Nothing is too late."""

    def unsent(self) -> tuple[float, int]:
        return self._unsent

    def idle(self) -> bool:
        return False

    def abort(self) -> None:
        self.open = False


def test_connections_that_receive_nothing_end_when_all_have_too_many_unsent_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_UNSENT", 250)
    connections = Connections(10, Concurrency(0))
    late, later, empty, stalled = opened = [Waiting(3, 100), Waiting(4, 100), Waiting(0, 0), Waiting(1, 100)]
    for connection in opened:
        assert connections.add(connection)
    connections.limit_unsent()
    assert [connection.open for connection in (late, later, empty, stalled)] == [True, True, True, False]
    monkeypatch.setattr(module, "MAX_UNSENT", 300)
    stalled.open = True
    connections.limit_unsent()
    assert stalled.open
