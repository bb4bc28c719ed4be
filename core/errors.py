"""The exception tree. The gateway maps it to HTTP, and the actions map it to their error reply."""

from __future__ import annotations

from typing import Any


class QwhiskError(Exception):
    """An error with a message for the caller.

    Args:
        message: what is wrong and how to fix it; never a secret, never a stack trace.
        details: JSON-native facts for programs, such as `{"field": "shots"}`.
    """

    #: The stable code for programs; the class determines it.
    code = "internal_error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """Return the `error` object of an action's reply and of a ResultEvent."""
        return {"code": self.code, "message": self.message, "details": self.details}


class InputError(QwhiskError):
    """The caller's input is wrong. The message names the field and the fix."""

    code = "invalid_input"


class SettingsError(QwhiskError):
    """An environment variable or a bound parameter is missing or wrong."""

    code = "invalid_settings"


class DocumentError(QwhiskError):
    """A config document is invalid. The message names the document and the field."""

    code = "invalid_document"


class DocumentsUnreadableError(QwhiskError):
    """The config documents cannot be read now."""

    code = "documents_unreadable"


class EventError(QwhiskError):
    """A message of a topic is not the expected event."""

    code = "invalid_event"


class NotFoundError(QwhiskError):
    """The requested thing does not exist, or does not belong to this caller."""

    code = "not_found"


class BackendNotFoundError(NotFoundError):
    """No backend has that name, or none has enough qubits."""

    code = "backend_not_found"


class JobNotFoundError(NotFoundError):
    """The provider does not know this job."""

    code = "job_not_found"


class ProviderError(QwhiskError):
    """The quantum provider rejected a request or failed."""

    code = "provider_error"


class ProviderUnauthorizedError(ProviderError):
    """The provider rejected the API key or a token derived from it."""

    code = "provider_unauthorized"


class ProviderUnavailableError(ProviderError):
    """The provider could not be reached, or asked the caller to wait. The error is transient.

    Args:
        message: what is wrong and how to fix it.
        retry_after: seconds that the provider asked to wait; None if it named no time.
        unclear: whether the request may have been carried out: its answer was lost, unreadable or a 5xx.
        details: facts for programs.
    """

    code = "provider_unavailable"

    def __init__(
        self, message: str, retry_after: float | None = None, unclear: bool = False, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after
        self.unclear = unclear

    def as_dict(self) -> dict[str, Any]:
        """Return the `error` object; its details have `retry_after` if the provider named a time."""
        details = (
            self.details if self.retry_after is None else self.details | {"retry_after": self.retry_after}
        )
        return super().as_dict() | {"details": details}


class ProviderQuotaError(ProviderError):
    """The account has used up what it has paid for (402)."""

    code = "provider_quota"


class ProviderForbiddenError(ProviderError):
    """The account may not do this (403)."""

    code = "provider_forbidden"


class BackendUnusableError(ProviderError):
    """The provider's description of a backend is incomplete, so no circuit can be transpiled for it."""

    code = "backend_unusable"


class StreamError(QwhiskError):
    """Kafka did not accept or deliver a message in time."""

    code = "stream_error"


class MessageTooLargeError(StreamError):
    """The broker rejected a message because of its size. A retry of the same message cannot succeed."""

    code = "message_too_large"


class TopicUnknownError(StreamError):
    """The topic does not exist, or not every broker knows yet that it does."""

    code = "topic_unknown"


class ResultStoreError(QwhiskError):
    """The store of large results was not available or rejected the request."""

    code = "result_store_error"


class InvocationError(QwhiskError):
    """An action could not be invoked or gave no usable reply.

    Args:
        message: what is wrong and how to fix it.
        status: the HTTP status for the caller: 502 unless the cause requires another.
        permanent: whether the same invocation would fail in the same way again.
        details: facts for programs.
    """

    code = "invocation_failed"

    def __init__(self, message: str, status: int = 502, permanent: bool = False, **details: Any) -> None:
        super().__init__(message, **details)
        self.status = status
        self.permanent = permanent


class ThrottledError(InvocationError):
    """OpenWhisk refused an invocation because there were too many. The action was not run.

    Args:
        message: what is wrong and how to fix it.
        retry_after: the seconds after which the invocation may be accepted.
        refusal: OpenWhisk's error text, which states its limit.
        details: facts for programs.
    """

    def __init__(self, message: str, retry_after: float, refusal: str = "", **details: Any) -> None:
        super().__init__(message, status=429, **details)
        self.retry_after = retry_after
        self.refusal = refusal


class ActionError(QwhiskError):
    """An action replied with an error object, which is passed on unchanged."""

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        # Not as keyword arguments: the action chooses the names, and one may be `message`.
        self.details = details or {}
