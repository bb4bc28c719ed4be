"""The errors of the REST API and of the parts of this server."""

from __future__ import annotations

#: The error in an activation's record when its container exceeded the action's memory limit.
MEMORY_EXHAUSTED = "The action exhausted its memory and was aborted."

#: The error in an activation's record when no process could be started.
NO_RESOURCES = "Failed to provision resources to run the action."

#: The error for a request that sets a final parameter.
NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."


class OpenWhiskError(Exception):
    """An error response: an HTTP status and OpenWhisk's message."""

    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.headers: dict[str, str] = {}


class BadRequest(OpenWhiskError):
    """The request is malformed; the message names the field."""

    status = 400


class Unauthorized(OpenWhiskError):
    """The credentials are missing or wrong.

    Unlike OpenWhisk's own, the response has no `WWW-Authenticate: Basic`. With it a browser would read the
    key from a link, and then send it with the requests of every page. OpenWhisk's clients send the key
    anyway.
    """

    status = 401


class OriginRejected(OpenWhiskError):
    """The request is from a web page, or for another host; see `core.origin`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Forbidden(OpenWhiskError):
    """The credentials are valid, but not for this namespace."""

    status = 403


class NotFound(OpenWhiskError):
    """The entity does not exist."""

    status = 404

    def __init__(self, message: str = "The requested resource does not exist.") -> None:
        super().__init__(message)


class Conflict(OpenWhiskError):
    """The entity exists already, or is in use."""

    status = 409


class TooLarge(OpenWhiskError):
    """A body, code or parameters exceed the limit."""

    status = 413

    def __init__(self, what: str, size: int, allowed: int) -> None:
        super().__init__(f"{what} larger than allowed: {size} > {allowed} bytes.")


class TooSlow(OpenWhiskError):
    """The body was not complete in time."""

    status = 408


class UnsupportedMediaType(OpenWhiskError):
    """The body is not JSON, according to its Content-Type."""

    status = 415


class NotAvailable(OpenWhiskError):
    """A part of OpenWhisk that this server does not have."""

    status = 501


class TooMany(OpenWhiskError):
    """Too many invocations are running or waiting."""

    status = 429

    def __init__(self, count: int, allowed: int) -> None:
        super().__init__(f"Too many concurrent requests in flight (count: {count}, allowed: {allowed}).")


class TooFast(OpenWhiskError):
    """There were too many invocations or trigger fires in the last minute."""

    status = 429

    def __init__(self, count: int, allowed: int) -> None:
        super().__init__(f"Too many requests in the last minute (count: {count}, allowed: {allowed}).")


class Unavailable(OpenWhiskError):
    """The server is shutting down."""

    status = 503


class ContainerError(Exception):
    """A process failed. The message is the error in the activation's record.

    Attributes:
        logs: the output of the process, if it was collected.
    """

    #: Whether the action exceeded its time limit.
    timed_out = False

    def __init__(self, message: str, logs: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.logs = logs or []


class StartFailed(ContainerError):
    """The process ended or did not respond before it accepted requests, or its /init failed.

    Attributes:
        init_ms: milliseconds of its /init; None if the process did not get so far.
    """

    init_ms: int | None = None


class InitTimedOut(StartFailed):
    """The action's /init exceeded the action's time limit."""

    timed_out = True


class Crashed(ContainerError):
    """The process ended or closed the connection during an activation."""


class TimedOut(ContainerError):
    """The activation exceeded the action's time limit. Its process has been killed."""

    timed_out = True


class ResultTooLarge(ContainerError):
    """The response exceeds the limit. The connection, and so the process, cannot be used again."""
