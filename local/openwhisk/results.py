"""What an activation's container has answered, as the activation's response. Pure."""

from __future__ import annotations

import orjson

from local.openwhisk.activations import ActivationStatus, Response

#: Bytes of an invalid answer that are shown.
_SHOWN = 1024


def judge(status: int, body: bytes) -> Response:
    """Return the response of an activation.

    Args:
        status: of the container's response to /run.
        body: of that response.
    """
    try:
        result = orjson.loads(body)
    except orjson.JSONDecodeError:
        result = None
    error = result.get("error", result) if isinstance(result, dict) else result
    if status != 200 and isinstance(result, dict) and "error" in result:
        return Response.error(ActivationStatus.DEVELOPER_ERROR, error)
    if status != 200 or not isinstance(result, dict | list):
        text = body[:_SHOWN].decode("utf-8", "replace")
        return Response.error(
            ActivationStatus.DEVELOPER_ERROR,
            f"The action did not produce a valid JSON response{f': {text}' if text else '.'}",
        )
    if isinstance(result, dict) and "error" in result:
        # OpenWhisk keeps the error and drops the other fields.
        return Response.error(ActivationStatus.APPLICATION_ERROR, error)
    return Response(ActivationStatus.SUCCESS, body)
