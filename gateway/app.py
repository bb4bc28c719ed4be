"""The Flask application: the API, the WebSocket's route, the page and security headers."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from flask import Flask, Response, request, send_from_directory
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import safe_join

from gateway import asyncapi, audit, metrics, openapi, origin, problems, tracing
from gateway.api import api
from gateway.edge import events
from gateway.edge.bodies import MAX_BODY
from gateway.mcp import routes as mcp_routes
from gateway.replies import secured
from gateway.services import GatewayServices

_CORS = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Callback-Url, "
    "Callback-Format, Mcp-Session-Id, Mcp-Protocol-Version, traceparent",
    "Access-Control-Expose-Headers": "Location, Retry-After, Idempotent-Replayed, Mcp-Session-Id, "
    "traceparent",
    "Access-Control-Max-Age": "600",
}

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
    tracing.register(app)
    audit.register(app, services.audit, services.sign_in.needed)
    metrics.register(app, services)
    openapi.register(app, services.documents)
    asyncapi.register(app)
    app.register_blueprint(api)
    events.register(app, services)
    mcp_routes.register(app, services)

    @app.get("/docs")
    def docs() -> Response:
        """Return the API page."""
        return page("docs.html")

    @app.get("/")
    @app.get("/<path:name>")
    def page(name: str = "index.html") -> Response:
        response = _file(services.settings.page, name)
        # File names under assets/ change with their content.
        response.cache_control.max_age = 31_536_000 if name.startswith("assets/") else 0
        return response

    @app.after_request
    def cross_origin(response: Response) -> Response:
        origin = request.headers.get("Origin")
        if services.settings.cors_origins:
            response.headers.add("Vary", "Origin")
            if origin in services.settings.cors_origins:
                response.headers.update(_CORS | {"Access-Control-Allow-Origin": origin})
        return response

    app.after_request(secured)

    return app
