"""Parses a function's reply to a step: the answer to the caller, or the next job of a hybrid loop."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ActionError, DocumentsUnreadableError, InvocationError, QwhiskError
from core.events import Identifier, JobEvent, Progress

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


class NextJob(BaseModel):
    """The part of a reply that describes the next job, which the action has already announced."""

    model_config = ConfigDict(extra="ignore")

    job_id: Identifier
    backend: Identifier
    step: Annotated[int, Field(ge=1)]
    progress: Progress | None = None


def parse_step_reply(reply: dict[str, Any], event: JobEvent) -> NextJob | dict[str, Any] | None:
    """Parse a reply.

    Args:
        reply: the function's reply.
        event: the step that it replies to. The next job must be of the step after it.

    Returns:
        The next job, or the answer; None if the reply has neither.
    """
    answer = reply.get("answer")
    if isinstance(answer, dict):
        return answer
    try:
        following = NextJob.model_validate(reply)
    except ValidationError:
        return None
    return following if following.step == event.step + 1 else None


def is_loop(event: JobEvent) -> bool:
    """Return whether the job belongs to a loop of several jobs."""
    return event.progress is not None or event.step > 0


def retries(event: JobEvent) -> int:
    """Return how often the step is retried after transient failures."""
    return LOOP_RETRIES if is_loop(event) else ANSWER_RETRIES


def may_pass(error: QwhiskError) -> bool:
    """Return whether the error is transient, so that a retry of the step may succeed."""
    if isinstance(error, ActionError):
        return error.code in _PASSING_CODES
    if isinstance(error, DocumentsUnreadableError):
        return True
    return isinstance(error, InvocationError) and error.status in _PASSING_STATUSES
