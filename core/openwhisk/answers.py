"""Interprets OpenWhisk's responses to invocations. Pure."""

from __future__ import annotations

import logging
import re
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

#: OpenWhisk's error if it has no image of an action, which the error names.
_NO_IMAGE = re.compile(r"Failed to pull container image '([\w./:@+-]{1,300})'", re.ASCII)


#: What OpenWhisk and the actions' runtimes report about faults in an action's code, and our words for each.
#: Any other failure, such as a container that was killed, may not occur again.
_FAULTS = (
    ("exceeded the allowed length", "its reply is too large"),
    ("not JSON", "its reply is not valid JSON"),
    ("valid JSON response", "its reply is not valid JSON"),
    ("The action returned", "its reply is not a JSON object"),
    ("did not return a dictionary", "its reply is not a JSON object"),
    ("The action raised", "it raised an error"),
    ("error has occurred while invoking the action", "it raised an error"),
)
#: An action that is slow to start on a busy machine may start in time when it is invoked again.
_STARTING = "during initialization"

#: The codes of errors that an action does not explain to its caller.
_UNEXPLAINED = ("internal_error", "action_error")


def interpret(function: str, status: int, payload: Any, activation: str = "") -> dict[str, Any]:
    """Return the action's result.

    Args:
        function: the function's id.
        status: the response's status.
        payload: the response's JSON.
        activation: the activation's id, for the log.

    Raises:
        ActionError: the action replied with an error object.
        InvocationError: any other failure, with the HTTP status for our caller.
    """
    extra = {"activation_id": activation}
    if (failure := parse_error_reply(payload)) is not None:
        if failure.code in _UNEXPLAINED:
            log.error("function %s failed: %s", function, failure.message[:500], extra=extra)
        raise failure
    error = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(error, str) and (pulled := _NO_IMAGE.match(error)):
        log.error("function %s: %s", function, error[:500])
        raise InvocationError(
            f"OpenWhisk cannot pull {pulled[1]}, the image of the function {function}. Ask the operator to "
            "push it, or to deploy the function with the tag of an image that OpenWhisk can reach.",
            function=function,
        )
    if status == 200 and isinstance(payload, dict) and error is None:
        return payload
    log.error("function %s answered %s: %s", function, status, str(error)[:500], extra=extra)
    if status == 502 and "exceeded its time limits" in str(error):
        # OpenWhisk reports a time limit of the action in this way.
        status = 408
    if status in _ERRORS:
        seen, message = _ERRORS[status]
        # 413: the same input is too large again.
        permanent = status == 413 or (status == 408 and _STARTING not in str(error))
        raise InvocationError(message, status=seen, permanent=permanent, function=function)
    fault = next((words for text, words in _FAULTS if text in str(error)), None) if status == 502 else None
    if fault is not None:
        raise InvocationError(
            f"The function {function} failed: {fault}. The error is in the function.",
            permanent=True,
            function=function,
        )
    raise InvocationError(
        f"The function {function} failed. Try again. If it fails again, contact the operator.",
        permanent=400 <= status < 500,
        function=function,
    )
