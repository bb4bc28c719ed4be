"""What a function answered to its step: the answer to the caller, or the next job of a hybrid loop."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ActionError, DocumentsUnreadableError, InvocationError, QwhiskError
from core.events import Identifier, JobEvent, Progress

#: Codes of an action's own errors that may pass: Kafka or IBM Quantum could not be reached for a moment.
_PASSING_CODES = frozenset({"provider_unavailable", "provider_unauthorized", "stream_error"})
#: Statuses of invocations that may succeed later: too many, an action that died, one that was slow.
_PASSING_STATUSES = frozenset({429, 502, 503, 504})

#: How often a step that failed in passing is asked for again. Without an answer the result is worth having at
#: once; a loop without its next job would be lost, so it waits for minutes.
ANSWER_RETRIES, LOOP_RETRIES = 3, 12


class StepError(QwhiskError):
    """A step failed in passing; it is to be asked for again."""

    code = "step_failed"


class NextJob(BaseModel):
    """The part of the reply that tells of the next job, which the action has announced by itself."""

    model_config = ConfigDict(extra="ignore")

    job_id: Identifier
    backend: Identifier
    step: Annotated[int, Field(ge=1)]
    progress: Progress | None = None


def parse_step_reply(reply: dict[str, Any], event: JobEvent) -> NextJob | dict[str, Any] | None:
    """The next job, or the answer, or None where the reply is neither.

    Args:
        reply: what the function answered.
        event: the step it was asked about; the next job must be the step after it.
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
    """True if the event's job is one of several of its run."""
    return event.progress is not None or event.step > 0


def retries(event: JobEvent) -> int:
    """How often the event's step may fail in passing."""
    return LOOP_RETRIES if is_loop(event) else ANSWER_RETRIES


def may_pass(error: QwhiskError) -> bool:
    """True if the step may succeed when it is asked for again."""
    if isinstance(error, ActionError):
        return error.code in _PASSING_CODES
    if isinstance(error, DocumentsUnreadableError):
        return True
    return isinstance(error, InvocationError) and error.status in _PASSING_STATUSES
