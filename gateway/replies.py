"""JSON responses."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response


def json_response(body: Any, status: int = 200, mimetype: str = "application/json") -> Response:
    """Return a response with `body` as JSON."""
    return Response(orjson.dumps(body), status, mimetype=mimetype)
