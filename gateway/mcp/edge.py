"""The edge's side of MCP: runs the server, carries out cancellations, and imports `mcp` when it is needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from core.protocol import job_path
from gateway.edge.bodies import Receive
from gateway.edge.exchange import Exchange
from gateway.edge.held_response import HeldResponse
from gateway.edge.inner_requests import InnerRequests
from gateway.edge.views import Scope, Views
from gateway.inbox.memory import BusyError
from gateway.limits import Concurrency, LimitError
from gateway.mcp.message import McpMessage
from gateway.services import GatewayServices

if TYPE_CHECKING:
    from gateway.mcp.server import McpServer
    from gateway.mcp.tools import ToolCall

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

    async def submit(self, exchange: Exchange, message: McpMessage, scope: Scope) -> ToolCall | None:
        """Return what the message's handler needs; None for a notification.

        If the message calls a function, it is invoked, and its arguments are dropped.

        Raises:
            BusyError: too many messages are in progress.
        """
        if not message.body:
            return None
        self.reserve(exchange)
        server = await self._started()
        call = server.call(self._requests(exchange, message, scope), message)
        await call.submit()
        return call

    async def answer(
        self,
        exchange: Exchange,
        message: McpMessage,
        call: ToolCall | None,
        scope: Scope,
        receive: Receive,
        answer: HeldResponse,
    ) -> None:
        """Answer a message.

        Args:
            exchange: its request.
            message: the message.
            call: what `submit` returned for it.
            scope: the request's ASGI scope.
            receive: returns the next ASGI message.
            answer: the response of the view, whose headers the answer has.
        """
        if call is None:
            self._start_cancellation(exchange, message, scope)
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
            own.reserve_wait(message.client.client_id)
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
