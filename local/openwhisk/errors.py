"""What goes wrong, as the REST API says it and as the parts of this server tell one another."""

from __future__ import annotations

#: What an activation's record says when its container had more memory than the action's limit.
MEMORY_EXHAUSTED = "The action exhausted its memory and was aborted."

#: What a request is told that sets a final parameter.
NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."


class OpenWhiskError(Exception):
    """A request that is answered with an error: an HTTP status and OpenWhisk's words for it."""

    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.headers: dict[str, str] = {}


class BadRequest(OpenWhiskError):
    """The request is malformed; the message names the field."""

    status = 400


class Unauthorized(OpenWhiskError):
    """No credentials, or wrong ones.

    Unlike OpenWhisk's own, the answer has no `WWW-Authenticate: Basic`: asked so, a browser takes the key
    from a link and sends it from then on with the requests of every page. OpenWhisk's clients send it
    without being asked.
    """

    status = 401


class Refused(OpenWhiskError):
    """A web page's request, or one for another host; see `core.origin`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Forbidden(OpenWhiskError):
    """The credentials are good, but not for this namespace."""

    status = 403


class NotFound(OpenWhiskError):
    """No such entity."""

    status = 404

    def __init__(self, message: str = "The requested resource does not exist.") -> None:
        super().__init__(message)


class Conflict(OpenWhiskError):
    """The entity exists already, or is in use."""

    status = 409


class TooLarge(OpenWhiskError):
    """A body, or code, or parameters beyond the limit."""

    status = 413

    def __init__(self, what: str, size: int, allowed: int) -> None:
        super().__init__(f"{what} larger than allowed: {size} > {allowed} bytes.")


class TooMany(OpenWhiskError):
    """More invocations are waiting than the queue holds."""

    status = 429

    def __init__(self, count: int, allowed: int) -> None:
        super().__init__(f"Too many concurrent requests in flight (count: {count}, allowed: {allowed}).")


class TooFast(OpenWhiskError):
    """More invocations, or trigger fires, than a minute may have."""

    status = 429

    def __init__(self, count: int, allowed: int) -> None:
        super().__init__(f"Too many requests in the last minute (count: {count}, allowed: {allowed}).")


class Unavailable(OpenWhiskError):
    """The server is shutting down."""

    status = 503


class ContainerError(Exception):
    """A process did not do its part; the message is what the activation's record says.

    Attributes:
        logs: what the process had written, if it was collected.
    """

    def __init__(self, message: str, logs: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.logs = logs or []


class StartFailed(ContainerError):
    """The process ended, or said nothing, before it took requests; or its /init was refused."""


class Crashed(ContainerError):
    """The process ended, or closed the connection, in the middle of an activation."""


class TimedOut(ContainerError):
    """The activation exceeded the action's time limit; its process has been killed."""


class ResultTooLarge(ContainerError):
    """The response is beyond the limit; the connection, and with it the process, is of no further use."""
