"""The Flask application: the API, the WebSocket, the page, health, security headers."""

from __future__ import annotations

from flask import Flask, Response, send_from_directory

from gateway import events, problems
from gateway.api import api
from gateway.replies import json_response
from gateway.services import Services

#: Bytes of a request's body; OpenWhisk takes 1 MB of parameters, our own included.
MAX_BODY = 1_000_000

_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'"
)


def create_app(services: Services) -> Flask:
    """The application on these services."""
    app = Flask("gateway", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.extensions["qwhisk"] = services
    problems.register(app)
    app.register_blueprint(api)
    events.register(app, services)

    @app.get("/healthz")
    def healthz() -> Response:
        alive = services.reader.alive()
        return json_response({"status": "ok" if alive else "failed"}, 200 if alive else 503)

    @app.get("/readyz")
    def readyz() -> Response:
        ready = services.reader.alive() and services.topics.reachable()
        return json_response({"status": "ok" if ready else "not ready"}, 200 if ready else 503)

    @app.get("/")
    @app.get("/<path:name>")
    def page(name: str = "index.html") -> Response:
        response = send_from_directory(services.settings.page, name, conditional=True)
        # File names under assets/ change with their content.
        response.cache_control.max_age = 31_536_000 if name.startswith("assets/") else 0
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
