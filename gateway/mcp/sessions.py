"""MCP sessions. The id of one is the token of a gateway session and a random number.

So nothing is stored: any replica with the same `GATEWAY_SECRET` serves the session, and it ends with its
token. The random number distinguishes connections of the same client, whose messages have the same ids.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

import orjson
from flask import g, request

from core.client_sources import source_of
from core.errors import NotFoundError
from gateway.auth.sources import digest_of
from gateway.auth.tokens import ClientSession, TokenError
from gateway.problems import MalformedError
from gateway.services import GatewayServices, address, bearer, session_of

HEADER = "Mcp-Session-Id"

_SEPARATOR = "~"
_NUMBER = re.compile(r"[A-Za-z0-9_-]{16}")


class NoSessionError(MalformedError):
    """The message names no MCP session."""

    code = "mcp_session_missing"


@dataclass(frozen=True)
class McpSession:
    """An MCP session.

    Attributes:
        client: the session of the gateway's API.
        token: its token.
        number: distinguishes the connection.
    """

    client: ClientSession
    token: str
    number: str

    def key(self, message_id: str | int) -> str:
        """Return the idempotency key of a call. A client uses an id once in a session."""
        named = f"{self.number}\0".encode() + orjson.dumps(message_id)
        return f"mcp-{hashlib.sha256(named).hexdigest()}"


def new_id(token: str) -> str:
    """Return the id of a new MCP session for the client of a token."""
    return f"{token}{_SEPARATOR}{secrets.token_urlsafe(12)}"


def current(gateway: GatewayServices) -> McpSession:
    """Return the session that the request names.

    Raises:
        NoSessionError: it names none.
        NotFoundError: there is no such session, or it has expired.
        TokenError: the sign-in that the deployment requires is missing, or is someone else's.
        LimitError: too many requests from this address were refused.
    """
    raw = request.headers.get(HEADER, "")
    if not raw:
        raise NoSessionError(
            f"{HEADER} is missing. Send `initialize` first, and then the id that its answer has.",
            field=HEADER,
        )
    token, _, number = raw.rpartition(_SEPARATOR)
    try:
        client = session_of(token if _NUMBER.fullmatch(number) else "")
    except TokenError as error:
        g.refused = error.reason
        raise NotFoundError(
            "This MCP session does not exist or has expired. Send `initialize` again."
        ) from None
    if gateway.sign_in.needed and not _is_owner(gateway, client):
        # Who sent the request is not known.
        g.pop("client", None)
        gateway.session_limit.take(address())
        raise TokenError(
            "Sign in: send the credential that opened this MCP session as `Authorization: Bearer <it>`.",
            "sign_in",
        )
    return McpSession(client, token, number)


def _is_owner(gateway: GatewayServices, client: ClientSession) -> bool:
    """Return whether the request's credential is that of the session's holder.

    Raises:
        SignInError: the sign-in provider is not available.
    """
    credential = bearer()
    try:
        return gateway.tokens.read(credential).client_id == client.client_id
    except TokenError:
        pass
    with gateway.processor.waiting():
        who = gateway.sign_in.who(credential)
    if who is None:
        return False
    # The session may be from before the secret was changed.
    known = {gateway.settings.secret, gateway.settings.previous_secret, client.secret} - {""}
    return source_of(client.client_id) in {digest_of(secret, "tenant", who.name) for secret in known}
