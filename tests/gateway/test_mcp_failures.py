"""A handler of the MCP server that fails unexpectedly."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from gateway.edge.bodies import DisconnectedError
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
