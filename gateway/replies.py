"""JSON responses, and the headers that every response has."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response

_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)


def json_response(body: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """Return a response with `body` as JSON."""
    return Response(orjson.dumps(body), status, mimetype=mimetype)


def secured(response: Response) -> Response:
    """Add the security headers to a response, and return it."""
    response.headers.setdefault("Content-Security-Policy", _CSP)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Frame-Options"] = "DENY"
    if response.mimetype != "text/html" and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
