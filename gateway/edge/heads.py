"""Checks request heads, and prepares them for WSGI."""

from __future__ import annotations

from typing import Any

from flask import Response

from gateway.problems import problem

#: The most bytes of a request's target, and of a request's head as it is received.
MAX_TARGET, MAX_HEAD = 4_000, 32 * 1024
#: The most headers of a request.
MAX_HEADERS = 100

#: Headers that concern one connection, whose work is done before a view is called.
_CONNECTION = (b"content-length", b"transfer-encoding", b"expect")

HeaderFields = list[tuple[bytes, bytes]]


def rejection(scope: dict[str, Any]) -> Response | None:
    """Return the error for a request head that is too large or ambiguous; None if it is fine."""
    headers: HeaderFields = scope["headers"]
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET:
        return problem(414, f"The address has more than {MAX_TARGET} characters.", "http_414")
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) + 4 for name, value in headers) > MAX_HEAD:
        return problem(
            431, f"A request may have {MAX_HEADERS} headers and {MAX_HEAD} bytes of them.", "http_431"
        )
    names = [name for name, _ in headers]
    # A proxy in front may have used the other of the two.
    if b"transfer-encoding" in names and b"content-length" in names:
        return problem(400, "Send either Content-Length or Transfer-Encoding.", "http_400")
    return None


def wsgi_headers(headers: HeaderFields, length: int) -> HeaderFields:
    """Return the headers for a view.

    Args:
        headers: those of the request.
        length: the bytes of its body, whichever way it was sent.
    """
    # WSGI does not distinguish an underscore from a hyphen, so that `X_Forwarded_For` could pass for a header
    # that only a proxy sends.
    kept = [(name, value) for name, value in headers if b"_" not in name and name not in _CONNECTION]
    declared = any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)
    return [*kept, (b"content-length", str(length).encode())] if declared else kept
