"""Views without a server: each request has the exchange that the edge would give it."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import Client

from gateway.edge.exchange import NAME, Exchange, WaitLimits


def environ() -> dict[str, Any]:
    """Return what the edge adds to the WSGI environment of one request."""
    return {"asgi.scope": {"extensions": {NAME: Exchange("192.0.2.1", WaitLimits(), lambda: None)}}}


def client_of(app: Flask) -> Client:
    """Return a client that calls the application's views."""
    return Client(lambda given, start_response: app(given | environ(), start_response))
