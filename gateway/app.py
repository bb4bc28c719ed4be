"""The Flask application: the API, the WebSocket, the page, health and security headers."""

from __future__ import annotations

import mimetypes
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from flask import Flask, Response, request, send_from_directory
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import safe_join

from gateway import metrics, openapi, origin, problems
from gateway.api import api
from gateway.edge import events
from gateway.replies import json_response
from gateway.services import GatewayServices

#: The most bytes of a request's body. OpenWhisk accepts 1 MB of parameters, including the envelope.
MAX_BODY = 1_000_000

_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)


_CORS = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Callback-Url",
    "Access-Control-Expose-Headers": "Location, Retry-After, Idempotent-Replayed",
    "Access-Control-Max-Age": "600",
}

#: Seconds that a client may pause while it sends its body.
BODY_TIMEOUT = 20.0
#: The most bytes of a rejected body that are read and discarded.
MAX_DISCARDED = 16 * 1024 * 1024

#: The encodings that the page's build creates next to each file, smallest first.
_ENCODINGS = {"br": ".br", "gzip": ".gz"}


def _file(folder: Path, name: str) -> Response:
    """Return a file of the page in the smallest encoding that exists and the browser accepts."""
    for encoding, suffix in _ENCODINGS.items():
        packed = safe_join(str(folder), name + suffix)
        if packed and request.accept_encodings[encoding] > 0 and Path(packed).is_file():
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            response = send_from_directory(folder, name + suffix, mimetype=kind, conditional=True)
            response.headers["Content-Encoding"] = encoding
            break
    else:
        response = send_from_directory(folder, name, conditional=True)
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _discard(body: BinaryIO, most: int) -> None:
    """Read the rest of a body, up to `most` bytes."""
    with suppress(OSError):
        while most > 0 and (chunk := body.read(min(most, 65_536))):
            most -= len(chunk)


def create_app(services: GatewayServices) -> Flask:
    """Return the application with these services."""
    app = Flask("gateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["qwhisk"] = services
    if services.settings.proxies:
        hops = services.settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    problems.register(app)
    origin.register(app, services)
    metrics.register(app, services)
    openapi.register(app)
    app.register_blueprint(api)
    events.register(app, services)

    @app.get("/healthz")
    def healthz() -> Response:
        alive = services.reader.alive() and services.websocket_server.alive()
        alive = alive and (services.webhooks is None or services.webhooks.alive())
        return json_response({"status": "ok" if alive else "failed"}, 200 if alive else 503)

    @app.get("/readyz")
    def readyz() -> Response:
        ready = services.reader.alive() and services.topics.reachable()
        return json_response({"status": "ok" if ready else "not ready"}, 200 if ready else 503)

    @app.get("/")
    @app.get("/<path:name>")
    def page(name: str = "index.html") -> Response:
        response = _file(services.settings.page, name)
        # File names under assets/ change with their content.
        response.cache_control.max_age = 31_536_000 if name.startswith("assets/") else 0
        return response

    @app.before_request
    def bound() -> None:
        connection = request.environ.get("gunicorn.socket")
        if connection is not None and request.path != events.PATH:
            connection.settimeout(BODY_TIMEOUT)

    @app.after_request
    def drain(response: Response) -> Response:
        # Closing a connection with unread data resets it, and then the client may not get the error.
        if request.content_length and request.content_length > MAX_BODY:
            _discard(request.environ["wsgi.input"], MAX_DISCARDED)
        return response

    @app.after_request
    def cross_origin(response: Response) -> Response:
        origin = request.headers.get("Origin")
        if services.settings.cors_origins:
            response.headers.add("Vary", "Origin")
            if origin in services.settings.cors_origins:
                response.headers.update(_CORS | {"Access-Control-Allow-Origin": origin})
        return response

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _CSP)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Frame-Options"] = "DENY"
        if response.mimetype != "text/html" and "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    return app
