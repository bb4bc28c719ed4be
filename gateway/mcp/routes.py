"""The route `/mcp`: checks a message, and hands it to the MCP server at the edge."""

from __future__ import annotations

import importlib
from typing import Any

import orjson
from flask import Flask, Response, g, request

from core.errors import InputError, NotFoundError
from gateway import body, idempotency
from gateway.edge.exchange import exchange
from gateway.mcp import sessions
from gateway.mcp.errors import PATH, UNSUPPORTED_VERSION, VERSIONS, as_json_rpc
from gateway.mcp.message import McpMessage
from gateway.mcp.schemas import CANCEL_TOOL, WAIT_TOOL
from gateway.mcp.sessions import McpSession
from gateway.problems import MalformedError, problem
from gateway.services import GatewayServices, services

VERSION_HEADER = "Mcp-Protocol-Version"
#: The most characters of a message's id.
_MAX_ID = 200
_MAX_INTEGER = 2**53
#: What an answer may be.
_ANSWERS = ("application/json", "text/event-stream")


class VersionError(MalformedError):
    """The client uses a revision of the protocol that has no sessions."""

    code = UNSUPPORTED_VERSION


def register(app: Flask, gateway: GatewayServices) -> None:
    """Add the route, if MCP is on."""

    @app.post(PATH)
    def mcp_message() -> Response:
        if not gateway.settings.mcp:
            raise NotFoundError("This gateway has no MCP server. Its operator can set GATEWAY_MCP=on.")
        if request.mimetype != "application/json":
            return problem(415, "Send the message with `Content-Type: application/json`.", "http_415")
        return _handle(body.body())

    @app.route(PATH, methods=["GET", "DELETE"])
    def mcp_stream() -> Response:
        # There is nothing to send outside of an answer, and sessions are not stored.
        response = problem(405, "Send messages with POST. A session ends by itself.", "http_405")
        response.headers["Allow"] = "POST"
        return response

    @app.after_request
    def worded(response: Response) -> Response:
        """Make errors of this route JSON-RPC errors, so that MCP clients show their words."""
        if request.path == PATH:
            as_json_rpc(response, g.get("mcp_id"))
        return response


def _handle(message: dict[str, Any]) -> Response:
    """Check a message, and answer it or leave it to the edge.

    The package `mcp` answers after a session is opened or a job submitted. So it gets no message that it
    refuses, and nothing that is not checked here.
    """
    method, message_id, params = message.get("method"), message.get("id"), message.get("params")
    if message.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise MalformedError("This is not a request or notification of JSON-RPC 2.0.", field="body")
    if "id" in message:
        g.mcp_id = _checked_id(message_id)
    if not isinstance(params, dict | None):
        raise MalformedError("params must be an object.", field="params")
    if any(request.accept_mimetypes[kind] <= 0 for kind in _ANSWERS):
        return problem(406, f"Send `Accept: {', '.join(_ANSWERS)}`: an answer is one of the two.", "http_406")
    version = request.headers.get(VERSION_HEADER)
    if version is not None and version not in VERSIONS:
        raise VersionError(
            f"This server speaks the revisions {', '.join(VERSIONS)}. Send `initialize`.",
            field=VERSION_HEADER,
        )
    gateway = services()
    params = params or {}
    g.attempt = _attempt(method, params)
    if method == "initialize" and "id" in message:
        return _left_to_edge(
            McpMessage(None, "", _request(g.mcp_id, method, params), opens=True, id=g.mcp_id)
        )
    session = sessions.current(gateway)
    if "id" not in message:
        return _notified(session, method, params)
    if method == "tools/call" and isinstance(params.get("name"), str):
        return _left_to_edge(_tool_call(session, g.mcp_id, params))
    body = _request(g.mcp_id, method, params)
    return _left_to_edge(McpMessage(session.client, session.token, body, id=g.mcp_id))


def _attempt(method: str, params: dict[str, Any]) -> dict[str, str]:
    """Return what a message attempts, for the audit: it has no other line if it is refused here.

    A message that is accepted leads to a request to the API, which has the line.
    """
    name, arguments = params.get("name"), params.get("arguments")
    if method == "notifications/cancelled":
        return {"action": "cancellation"}
    if method != "tools/call" or not isinstance(name, str) or name == WAIT_TOOL:
        return {}
    if name != CANCEL_TOOL:
        return {"action": "submission", "function": name}
    job = arguments.get("process_job_id") if isinstance(arguments, dict) else None
    return {"action": "cancellation"} | ({"process_job_id": job} if isinstance(job, str) else {})


def _request(message_id: str | int, method: str, params: dict[str, Any]) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": message_id, "method": method, "params": params})


def _tool_call(session: McpSession, message_id: str | int, params: dict[str, Any]) -> McpMessage:
    arguments = params.get("arguments")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise InputError("arguments must be an object.", field="arguments")
    meta = params.get("_meta")
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    # What the MCP server keeps while the job runs is small.
    short = {"name": params["name"][:_MAX_ID], "arguments": {}}
    if token is not None:
        short["_meta"] = {"progressToken": _checked_id(token, "progressToken")}
    return McpMessage(
        session.client,
        session.token,
        _request(message_id, "tools/call", short),
        id=message_id,
        tool=short["name"],
        arguments=orjson.dumps(arguments),
        key=session.key(message_id),
    )


def _notified(session: McpSession, method: str, params: dict[str, Any]) -> Response:
    if method == "notifications/cancelled" and "requestId" in params:
        key = session.key(_checked_id(params["requestId"], "requestId"))
        job_id = idempotency.process_job_id(session.client.secret, session.client, key)
        exchange().mcp = McpMessage(session.client, session.token, cancelled=job_id)
    return Response(status=202)


def _left_to_edge(message: McpMessage) -> Response:
    # Imported by a thread of the views, so that the event loop does not wait for it.
    importlib.import_module("gateway.mcp.server")
    exchange().mcp = message
    return Response(status=200)


def _checked_id(value: Any, name: str = "id") -> str | int:
    if isinstance(value, str) and len(value) <= _MAX_ID:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_INTEGER:
        return value
    raise MalformedError(
        f"{name} must be a whole number or a text of up to {_MAX_ID} characters.", field=name
    )
