"""Invokes the steps of functions, and decides which of their failures are transient."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from core.config_docs import Documents
from core.config_docs.model import UNDECLARED_JOBS
from core.errors import (
    ActionError,
    DocumentsUnreadableError,
    InvocationError,
    QwhiskError,
    ThrottledError,
)
from core.openwhisk.client import FunctionInvoker
from core.openwhisk.pace import Pace
from core.protocol import (
    POOLED_JOB,
    ErrorInfo,
    JobEvent,
    JobResult,
    NextJob,
    ResultEvent,
    Status,
    parse_step_reply,
    step_request,
)

#: Transient error codes of actions: Kafka or IBM Quantum was not available.
_PASSING_CODES = frozenset({"provider_unavailable", "provider_unauthorized", "stream_error"})
#: Transient HTTP statuses of invocations: too many requests, a failed action, a timeout.
_PASSING_STATUSES = frozenset({429, 502, 503, 504})

#: Retries of a step after transient failures. A result is useful without an answer, so it is not delayed for
#: long. A loop would be lost without its next job, so it is retried for minutes.
ANSWER_RETRIES, LOOP_RETRIES = 3, 12
#: Seconds to wait for a step. Longer than an action may run, so that a retry never overlaps with it.
ANSWER_TIMEOUT = 75.0
#: The end of a loop whose cancellation was requested.
CANCELLED = ErrorInfo(code="cancelled", message="The run was cancelled between two of its jobs.")

log = logging.getLogger(__name__)


class StepError(QwhiskError):
    """A step failed with a transient error and should be retried."""

    code = "step_failed"


class StepThrottledError(StepError):
    """OpenWhisk permits no invocation now. It is no failure of the job: the step is invoked later.

    Args:
        message: what is wrong.
        retry_after: the seconds after which to retry.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StepWaitsError(StepThrottledError):
    """OpenWhisk permits no invocation now, so no call was made to the provider either."""


class StepInvoker:
    """Invokes functions with the results of their jobs. Thread-safe.

    Args:
        documents: the config documents of the functions.
        invoke: invokes functions.
        pace: gives each invocation its time.
    """

    def __init__(self, documents: Documents, invoke: FunctionInvoker, pace: Pace) -> None:
        self._documents = documents
        self._invoke = invoke
        self._pace = pace

    def await_turn(self, event: JobEvent) -> None:
        """Check that OpenWhisk permits an invocation now. Called before the result is fetched for it.

        Raises:
            StepWaitsError: it does not.
        """
        wait_seconds = self._pace.wait((event.process_job_id, event.step))
        if wait_seconds > 0:
            raise StepWaitsError("OpenWhisk permits no invocation now.", wait_seconds)

    def invoke(
        self, event: JobEvent, result: JobResult, failures: int
    ) -> NextJob | dict[str, Any] | ErrorInfo:
        """Invoke the function with the result.

        Args:
            event: the job.
            result: its result.
            failures: how often the delivery has failed before.

        Returns:
            The next job, the answer, or the error if there is neither.

        Raises:
            StepError: the invocation failed and should be retried.
        """
        body = step_request(ResultEvent.of(event, "DONE", result=result, state=event.state))
        try:
            # A gateway has the document, since the job was submitted there; this process may not have it yet.
            document = self._documents.find(event.function)
            reply = self._invoke(document, body, ANSWER_TIMEOUT)
        except ThrottledError as error:
            self._pace.refused(error.refusal, error.retry_after)
            raise StepThrottledError(error.message, error.retry_after) from None
        except QwhiskError as error:
            if may_be_temporary(error) and failures < retries(event):
                raise StepError(error.message) from None
            code = error.code if isinstance(error, ActionError) else "answer_failed"
            log.warning("no answer for %s: %s", event.process_job_id, error.message)
            return ErrorInfo(code=code[:100], message=error.message[:4_000])
        parsed = parse_step_reply(reply, event)
        if parsed is None:
            return ErrorInfo(
                code="answer_failed", message=f"The function {event.function} gave no answer to its result."
            )
        return parsed


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
    status: Status = "POOLED" if following.job_id == POOLED_JOB else "RUNNING"
    return ResultEvent.of(event, status).model_copy(
        update={
            "job_id": following.job_id,
            "backend": following.backend,
            "step": following.step,
            "progress": following.progress,
            "previous_jobs": event.provider_jobs,
            "circuit": following.circuit,
            # These describe the job before, not the next one.
            "submitted_at": datetime.now(UTC),
            "queue_length_at_submit": None,
            "estimated_completion_time": None,
            "attempt": 0,
            "pool": None,
        }
    )
