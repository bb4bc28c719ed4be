"""The ASGI application in front of the Flask views."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from flask import Flask, Response
from prometheus_client import Gauge

from core.errors import NotFoundError, QwhiskError
from gateway import problems
from gateway.edge.bodies import Bodies, BodyTimeoutError, DisconnectedError, Receive
from gateway.edge.connection import Connection, HandshakeError
from gateway.edge.connections import Connections
from gateway.edge.exchange import Exchange, FinalEventWait, Upgrade, WaitLimits
from gateway.edge.heads import rejection
from gateway.edge.held_response import HeldResponse, Send
from gateway.edge.http_protocol import HttpProtocol
from gateway.edge.probes import PROBES, Probes
from gateway.edge.view_pool import NoFreeThreadError
from gateway.edge.views import Scope, Views
from gateway.inbox.inbox import InboxEntry
from gateway.inbox.memory import BusyError
from gateway.limits import LimitError
from gateway.links import mounted, shown
from gateway.mcp.edge import McpEdge
from gateway.mcp.errors import PATH as MCP_PATH
from gateway.mcp.errors import as_json_rpc
from gateway.metrics import GatewayMetrics, method_label
from gateway.problems import NO_JOB, problem
from gateway.replies import secured
from gateway.services import GatewayServices

#: The status in the metrics of a request whose client did not wait for the response.
CLIENT_LEFT = 499

log = logging.getLogger(__name__)

T = TypeVar("T")


class Edge:
    """Serves the gateway.

    Bodies, waits for results, large responses and probes are coroutines. Views run in threads.

    Args:
        app: the Flask application.
        services: its services.
        connections: the HTTP connections.
    """

    def __init__(self, app: Flask, services: GatewayServices, connections: Connections) -> None:
        self._services = services
        self._connections = connections
        self._metrics: GatewayMetrics = app.extensions["metrics"]
        Gauge(
            "qwhisk_gateway_connections", "HTTP connections open", registry=self._metrics.registry
        ).set_function(lambda: len(connections))
        self._views = Views(app, services)
        self._mcp = McpEdge(self._views, services)
        self._probes = Probes(services)
        # Behind proxies, addresses are those of the proxies.
        known = not services.settings.proxies
        self._limits = WaitLimits() if known else WaitLimits(per_address=0)
        self._bodies = Bodies() if known else Bodies(per_address=0)

    def close_waits(self) -> None:
        """End the waits of all requests that wait for results. Called by the event loop's thread."""
        self._services.waits.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        connection: HttpProtocol = scope["state"]["connection"]
        try:
            await self._request(connection, scope, receive, send)
        except DisconnectedError:
            connection.abort()
        except asyncio.CancelledError:
            # The process stops.
            connection.abort()

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        scope["state"]["connections"] = self._connections
        check = asyncio.create_task(self._connections.check())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._mcp.close()
        check.cancel()
        with suppress(asyncio.CancelledError):
            await check
        await send({"type": "lifespan.shutdown.complete"})

    async def _request(self, connection: HttpProtocol, scope: Scope, receive: Receive, send: Send) -> None:
        scope = mounted(scope, self._services.settings.proxies, self._services.settings.prefix)
        if (rejected := rejection(scope)) is not None:
            await self._refuse(connection, scope, send, rejected)
            return
        if not scope["path"] and scope["root_path"]:
            await self._to_the_folder(scope, send)
            return
        if scope["path"] in PROBES and scope["method"] in ("GET", "HEAD"):
            await self._probe(scope, send)
            return
        exchange = Exchange(connection.address, self._limits, _abort(connection, lambda: exchange.ended))
        answer = HeldResponse(send)
        try:
            headers = dict(scope["headers"])
            async with self._bodies.read(receive, headers, connection.address) as body:
                if not body.complete:
                    answer.close_connection()
                left = connection.transport.is_closing
                await self._views.call(scope, body, exchange, answer, left)
                if body.complete and await self._is_repeated(exchange, receive):
                    exchange, answer = exchange.repeat(), HeldResponse(send)
                    await self._views.call(scope, body, exchange, answer, left)
                message = exchange.mcp
                call = None if message is None else await self._mcp.submit(exchange, message, scope, answer)
            if message is not None:
                await self._mcp.answer(exchange, call, scope, receive, answer)
                return
            if exchange.upgrade is not None:
                exchange.answered(answer.status)
                await self._upgrade(connection, scope, exchange.upgrade, send)
                return
            if exchange.wait is not None:
                await self._wait(exchange, exchange.wait, receive, answer)
            exchange.answered(answer.status)
            await answer.finish()
        except BodyTimeoutError:
            late = problem(408, "The body took too long. Send it again.", "http_408")
            await self._refuse(connection, scope, send, late, exchange)
        except NoFreeThreadError as error:
            await self._refuse(connection, scope, send, problems.of(error), exchange, charged=False)
        except (LimitError, BusyError) as error:
            await self._refuse(connection, scope, send, problems.of(error), exchange)
        finally:
            exchange.close()

    async def _wait(
        self, exchange: Exchange, wait: FinalEventWait, receive: Receive, answer: HeldResponse
    ) -> None:
        """Wait for the job's final event."""
        final = self._services.waits.final(wait.inbox, wait.process_job_id, wait.seconds)
        self._replace(answer, exchange, wait, await self._unless_left(final, exchange, receive))

    async def _is_repeated(self, exchange: Exchange, receive: Receive) -> bool:
        """Return whether the view must be called again, after a wait for the condition that it named."""
        wait = exchange.repetition
        if wait is None:
            return False
        holds = self._services.waits.until(wait.inbox, wait.holds, wait.seconds)
        return await self._unless_left(holds, exchange, receive)

    async def _unless_left(self, wait: Coroutine[Any, Any, T], exchange: Exchange, receive: Receive) -> T:
        """Wait, but raise DisconnectedError as soon as the client leaves."""
        waiting, left = asyncio.create_task(wait), asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait((waiting, left), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                exchange.answered(CLIENT_LEFT)
                raise DisconnectedError
        finally:
            waiting.cancel()
            left.cancel()
            await asyncio.gather(waiting, left, return_exceptions=True)
        return waiting.result()

    def _replace(
        self, answer: HeldResponse, exchange: Exchange, wait: FinalEventWait, entry: InboxEntry | None
    ) -> None:
        """Replace the response by the job's event, if that is final or the newest one was requested."""
        if not wait.newest and (entry is None or not entry.event.final):
            return
        try:
            if entry is None:
                raise NotFoundError(NO_JOB)
            event = shown(entry, wait.prefix)
            self._services.unread.count(wait.client_id, len(event), exchange)
        except QwhiskError as error:
            # Else the client gets the job, and can request its event later.
            if wait.newest:
                refusal = problems.of(error)
                answer.replace(refusal.status_code, refusal.get_data(), dict(refusal.headers))
            return
        answer.replace(200, event, {}, without=("location",))

    async def _upgrade(self, connection: HttpProtocol, scope: Scope, upgrade: Upgrade, send: Send) -> None:
        """Hand the connection to the WebSocket server."""
        if connection.transport.is_closing():
            raise DisconnectedError
        sock: socket.socket = connection.duplicate()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        release = self._connections.per_address.release
        try:
            websocket = Connection(
                sock,
                headers,
                upgrade.inbox,
                upgrade.last,
                upgrade.session,
                upgrade.prefix,
                on_close=lambda: release(connection.address),
            )
        except HandshakeError as error:
            sock.close()
            refusal = problem(400, f"Not a WebSocket handshake: {error}.", "http_400")
            await self._refuse(connection, scope, send, refusal)
            return
        connection.detach()
        upgrade.inbox.enter()
        self._services.websocket_server.add(websocket)

    async def _to_the_folder(self, scope: Scope, send: Send) -> None:
        """Redirect from the prefix to the address with a slash, to which the page's links are relative."""
        response = problem(308, "The page's address ends with a slash.", "http_308")
        response.headers["Location"] = f"{scope['root_path']}/"
        self._metrics.requests.labels("/", method_label(scope["method"]), response.status_code).inc()
        await HeldResponse.of(send, secured(response)).finish()

    async def _probe(self, scope: Scope, send: Send) -> None:
        response = await self._probes.answer(scope)
        self._metrics.requests.labels(scope["path"], scope["method"], response.status_code).inc()
        await HeldResponse.of(send, secured(response)).finish()

    async def _refuse(
        self,
        connection: HttpProtocol,
        scope: Scope,
        send: Send,
        response: Response,
        exchange: Exchange | None = None,
        charged: bool = True,
    ) -> None:
        """Send an error, and end the connection with it.

        Args:
            connection: the connection.
            scope: the request's ASGI scope.
            send: sends ASGI messages.
            response: the error.
            exchange: the request, if a view may have read it.
            charged: whether it counts in the limit of the address.
        """
        if charged and not self._services.settings.proxies:
            self._services.session_limit.charge(connection.address)
        self._metrics.requests.labels("none", "none", response.status_code).inc()
        if scope["path"] == MCP_PATH:
            message = exchange.mcp if exchange is not None else None
            as_json_rpc(response, message.id if message is not None else None)
        answer = HeldResponse.of(send, secured(response))
        answer.close_connection()
        await answer.finish()


async def _disconnected(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _abort(connection: HttpProtocol, ended: Callable[[], bool]) -> Callable[[], None]:
    """Return a function for any thread that ends the connection unless its request has ended."""
    loop = asyncio.get_running_loop()

    def abort() -> None:
        if not ended():
            connection.abort()

    def soon() -> None:
        with suppress(RuntimeError):  # the process stops
            loop.call_soon_threadsafe(abort)

    return soon
