"""The exceptions of this package: one tree, below `QwhiskError`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwhisk_client.models import Event

#: The most characters of a response that is not a problem document, in a message.
_MAX_TEXT = 200


class QwhiskError(Exception):
    """The base class of all errors of this package."""


class APIConnectionError(QwhiskError):
    """The gateway, or the sign-in provider, could not be reached, or the connection was lost."""


class SignInError(QwhiskError):
    """The sign-in at the OpenID Connect provider failed, or is not valid any more. The message says why."""


class UnexpectedResponseError(QwhiskError):
    """The response is not one of the gateway's. The address may be another service's."""


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of the input, and how to correct it."""

    field: str
    message: str


class APIError(QwhiskError):
    """The gateway refused a request. Its problem document (RFC 9457) is in the attributes.

    Args:
        status: the HTTP status.
        detail: what is wrong.
        code: a word for programs, such as `invalid_input`.
        errors: what is wrong with each field.
        retry_after: seconds after which the gateway expects the request again; None if it did not say.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        code: str = "",
        errors: tuple[FieldError, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.errors = errors
        self.retry_after = retry_after


class InvalidRequestError(APIError):
    """The input is not valid. `errors` names each field and the correction."""


class AuthenticationError(APIError):
    """The session is not valid, or the gateway requires a sign-in.

    Attributes:
        openid: the gateway's OpenID Connect provider (`issuer`), its client for this program (`client_id`),
            and the audience of its tokens (`audience`), for `DeviceSignIn`; empty if it named none.
    """

    openid: Mapping[str, str] = {}


class NotFoundError(APIError):
    """There is no such function, job or result."""


class ConflictError(APIError):
    """A request with the same idempotency key is in progress."""


class JobNotEndedError(APIError):
    """The job has not ended, so its data cannot be erased."""


class PermissionDeniedError(APIError):
    """The gateway does not permit this function or backend type. The message says what it permits."""


class RateLimitError(APIError):
    """The client has reached a limit of the gateway."""


class FunctionError(APIError):
    """The function failed, or took too long, before it submitted a job."""


class ServiceUnavailableError(APIError):
    """The gateway, the quantum provider or the message broker is not available now, or the gateway failed."""


class JobError(QwhiskError):
    """A job ended without a result.

    Args:
        message: what happened.
        event: the job's final event.
    """

    def __init__(self, message: str, event: Event) -> None:
        super().__init__(message)
        self.event = event
        self.process_job_id = event.process_job_id


class JobFailedError(JobError):
    """The job failed. `code` and `details` are those of the job's error."""

    def __init__(self, event: Event) -> None:
        error = event.error
        super().__init__(error.message if error else "The job failed.", event)
        self.code = error.code if error else ""
        self.details: Mapping[str, Any] = error.details if error else {}


class JobCancelledError(JobError):
    """The job was cancelled."""

    def __init__(self, event: Event) -> None:
        super().__init__(f"The job {event.process_job_id} was cancelled.", event)


class WaitTimeoutError(QwhiskError, TimeoutError):
    """The timeout expired before the job ended. The job continues; wait for it again by its id.

    Args:
        process_job_id: the job; None if the wait was for the events of all jobs.
        timeout: the seconds waited.
    """

    def __init__(self, process_job_id: str | None, timeout: float) -> None:
        what = f"The job {process_job_id} has not ended" if process_job_id else "The wait for events ended"
        super().__init__(f"{what} after {timeout:g} s.")
        self.process_job_id = process_job_id
        self.timeout = timeout


_BY_STATUS: dict[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
    502: FunctionError,
    503: ServiceUnavailableError,
    504: FunctionError,
}


_BY_CODE: dict[str, type[APIError]] = {
    "job_not_ended": JobNotEndedError,
    "not_permitted": PermissionDeniedError,
}


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> APIError:
    """Return the error of a response that is not a success.

    Args:
        status: the HTTP status.
        headers: the headers, with names in lower case.
        body: the body; anything if a proxy answered instead of the gateway.
    """
    kind = _BY_STATUS.get(status, ServiceUnavailableError if status >= 500 else APIError)
    retry_after = _seconds(headers.get("retry-after", ""))
    problem = json_object(body)
    if not isinstance(problem.get("detail"), str):
        text = body[:_MAX_TEXT].decode(errors="replace").strip()
        # A proxy that does not reach the gateway answers 502 or 504; no function has failed.
        kind = ServiceUnavailableError if status >= 500 else kind
        return kind(
            status, f"The response was HTTP {status}{f': {text}' if text else ''}", "", (), retry_after
        )
    kind = _BY_CODE.get(str(problem.get("code")), kind) if 400 <= status < 500 else kind
    listed = problem.get("errors")
    errors = tuple(
        FieldError(str(item.get("field", "")), str(item.get("message", "")))
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, dict)
    )
    error = kind(status, problem["detail"], str(problem.get("code", "")), errors, retry_after)
    openid = problem.get("openid")
    if isinstance(error, AuthenticationError) and isinstance(openid, dict):
        error.openid = {name: text for name, text in openid.items() if isinstance(text, str)}
    return error


def json_object(body: bytes | bytearray) -> dict[str, Any]:
    """Return the JSON object that a body is; an empty one if it is something else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(text: str) -> float | None:
    """Return the seconds of a Retry-After header; None for a date, which the gateway does not send."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
