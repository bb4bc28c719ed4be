"""A connection that has ended is freed at once, and not when Python next searches for cycles."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from gateway.edge.application import _abort
from gateway.edge.connections import Connections
from gateway.edge.exchange import Exchange, WaitLimits
from gateway.edge.http_protocol import MAX_READ, HttpProtocol
from gateway.limits import Concurrency

#: Seconds in which a connection is served, even on a slow machine.
PATIENCE = 30.0
#: Bytes of the body, of which the last is never sent.
SIZE = 20 * MAX_READ


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def no_search() -> Iterator[None]:
    """Python frees only what nothing refers to."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Server:
    """Serves one connection after another with an application that reads a body for as long as it comes."""

    def __init__(self) -> None:
        self.protocols: list[weakref.ref[HttpProtocol]] = []
        self.pieces: list[int] = []
        self.ended = False

    async def app(self, _scope: Any, receive: Any, _send: Any) -> None:
        while (message := await receive())["type"] == "http.request":
            self.pieces.append(len(message["body"]))
            if not message["more_body"]:
                return
        self.ended = True

    def protocol(self) -> HttpProtocol:
        config = Config(
            self.app, log_config=None, ws="none", lifespan="off", interface="asgi3", proxy_headers=False
        )
        config.load()
        state = {"connections": Connections(10, Concurrency(0))}
        made = HttpProtocol(config, ServerState(), state)
        self.protocols.append(weakref.ref(made))
        return made


@pytest.mark.usefixtures("no_search")
@pytest.mark.parametrize("abort", [False, True])
def test_a_client_that_leaves_in_its_body_leaves_nothing_in_memory(abort: bool) -> None:
    async def run() -> None:
        server = Server()
        async with await asyncio.get_running_loop().create_server(
            server.protocol, "127.0.0.1", 0
        ) as listening:
            _, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
            try:
                writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % SIZE)
                writer.write(b"x" * (SIZE - 1))
                await until(lambda: sum(server.pieces) == SIZE - 1)
            finally:
                if abort:
                    writer.transport.abort()
                else:
                    writer.close()
            await until(lambda: server.protocols[0]() is None)
        assert server.ended
        # uvicorn stops reading once a read has passed its mark.
        assert max(server.pieces) <= 2 * MAX_READ

    asyncio.run(run())


@pytest.mark.usefixtures("no_search")
def test_a_request_that_has_ended_keeps_no_connection_in_memory() -> None:
    class Opened:
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    def request() -> weakref.ref[Opened]:
        connection = Opened()
        exchange = Exchange("address", WaitLimits(), _abort(connection, lambda: exchange.ended))  # type: ignore[arg-type]
        exchange = exchange.repeat()
        exchange.close()
        return weakref.ref(connection)

    async def run() -> None:
        assert request()() is None

    asyncio.run(run())
