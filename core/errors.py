"""The one exception tree. The gateway maps it to HTTP, the actions map it to their error object."""

from __future__ import annotations

from typing import Any


class QwhiskError(Exception):
    """Anything that qwhisk refuses or fails to do, in words that its caller understands.

    Args:
        message: what is wrong and what to change; never a secret, never a stack trace.
        details: JSON-native facts for programs, such as `{"field": "shots"}`.
    """

    #: Stable word for programs; the class decides it.
    code = "internal_error"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """The `error` object of an action's answer and of a ResultEvent."""
        return {"code": self.code, "message": self.message, "details": self.details}


class InputError(QwhiskError):
    """The caller's input is wrong; the message names the field and the fix."""

    code = "invalid_input"


class SettingsError(QwhiskError):
    """An environment variable or a bound parameter is missing or wrong."""

    code = "invalid_settings"


class DocumentError(QwhiskError):
    """A config document is broken; the message names the document and the field."""

    code = "invalid_document"


class DocumentsUnreadableError(QwhiskError):
    """The config documents cannot be read just now."""

    code = "documents_unreadable"


class EventError(QwhiskError):
    """A message on a topic is not the event it should be."""

    code = "invalid_event"


class NotFoundError(QwhiskError):
    """What was asked for does not exist, or not for this caller."""

    code = "not_found"


class BackendNotFoundError(NotFoundError):
    """No backend of that name, or none with enough qubits."""

    code = "backend_not_found"


class JobNotFoundError(NotFoundError):
    """The provider does not know this job."""

    code = "job_not_found"


class ProviderError(QwhiskError):
    """IBM Quantum (or the simulator in its place) refused or failed."""

    code = "provider_error"


class ProviderUnauthorizedError(ProviderError):
    """The provider refused the API key, or a token made of it."""

    code = "provider_unauthorized"


class ProviderUnavailableError(ProviderError):
    """The provider could not be reached or asked for patience: passing, worth another try.

    Args:
        message: what is wrong and what to change.
        retry_after: in seconds, or None where the provider named no time.
        unclear: true if the request may have been carried out all the same: its answer was lost, could not be
            read, or was a 5xx.
        details: facts for programs.
    """

    code = "provider_unavailable"

    def __init__(
        self, message: str, retry_after: float | None = None, unclear: bool = False, **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after
        self.unclear = unclear


class StreamError(QwhiskError):
    """Kafka did not take or give a message in time."""

    code = "stream_error"


class ResultStoreError(QwhiskError):
    """The store of large results could not be reached, or refused."""

    code = "result_store_error"


class InvocationError(QwhiskError):
    """An action could not be invoked or gave no usable answer.

    Args:
        status: the HTTP status a caller should see for it, 502 unless the cause says otherwise.
    """

    code = "invocation_failed"

    def __init__(self, message: str, status: int = 502, **details: Any) -> None:
        super().__init__(message, **details)
        self.status = status


class ActionError(QwhiskError):
    """The action itself answered with an error object; carried on as it came."""

    def __init__(self, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        # Not as keyword arguments: the action chooses the names, and one may be `message`.
        self.details = details or {}
