"""Decides which failures of a step are transient and how often the step is retried."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from core.config_docs import Documents
from core.config_docs.model import UNDECLARED_JOBS
from core.errors import ActionError, DocumentsUnreadableError, InvocationError, QwhiskError
from core.protocol import ErrorInfo, JobEvent, NextJob, ResultEvent

#: Transient error codes of actions: Kafka or IBM Quantum was not available.
_PASSING_CODES = frozenset({"provider_unavailable", "provider_unauthorized", "stream_error"})
#: Transient HTTP statuses of invocations: too many requests, a failed action, a timeout.
_PASSING_STATUSES = frozenset({429, 502, 503, 504})

#: Retries of a step after transient failures. A result is useful without an answer, so it is not delayed for
#: long. A loop would be lost without its next job, so it is retried for minutes.
ANSWER_RETRIES, LOOP_RETRIES = 3, 12
#: The end of a loop whose cancellation was requested.
CANCELLED = ErrorInfo(code="cancelled", message="The run was cancelled between two of its jobs.")

log = logging.getLogger(__name__)


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
    return isinstance(error, InvocationError) and not error.permanent and error.status in _PASSING_STATUSES


def most_jobs(documents: Documents, event: JobEvent) -> int:
    """Return the most jobs that the run may have."""
    try:
        return documents.find(event.function).function_max_jobs
    except QwhiskError:
        return UNDECLARED_JOBS


def too_many_jobs(event: JobEvent, most: int) -> ErrorInfo:
    """Return the error of a run whose function has submitted more than the `most` jobs that it declares."""
    log.error(
        "the function %s submitted more than its %d jobs",
        event.function,
        most,
        extra={"process_job_id": event.process_job_id},
    )
    message = f"The function {event.function} submitted more than the {most} jobs that it declares."
    return ErrorInfo(code="too_many_jobs", message=message)


def with_jobs(final: ResultEvent) -> ErrorInfo | None:
    """Return a final event's error, with the number of jobs that the run had if it is a loop."""
    if final.error is None or not is_loop(final):
        return final.error
    return final.error.model_copy(update={"details": final.error.details | {"jobs": final.step + 1}})


def loop_progress(event: JobEvent, following: NextJob) -> ResultEvent:
    """Return the progress event of a loop whose function has submitted the next job."""
    return ResultEvent.of(event, "RUNNING").model_copy(
        update={
            "job_id": following.job_id,
            "backend": following.backend,
            "step": following.step,
            "progress": following.progress,
            # These describe the job before, not the next one.
            "submitted_at": datetime.now(UTC),
            "queue_length_at_submit": None,
            "estimated_completion_time": None,
            "attempt": 0,
        }
    )
