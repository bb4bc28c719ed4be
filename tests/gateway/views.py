"""Views without a server: each request has the exchange that the edge would give it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from gateway.edge.exchange import NAME, Exchange, WaitLimits


def environ() -> dict[str, Any]:
    """Return what the edge adds to the WSGI environment of one request."""
    return {"asgi.scope": {"extensions": {NAME: Exchange("192.0.2.1", WaitLimits())}}}


def client_of(app: Flask) -> FlaskClient:
    """Return a client that calls the application's views."""
    views = app.wsgi_app

    def with_exchange(given: Any, start_response: Any) -> Any:
        return views(given | environ(), start_response)

    app.wsgi_app = with_exchange  # type: ignore[method-assign]
    return app.test_client()
