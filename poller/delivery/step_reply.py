"""Decides which failures of a step are transient and how often the step is retried."""

from __future__ import annotations

from core.errors import ActionError, DocumentsUnreadableError, InvocationError, QwhiskError
from core.protocol import JobEvent

#: Transient error codes of actions: Kafka or IBM Quantum was not available.
_PASSING_CODES = frozenset({"provider_unavailable", "provider_unauthorized", "stream_error"})
#: Transient HTTP statuses of invocations: too many requests, a failed action, a timeout.
_PASSING_STATUSES = frozenset({429, 502, 503, 504})

#: Retries of a step after transient failures. A result is useful without an answer, so it is not delayed for
#: long. A loop would be lost without its next job, so it is retried for minutes.
ANSWER_RETRIES, LOOP_RETRIES = 3, 12


class StepError(QwhiskError):
    """A step failed with a transient error and should be retried."""

    code = "step_failed"


def is_loop(event: JobEvent) -> bool:
    """Return whether the job belongs to a loop of several jobs."""
    return event.progress is not None or event.step > 0


def retries(event: JobEvent) -> int:
    """Return how often the step is retried after transient failures."""
    return LOOP_RETRIES if is_loop(event) else ANSWER_RETRIES


def may_be_temporary(error: QwhiskError) -> bool:
    """Return whether the error is transient, so that a retry of the step may succeed."""
    if isinstance(error, ActionError):
        return error.code in _PASSING_CODES
    if isinstance(error, DocumentsUnreadableError):
        return True
    return isinstance(error, InvocationError) and error.status in _PASSING_STATUSES
