"""`WS /api/v1/events`: progress and results, pushed to the client that they belong to."""

from __future__ import annotations

import logging
import threading

from flask import Flask, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from wsproto.utilities import LocalProtocolError

from gateway.inbox import Inbox
from gateway.services import Services
from gateway.tokens import Session, TokenError

log = logging.getLogger(__name__)

#: WebSockets of one client at once (browser tabs), and of all clients of this process as a part of its
#: threads: the rest is for plain requests.
MAX_PER_CLIENT = 16
THREADS_PART = 0.8
#: Seconds between looks whether the client is still there, while nothing happens.
TICK = 1.0
#: Seconds in which another replica's newest event must have come here too.
REACH = 2.0
#: Seconds between pings.
PING = 25
#: Bytes of a frame from the client, which has nothing to say.
MAX_FRAME = 4_096

#: WebSocket close codes: policy violation, try again later.
POLICY, LATER = 1008, 1013


class Connections:
    """How many WebSockets are open, in all and for each client."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: dict[str, int] = {}

    def enter(self, client_id: str) -> bool:
        """Count one more; False if there are too many."""
        with self._lock:
            mine = self._open.get(client_id, 0)
            if mine >= MAX_PER_CLIENT or sum(self._open.values()) >= self._most:
                return False
            self._open[client_id] = mine + 1
            return True

    def leave(self, client_id: str) -> None:
        """Count one less."""
        with self._lock:
            left = self._open.get(client_id, 1) - 1
            if left:
                self._open[client_id] = left
            else:
                self._open.pop(client_id, None)


def register(app: Flask, services: Services) -> None:
    """Serve the WebSocket on `app`."""
    app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": PING, "max_message_size": MAX_FRAME}
    sock = Sock(app)
    connections = Connections(max(1, int(services.settings.threads * THREADS_PART)))

    @app.before_request
    def _refuse_early() -> None:
        # Before the handshake, so that a wrong token, or one whose events are gone, gets a plain 401.
        if request.path == "/api/v1/events":
            session = services.tokens.read(request.args.get("token"))
            if not services.inbox(session).reaches(_after(request.args.get("after")), REACH):
                raise TokenError("This session's events are gone. Make a new session.")

    @sock.route("/api/v1/events")  # type: ignore[untyped-decorator]
    def events(ws: Server) -> None:
        try:
            session = services.tokens.read(request.args.get("token"))
        except TokenError as error:
            ws.close(POLICY, error.code)
            return
        if not connections.enter(session.client_id):
            ws.close(LATER, "too many connections")
            return
        try:
            _push(ws, services.inbox(session), _after(request.args.get("after")), session)
        finally:
            connections.leave(session.client_id)


def _after(raw: str | None) -> int:
    try:
        return int(raw) if raw else -1
    except ValueError:
        return -1


def _push(ws: Server, inbox: Inbox, last: int, session: Session) -> None:
    try:
        while ws.connected and not inbox.closed:
            for entry in inbox.after(last, TICK):
                ws.send(f'{{"id":{entry.id},"event":{entry.json.decode()}}}')
                last = entry.id
            # Whatever a client says is read, so that it cannot pile up, and ignored.
            while ws.receive(timeout=0) is not None:
                pass
        ws.close()
    except (ConnectionClosed, LocalProtocolError, OSError):
        # The client is gone; it comes back with the id it saw last, or not at all.
        log.debug("websocket closed", extra={"client_id": session.client_id})
