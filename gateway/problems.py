"""Errors as RFC 9457 problem documents: the one place that maps exceptions to HTTP."""

from __future__ import annotations

import logging
import math
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from core.errors import (
    ActionError,
    DocumentError,
    InputError,
    InvocationError,
    NotFoundError,
    QwhiskError,
    ResultStoreError,
    StreamError,
    ThrottledError,
)
from gateway.auth.sign_in import SignInError
from gateway.auth.tokens import TokenError
from gateway.inbox.memory import BusyError
from gateway.limits import LimitError
from gateway.permissions import ForbiddenError
from gateway.replies import json_response

log = logging.getLogger(__name__)

#: The statuses of errors of actions: errors in the caller's input, and transient errors.
_CODES = {"invalid_input": 422, "backend_not_found": 422, "provider_unavailable": 503, "stream_error": 503}

#: The most seconds of a Retry-After header that an action states.
MAX_RETRY_AFTER = 3_600

_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "Request timeout",
    409: "Conflict",
    413: "Content too large",
    414: "Address too long",
    415: "Unsupported media type",
    421: "Misdirected request",
    422: "Invalid input",
    426: "Upgrade required",
    429: "Too many requests",
    431: "Headers too large",
    500: "Internal error",
    502: "The function failed",
    503: "Service unavailable",
    504: "The function took too long",
}

#: A preference (RFC 7240): send the problem's status only in the body, and 200 as the status. Browsers log
#: every other status as an error in their console, though the page shows each problem where it belongs.
_IN_BODY = "problem=in-body"


class ConflictError(QwhiskError):
    """The same request is already in progress."""

    code = "conflict"


class MalformedError(InputError):
    """The request is malformed, and not only its values."""

    code = "http_400"


class BodyError(MalformedError):
    """The body is not JSON."""

    code = "invalid_json"


def problem(status: int, detail: str, code: str, **extra: Any) -> Response:
    """Return a problem document."""
    body = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, "detail": detail}
    response = json_response(body | {"code": code} | extra, status, "application/problem+json")
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response.headers["Retry-After"] = "5"
    return response


def _limited(error: LimitError) -> Response:
    response = problem(429, error.message, error.code)
    response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def status_of(error: QwhiskError) -> int:
    """Return the HTTP status of an exception."""
    match error:
        case TokenError():
            return 401
        case MalformedError():
            return 400
        case InputError():
            return 422
        case ForbiddenError():
            return 403
        case NotFoundError():
            return 404
        case ConflictError():
            return 409
        case InvocationError():
            return error.status
        case ActionError():
            return _CODES.get(error.code, 502)
        case StreamError() | BusyError() | SignInError() | ResultStoreError():
            return 503
        case DocumentError():
            return 502
        case _:
            return 500


def of(error: QwhiskError) -> Response:
    """Return the problem document of an exception."""
    if isinstance(error, LimitError):
        return _limited(error)
    response = _described(error)
    if isinstance(error, ThrottledError):
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    retry_after = error.details.get("retry_after")
    if response.status_code == 503 and isinstance(retry_after, int | float) and retry_after > 0:
        response.headers["Retry-After"] = str(max(1, round(min(retry_after, MAX_RETRY_AFTER))))
    return response


def _described(error: QwhiskError) -> Response:
    extra: dict[str, Any] = {}
    errors = error.details.get("errors")
    if isinstance(errors, list):
        extra["errors"] = errors
    elif isinstance(error.details.get("field"), str):
        extra["errors"] = [{"field": error.details["field"], "message": error.message}]
    if isinstance(error.details.get("openid"), dict):
        extra["openid"] = error.details["openid"]
    return problem(status_of(error), error.message, error.code, **extra)


#: The detail of a 404 for a job.
NO_JOB = "There is no such job for this client."

_DETAILS = {
    404: "There is nothing at this path. The README describes the API.",
    405: "This path does not support that method.",
    413: "The body is larger than 1 MB. Make the input smaller.",
}


def register(app: Flask) -> None:
    """Answer every error of `app` with a problem document."""

    @app.errorhandler(QwhiskError)
    def _ours(error: QwhiskError) -> Response:
        if isinstance(error, TokenError):
            g.refused = error.reason
        return of(error)

    @app.errorhandler(HTTPException)
    def _werkzeug(error: HTTPException) -> Response:
        status = error.code or 500
        if status < 400:
            return error.get_response()  # type: ignore[return-value]
        response = problem(status, _DETAILS.get(status, str(error.description)), f"http_{status}")
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @app.after_request
    def _in_body(response: Response) -> Response:
        preferences = [item.strip() for item in request.headers.get("Prefer", "").split(",")]
        if response.mimetype == "application/problem+json" and _IN_BODY in preferences:
            response.status_code = 200
            response.headers["Preference-Applied"] = _IN_BODY
        return response

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        log.error("unexpected %s", type(error).__name__, exc_info=error)
        return problem(500, "The gateway failed. See its log.", "internal_error")
