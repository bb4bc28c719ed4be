"""One message of an MCP client, as the view hands it to the MCP server."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.auth.tokens import ClientSession


@dataclass
class McpMessage:
    """A message whose client and form were checked.

    Attributes:
        client: the client's session; None if the message opens one.
        token: the token of that session.
        body: the message as JSON, without the arguments of a tool.
        opens: whether it opens an MCP session.
        id: the message's id; None if it is a notification.
        tool: the tool that it calls; empty if it calls none.
        arguments: the tool's arguments as JSON. A function's are dropped when it was invoked.
        key: the idempotency key of the call.
        cancelled: the job of the call that the message cancels; empty if it cancels none.
    """

    client: ClientSession | None
    token: str
    body: bytes = b""
    opens: bool = False
    id: str | int | None = None
    tool: str = ""
    arguments: bytes = b""
    key: str = ""
    cancelled: str = ""
