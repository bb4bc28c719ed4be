"""Every request that may not be repeated is sent once, whatever becomes of its answer.

Requests to the quantum provider have their own tests (`test_transport.py`). A connection is fresh, or was
used before: some libraries repeat a request on a connection that was closed while it was idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from core.config_docs.model import parse
from core.errors import QwhiskError
from core.openwhisk.client import FunctionInvoker
from gateway.webhooks.sender import WebhookSender
from local import demo
from local.deployment import deploy
from local.openwhisk.http_connection import HttpConnection, HttpConnectionError
from tests.core.samples import raw_document
from tests.core.test_openwhisk_client import Server, reply
from tests.core.test_transport import UNCLEAR, reset

#: An answer that does not arrive is left out: each client's own time limit is far longer than a test.
OUTCOMES = {
    **{name: UNCLEAR[name] for name in ("503", "503 with Retry-After", "504", "closed", "cut off")},
    "reset": reset,
}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def invocation(server: Server) -> tuple[str, Callable[[], object]]:
    """The gateway invokes a function, and the poller a function's next step."""
    path = "/invoke"
    invoker = FunctionInvoker(lambda name: name)
    document = parse(raw_document() | {"functionBackendUrl": server.url + path}, "smile_super_position")
    return path, lambda: invoker(document, {"emoticon_1": ":)"}, 5.0)


def webhook(server: Server) -> tuple[str, Callable[[], object]]:
    """The gateway sends a final event to a client's address."""
    sender = WebhookSender("private")
    return "/hook", lambda: sender.post(f"{server.url}/hook", {"webhook-id": "1"}, b"{}")


def deployment(server: Server) -> tuple[str, Callable[[], object]]:
    """`make deploy` creates the package."""
    return "/api/v1/namespaces/_/packages/quantum", lambda: deploy(server.url, "user:password", {})


def session(server: Server) -> tuple[str, Callable[[], object]]:
    """`make demo` opens a session."""
    return "/api/v1/sessions", lambda: demo.run(server.url)


def submission(server: Server) -> tuple[str, Callable[[], object]]:
    """`make demo` submits a job."""
    server.routes["/api/v1/sessions"] = reply(201, {"token": "t"})
    return "/api/v1/functions/smile_super_position/jobs", lambda: demo.run(server.url)


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
@pytest.mark.parametrize("client", [invocation, webhook, deployment, session, submission])
def test_a_request_is_sent_once(server: Server, client: Any, used: bool, outcome: str) -> None:
    path, send = client(server)
    if used:
        server.routes[path] = reply(500, {})
        with nullcontext() if client is webhook else pytest.raises(QwhiskError):
            send()
    server.routes[path] = OUTCOMES[outcome]
    server.seen.clear()
    try:
        send()
    except QwhiskError:
        assert client is not webhook
    else:
        assert client is webhook
    assert [seen[1].partition("?")[0] for seen in server.seen].count(path) == 1


@pytest.mark.parametrize("used", [False, True], ids=["fresh", "used"])
def test_an_activation_is_run_once(used: bool) -> None:
    """The local OpenWhisk sends /run to an action process that ends before it answers."""
    runs: list[bytes] = []

    async def process(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            runs.append(await reader.readexactly(2))
            if used and len(runs) == 1:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                continue
            break
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(process, "127.0.0.1", 0)
        async with server:
            connection = await HttpConnection.connect("127.0.0.1", server.sockets[0].getsockname()[1])
            if used:
                assert await connection.post("/run", b"{}", 100) == (200, b"{}")
            with pytest.raises(HttpConnectionError):
                await connection.post("/run", b"{}", 100)
            connection.close()

    asyncio.run(run())
    assert len(runs) == 1 + used
