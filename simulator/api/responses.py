"""Responses."""

from __future__ import annotations

import orjson
from aiohttp import web


def json_response(document: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return a response with a document as JSON."""
    return web.Response(
        body=orjson.dumps(document), status=status, content_type="application/json", headers=headers
    )


def encoded_response(body: bytes) -> web.Response:
    """Return a response with JSON text."""
    return web.Response(body=body, content_type="application/json")


def text_response(body: bytes) -> web.Response:
    """Return a response with text, in UTF-8."""
    return web.Response(body=body, content_type="text/plain", charset="utf-8")
