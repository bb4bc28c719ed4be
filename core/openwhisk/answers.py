"""Interprets what OpenWhisk answers to an invocation. Pure."""

from __future__ import annotations

import logging
from typing import Any

from core.errors import InvocationError
from core.protocol import parse_error_reply

log = logging.getLogger(__name__)


#: What OpenWhisk's own refusals mean, in our words, and the status our caller should see.
_REFUSALS = {
    401: (502, "The gateway's key was refused by OpenWhisk. Ask the operator to check WHISK_AUTH."),
    403: (502, "The gateway's key may not invoke this function. Ask the operator to check WHISK_AUTH."),
    404: (502, "The function is listed, but not deployed. Ask the operator to deploy it."),
    408: (504, "The function took longer than its time limit. Ask for less, or try again."),
    413: (413, "The input is too large for the function. Make it smaller."),
    429: (429, "Too many invocations at once. Try again in a minute."),
}


def interpret(function: str, status: int, payload: Any) -> dict[str, Any]:
    """The action's result out of OpenWhisk's answer; pure.

    Raises:
        ActionError: the action's own error object, `{"error": {"code", "message", "details"}}`.
        InvocationError: any other failure, with the HTTP status that our caller should see.
    """
    if (failure := parse_error_reply(payload)) is not None:
        raise failure
    error = payload.get("error") if isinstance(payload, dict) else None
    if status == 200 and isinstance(payload, dict) and error is None:
        return payload
    if status == 502 and "exceeded its time limits" in str(error):
        # OpenWhisk's way to say that the action ran into its limit.
        status = 408
    if status in _REFUSALS:
        seen, message = _REFUSALS[status]
        raise InvocationError(message, status=seen, function=function)
    log.error("function %s answered %s: %s", function, status, str(error)[:500])
    raise InvocationError(
        f"The function {function} failed. Try again; if it happens again, tell the operator.",
        function=function,
    )
