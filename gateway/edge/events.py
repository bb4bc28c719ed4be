"""`WS /api/v1/events`: pushes progress and results to the client that they belong to."""

from __future__ import annotations

import re

from flask import Flask, Response, request

from core.protocol import API
from gateway.auth.tokens import TokenError
from gateway.edge.exchange import Upgrade, awaited, exchange
from gateway.links import public_path
from gateway.problems import problem
from gateway.services import GatewayServices, session_of

#: Seconds within which another replica's newest event must arrive here.
REACH = 2.0

PATH = f"{API}/events"

#: Offsets have 63 bits.
_ID = re.compile(r"[0-9]{1,18}")


def register(app: Flask, services: GatewayServices) -> None:
    """Serve the WebSocket on `app`."""

    @app.get(PATH)
    def plain() -> Response:
        """Reject a request that is not a handshake."""
        session_of(request.args.get("token"))
        response = problem(426, "This address speaks WebSocket only.", "http_426")
        response.headers["Upgrade"] = "websocket"
        return response

    @app.get(PATH, websocket=True)
    def events() -> Response:
        """Check the request before the handshake, so that an invalid token gets a plain 401."""
        session = session_of(request.args.get("token"))
        inbox = services.inbox(session)
        last = _after(request.args.get("after"))
        # An id beyond the end means that the topic was deleted and created again.
        if not awaited(inbox, lambda: inbox.position > last, REACH) or inbox.closed:
            raise TokenError("This session's events were deleted. Create a new session.", "gone")
        exchange().upgrade = Upgrade(inbox, last, session, public_path(""))
        return Response(status=101)


def _after(raw: str | None) -> int:
    """Return the id of the last event that the client has seen; -1 if the request names no valid id."""
    return int(raw) if raw and _ID.fullmatch(raw) else -1
