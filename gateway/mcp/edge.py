"""The edge's side of MCP: runs the server, carries out cancellations, and imports `mcp` when it is needed."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from core.protocol import API, job_path
from gateway.edge.bodies import Receive
from gateway.edge.exchange import Exchange
from gateway.edge.held_response import HeldResponse
from gateway.edge.inner_requests import InnerRequests
from gateway.edge.views import Scope, Views
from gateway.inbox.memory import BusyError
from gateway.limits import Concurrency, LimitError
from gateway.mcp.errors import json_rpc_error
from gateway.mcp.message import McpMessage
from gateway.mcp.sessions import HEADER, new_id
from gateway.services import GatewayServices

if TYPE_CHECKING:
    from gateway.mcp.server import McpServer
    from gateway.mcp.tools import ToolCall

#: The path that opens sessions.
SESSIONS = f"{API}/sessions"
#: The most messages in progress. Each takes 100 kB, four times as much as another waiting request.
MAX_MESSAGES = 1_000


class McpEdge:
    """Answers MCP messages. Used by the event loop's thread only.

    Args:
        views: the views of the API.
        services: the gateway's services.
    """

    def __init__(self, views: Views, services: GatewayServices) -> None:
        self._views = views
        self._services = services
        self._in_progress = Concurrency(MAX_MESSAGES)
        self._server: McpServer | None = None
        self._running: asyncio.Task[None] | None = None
        self._cancellations: set[asyncio.Task[None]] = set()

    def reserve(self, exchange: Exchange) -> None:
        """Count a message in progress until its request ends.

        Raises:
            BusyError: there are too many.
        """
        if not self._in_progress.acquire("all"):
            raise BusyError("Too many MCP messages are in progress. Try again later.")
        exchange.at_end(lambda: self._in_progress.release("all"))

    async def submit(
        self, exchange: Exchange, message: McpMessage, scope: Scope, answer: HeldResponse
    ) -> ToolCall | None:
        """Make the request to the API that a message requires, while its body counts.

        `initialize` opens a session. If the message calls a function, the function is invoked, and the
        arguments are dropped.

        Args:
            exchange: the request of the message.
            message: the message.
            scope: the request's ASGI scope.
            answer: the response of the view.

        Returns:
            What the message's handler needs; None if the response is complete.

        Raises:
            BusyError: too many messages are in progress.
            LimitError: the client has too many requests that wait.
        """
        if not message.body:
            self._start_cancellation(exchange, message, scope)
            return None
        self.reserve(exchange)
        if message.opens and not await self._opened(exchange, message, scope, answer):
            return None
        server = await self._started()
        call = server.call(self._requests(exchange, message, scope), message)
        await call.submit()
        return call

    async def _opened(
        self, exchange: Exchange, message: McpMessage, scope: Scope, answer: HeldResponse
    ) -> bool:
        """Open a session for a message; if that is refused, return False with the response complete."""
        credential = dict(scope["headers"]).get(b"authorization")
        headers = {} if credential is None else {"authorization": credential.decode("latin-1")}
        reply = await self._requests(exchange, message, scope).send("POST", SESSIONS, headers=headers)
        if reply.status in (HTTPStatus.OK, HTTPStatus.CREATED):
            message.token = orjson.loads(reply.body)["token"]
            answer.add_header(HEADER, new_id(message.token))
            return True
        kept = ("retry-after", "www-authenticate")
        shown = {name: value for name, value in reply.headers.items() if name in kept}
        shown["content-type"] = "application/json"
        answer.replace(reply.status, json_rpc_error(reply.body, message.id), shown)
        return False

    async def answer(
        self,
        exchange: Exchange,
        call: ToolCall | None,
        scope: Scope,
        receive: Receive,
        answer: HeldResponse,
    ) -> None:
        """Answer a message.

        Args:
            exchange: the request of the message.
            call: what `submit` returned for the message.
            scope: the request's ASGI scope.
            receive: returns the next ASGI message.
            answer: the response of the view, whose headers the answer has.
        """
        if call is None:
            exchange.answered(answer.status)
            await answer.finish()
            return

        async def send(part: dict[str, Any]) -> None:
            if part["type"] == "http.response.start":
                exchange.answered(part["status"])
            await answer.send_through(part)

        server = await self._started()
        await server.answer(scope, call, receive, send)

    def _start_cancellation(self, exchange: Exchange, message: McpMessage, scope: Scope) -> None:
        """Cancel the job of a call, while its notification is answered.

        The call may be served by another replica, and its function may still be being invoked.

        Raises:
            BusyError: too many messages are in progress.
            LimitError: the client or its address has too many requests that wait.
        """
        own = exchange.independent()
        try:
            self.reserve(own)
            own.reserve_wait(message.client.client_id if message.client is not None else "")
        except (BusyError, LimitError):
            own.close()
            raise
        task = asyncio.create_task(self._cancel(self._requests(own, message, scope), message.cancelled))
        self._cancellations.add(task)
        task.add_done_callback(self._cancellations.discard)
        task.add_done_callback(lambda _: own.close())

    async def close(self) -> None:
        """End the server."""
        tasks = [*self._cancellations, *([self._running] if self._running is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _requests(self, exchange: Exchange, message: McpMessage, scope: Scope) -> InnerRequests:
        return InnerRequests(self._views, self._services.waits, scope, exchange, message.token)

    async def _cancel(self, requests: InnerRequests, process_job_id: str) -> None:
        # The job is not known before its function has answered.
        patience = self._services.settings.invoke_timeout
        await requests.send("DELETE", job_path(process_job_id), patience=patience)

    async def _started(self) -> McpServer:
        """Return the server, which is started by the first message."""
        if self._server is None:
            from gateway.mcp.server import McpServer  # a view has imported it

            self._server = McpServer(self._services)
            self._running = asyncio.create_task(self._server.run())
        await self._server.ready.wait()
        return self._server
