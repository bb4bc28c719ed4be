"""What MCP clients get when the gateway fails or is busy."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from gateway.edge.bodies import DisconnectedError
from gateway.edge.exchange import Exchange, WaitLimits
from gateway.inbox.memory import BusyError
from gateway.mcp import edge
from gateway.mcp.server import _described


async def failing(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "words", "logged"),
    [
        (KeyError("a secret"), "The gateway failed. See its log.", True),
        (DisconnectedError("a secret"), "The connection was closed.", False),
        (MCPError(-32002, "There is no such job."), "There is no such job.", False),
    ],
)
def test_a_client_gets_words_and_no_insides(caplog: Any, error: Exception, words: str, logged: bool) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(MCPError) as caught:
        asyncio.run(_described(failing(error)))
    assert caught.value.error.message == words
    assert bool(caplog.records) is logged


def test_messages_in_progress_are_bounded_and_end_with_their_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge, "MAX_MESSAGES", 2)
    nothing: Any = None
    bounded = edge.McpEdge(nothing, nothing)
    limits = WaitLimits()
    exchanges = [Exchange("address", limits, lambda: None) for _ in range(3)]
    for exchange in exchanges[:2]:
        bounded.reserve(exchange)
    with pytest.raises(BusyError, match="Try again later"):
        bounded.reserve(exchanges[2])
    exchanges[0].close()
    bounded.reserve(exchanges[2])
