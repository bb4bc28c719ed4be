"""What MCP clients get when the gateway fails or is busy."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from flask import Flask
from mcp.shared.exceptions import MCPError
from sse_starlette.sse import AppStatus

from gateway.edge import view_pool
from gateway.edge.bodies import DisconnectedError
from gateway.edge.exchange import Exchange, WaitLimits
from gateway.edge.inner_requests import InnerReply, InnerRequests
from gateway.edge.processor import Processor
from gateway.edge.views import Views
from gateway.edge.waits import Waits
from gateway.inbox.memory import BusyError
from gateway.mcp import edge
from gateway.mcp.message import McpMessage
from gateway.mcp.server import McpServer, _described
from gateway.mcp.tools import ToolCall


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


def test_a_request_for_which_no_thread_is_free_is_answered_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_pool, "MAX_QUEUED", 0)
    services: Any = SimpleNamespace(processor=Processor(), settings=SimpleNamespace(threads=1))
    scope = {"type": "http", "root_path": "", "headers": []}

    async def trial() -> InnerReply:
        exchange = Exchange("address", WaitLimits(), lambda: None)
        requests = InnerRequests(Views(Flask("test"), services), Waits(), scope, exchange, "")
        return await requests.send("GET", "/api/v1/jobs")

    reply = asyncio.run(trial())
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    problem = json.loads(reply.body)
    assert problem["code"] == "busy"
    assert problem["detail"] == "Too many requests are in progress. Try again later."


def test_a_message_is_answered_while_the_process_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AppStatus, "should_exit", False)
    nothing: Any = None
    sent: list[Any] = []

    async def receive() -> Any:
        # The client is connected, and sends nothing more.
        await asyncio.Event().wait()

    async def send(part: Any) -> None:
        sent.append(part)

    async def trial() -> None:
        server = McpServer(nothing)
        running = asyncio.create_task(server.run())
        await server.ready.wait()
        # What the signal handler of the gateway calls.
        uvicorn.Server(uvicorn.Config(nothing)).handle_exit(signal.SIGTERM, None)
        ping = McpMessage(None, "", b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}')
        scope = {"type": "http", "method": "POST", "path": "/mcp", "query_string": b"", "headers": []}
        await server.answer(scope, ToolCall(ping, nothing, nothing), receive, send)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(trial())
    assert sent[0]["status"] == 200
    assert b'"result":{}' in b"".join(part.get("body", b"") for part in sent[1:])
