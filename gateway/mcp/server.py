"""The MCP server: the handlers of its methods, behind the streamable HTTP transport without state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from sse_starlette.sse import AppStatus

from gateway.api import listed_documents
from gateway.edge.bodies import MAX_BODY, DisconnectedError, Receive
from gateway.edge.held_response import Send
from gateway.edge.inner_requests import InnerRequests
from gateway.mcp import resources, tools
from gateway.mcp.message import McpMessage
from gateway.mcp.tools import ToolCall
from gateway.openapi import VERSION
from gateway.services import GatewayServices

_NAME = "qwhisk"
_INSTRUCTIONS = (
    "Each tool runs a quantum algorithm and returns its answer in words and numbers; the default backend is "
    "a simulator. A call waits up to 50 seconds. If the job takes longer, call wait-for-job with its "
    "process_job_id. Jobs of this session are resources (qwhisk://jobs), and so are the backends "
    "(qwhisk://backends)."
)
#: The name of the call in the ASGI scope.
_CALL = "qwhisk.mcp"
#: Headers that the view has checked, in a form that the package does not refuse.
_ACCEPTED = (
    (b"accept", b"application/json, text/event-stream"),
    (b"content-type", b"application/json"),
)
#: JSON-RPC's code for an error of the server.
_INTERNAL = -32603

log = logging.getLogger(__name__)

# When the process stops, the edge ends all waits, so that streams end with their answers. `sse_starlette`,
# which `mcp` uses, would end them without.
AppStatus.enable_automatic_graceful_drain = False

T = TypeVar("T")


class McpServer:
    """Answers requests. It keeps nothing between them, so that any replica can answer each.

    Args:
        services: the gateway's services.
    """

    def __init__(self, services: GatewayServices) -> None:
        self._services = services
        self.ready = asyncio.Event()
        server: Server[Any] = Server(
            _NAME,
            version=VERSION,
            title="Quantum algorithms",
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
        )
        # Host, Origin, the client and the size of the body are already checked.
        self._manager = StreamableHTTPSessionManager(
            server, stateless=True, max_request_body_size=2 * MAX_BODY
        )

    async def run(self) -> None:
        """Serve until the task is cancelled."""
        async with self._manager.run():
            self.ready.set()
            await asyncio.Event().wait()

    def call(self, requests: InnerRequests, message: McpMessage) -> ToolCall:
        """Return a call of a tool or, if the message calls none, what its handler needs."""
        return ToolCall(message, requests, self._services.waits)

    async def answer(self, scope: dict[str, Any], call: ToolCall, receive: Receive, send: Send) -> None:
        """Answer a request.

        Args:
            scope: the ASGI scope of the request.
            call: what its handler needs.
            receive: returns the next ASGI message.
            send: sends ASGI messages.
        """
        body = call.message.body
        # Other headers concern the HTTP request, which is already checked.
        headers = [(name, value) for name, value in scope["headers"] if name == b"mcp-protocol-version"]
        headers += [*_ACCEPTED, (b"content-length", str(len(body)).encode())]
        unread = True

        async def receive_body() -> Any:
            nonlocal unread
            if unread:
                unread = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self._manager.handle_request(scope | {"headers": headers, _CALL: call}, receive_body, send)

    async def _list_tools(
        self, context: Any, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        client = _call(context).message.client
        documents = listed_documents(self._services, client) if client is not None else []
        return tools.page(documents, params.cursor if params is not None else None)

    async def _call_tool(self, context: Any, _params: types.CallToolRequestParams) -> types.CallToolResult:
        async def report(number: float, text: str) -> None:
            await context.session.report_progress(number, message=text)

        return await _described(_call(context).result(report))

    async def _list_resources(self, context: Any, _params: Any) -> types.ListResourcesResult:
        return await _described(resources.listed(_call(context).requests))

    async def _list_templates(self, _context: Any, _params: Any) -> types.ListResourceTemplatesResult:
        return resources.templates()

    async def _read_resource(
        self, context: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        return await _described(resources.read(_call(context).requests, str(params.uri)))


def _call(context: Any) -> ToolCall:
    call: ToolCall = context.request.scope[_CALL]
    return call


async def _described(handling: Coroutine[Any, Any, T]) -> T:
    """Return what a handler returns. An unexpected exception is logged; the client gets nothing of it."""
    try:
        return await handling
    except MCPError:
        raise
    except DisconnectedError:
        raise MCPError(_INTERNAL, "The connection was closed.") from None
    except Exception as error:
        log.error("unexpected %s", type(error).__name__, exc_info=error)
        raise MCPError(_INTERNAL, "The gateway failed. See its log.") from None
