"""Problem documents as errors of JSON-RPC, so that MCP clients show their words."""

from __future__ import annotations

import orjson
from flask import Response

#: The path of the MCP server.
PATH = "/mcp"

#: The revisions of the protocol that have sessions, oldest first.
VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")

#: The code of the error for a revision that is not supported.
UNSUPPORTED_VERSION = "mcp_version"
#: Error codes of JSON-RPC and MCP, by the codes of our errors; the others have `_REFUSED`.
_CODES = {"invalid_json": -32700, "http_400": -32600, "invalid_input": -32600, UNSUPPORTED_VERSION: -32022}
_REFUSED = -32000


def json_rpc_error(problem: bytes, message_id: str | int | None) -> bytes:
    """Return the error as the body of a response.

    Args:
        problem: the problem document.
        message_id: the id of the message; None if it is not known.
    """
    details = orjson.loads(problem)
    code = _CODES.get(details["code"], _REFUSED)
    if details["code"] == UNSUPPORTED_VERSION:
        details["supported"] = VERSIONS
    error = {"code": code, "message": details["detail"], "data": details}
    return orjson.dumps({"jsonrpc": "2.0", "id": message_id, "error": error})


def as_json_rpc(response: Response, message_id: str | int | None) -> None:
    """Make a problem document a JSON-RPC error, and leave other responses as they are.

    Args:
        response: the response to a message.
        message_id: the id of the message; None if it is not known.
    """
    if response.mimetype == "application/problem+json":
        response.set_data(json_rpc_error(response.get_data(), message_id))
        response.mimetype = "application/json"
