"""Interprets OpenWhisk's responses to invocations. Pure."""

from __future__ import annotations

import logging
from typing import Any

from core.errors import InvocationError
from core.protocol import parse_error_reply

log = logging.getLogger(__name__)


#: OpenWhisk's error statuses: the status and the message for our caller.
_ERRORS = {
    401: (502, "OpenWhisk rejected the gateway's key. Ask the operator to check WHISK_AUTH."),
    403: (502, "The gateway's key may not invoke this function. Ask the operator to check WHISK_AUTH."),
    404: (502, "The function is listed, but not deployed. Ask the operator to deploy it."),
    408: (504, "The function exceeded its time limit. Make the input smaller, or try again."),
    413: (413, "The input is too large for the function. Make it smaller."),
    429: (429, "Too many invocations at once. Try again in a minute."),
}


def interpret(function: str, status: int, payload: Any) -> dict[str, Any]:
    """Return the action's result.

    Args:
        function: the function's id.
        status: the response's status.
        payload: the response's JSON.

    Raises:
        ActionError: the action replied with an error object.
        InvocationError: any other failure, with the HTTP status for our caller.
    """
    if (failure := parse_error_reply(payload)) is not None:
        raise failure
    error = payload.get("error") if isinstance(payload, dict) else None
    if status == 200 and isinstance(payload, dict) and error is None:
        return payload
    if status == 502 and "exceeded its time limits" in str(error):
        # OpenWhisk reports a time limit of the action in this way.
        status = 408
    if status in _ERRORS:
        seen, message = _ERRORS[status]
        raise InvocationError(message, status=seen, function=function)
    log.error("function %s answered %s: %s", function, status, str(error)[:500])
    raise InvocationError(
        f"The function {function} failed. Try again. If it fails again, contact the operator.",
        function=function,
    )
