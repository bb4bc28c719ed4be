"""What the gateway and the poller send to functions, and what functions reply.

| call | from | parameters | reply |
|---|---|---|---|
| submission | gateway | the caller's input and the `Envelope` | `SubmissionReply` |
| step | poller | `step_request` | `SubmissionReply` of the next job, or `answer_reply` |

Instead of either reply, a function can reply with an error (`error_reply`). If a call belongs to a trace, its
parameters have `traceparent`, and the reply has the activation's spans (`core/tracing/reply.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from core.errors import ActionError, QwhiskError
from core.protocol.events import (
    MAX_CALLBACK,
    POOLED_JOB,
    TOPIC_PATTERN,
    BackendType,
    Circuit,
    Identifier,
    JobEvent,
    Progress,
    ResultEvent,
)
from core.tracing import TRACEPARENT

#: A regular expression of the ids of jobs and of clients, without anchors.
JOB_ID = "[A-Za-z0-9_-]{1,128}"


class Envelope(BaseModel):
    """The parameters that the gateway adds to the caller's input. They are the same in all steps of a run."""

    model_config = ConfigDict(extra="forbid", strict=True)

    client_id: str = Field(pattern=f"^{JOB_ID}$")
    process_job_id: str = Field(pattern=f"^{JOB_ID}$")
    topic: str = Field(pattern=TOPIC_PATTERN)
    #: True if the same submission may have been made before. Then the action searches for its job first.
    again: bool = False
    #: Where the gateway sends the final event.
    callback_url: str | None = Field(default=None, max_length=MAX_CALLBACK)

    @classmethod
    def of_event(cls, event: JobEvent) -> Envelope:
        """Return the envelope of a run, from the event of one of its jobs."""
        return cls.model_construct(
            client_id=event.client_id,
            process_job_id=event.process_job_id,
            topic=event.topic,
            callback_url=event.callback_url,
        )

    def as_params(self) -> dict[str, Any]:
        """Return the parameters. Those with their default value are omitted."""
        return self.model_dump(exclude_defaults=True)


#: The names of the envelope's parameters.
ENVELOPE_NAMES = frozenset(Envelope.model_fields)
#: The parameter of a step request.
STEP = "step"
#: The names of parameters that a caller may not use.
RESERVED_NAMES = ENVELOPE_NAMES | {STEP, TRACEPARENT}

#: The key of a reply with an answer, and the key of a reply with an error.
_ANSWER, _ERROR = "answer", "error"


def _if_valid(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Return the circuit; None if it has another form, as older actions': the job runs anyway."""
    try:
        return validate(value)
    except ValidationError:
        return None


#: A job's first circuit in a function's reply.
DescribedCircuit = Annotated[Circuit | None, WrapValidator(_if_valid)]


class SubmissionReply(BaseModel):
    """An action's reply after it has submitted and announced a job.

    Readers need only a part of it (`SubmittedJob`, `NextJob`), so that functions which are not written with
    `actions.framework` may omit the rest.
    """

    job_id: Identifier
    backend: Identifier
    backend_type: BackendType
    process_job_id: Identifier
    client_id: Identifier
    function: Identifier
    step: int = Field(ge=0)
    progress: Progress | None
    #: The job's first circuit, for the caller.
    circuit: Circuit | None

    @classmethod
    def of_event(cls, event: JobEvent) -> SubmissionReply:
        """Return the reply for the job of an event."""
        return cls(
            job_id=event.job_id,
            backend=event.backend,
            backend_type=event.backend_type,
            process_job_id=event.process_job_id,
            client_id=event.client_id,
            function=event.function,
            step=event.step,
            progress=event.progress,
            circuit=event.circuit,
        )


class SubmittedJob(BaseModel):
    """The part of a `SubmissionReply` that the gateway needs."""

    model_config = ConfigDict(extra="ignore")

    job_id: Identifier
    backend: Identifier
    backend_type: BackendType
    progress: Progress | None = None
    circuit: DescribedCircuit = None


class NextJob(BaseModel):
    """The part of a `SubmissionReply` that the poller needs, in the reply to a step."""

    model_config = ConfigDict(extra="ignore")

    job_id: Identifier
    backend: Identifier
    step: Annotated[int, Field(ge=1)]
    progress: Progress | None = None
    circuit: DescribedCircuit = None


def first_event(
    envelope: Envelope, function: str, params: dict[str, Any], submitted: SubmittedJob, now: datetime
) -> ResultEvent:
    """Return the first event of a run: QUEUED, or POOLED if the provider does not have its job yet.

    Args:
        envelope: the envelope of the submission.
        function: the function's id.
        params: the caller's input.
        submitted: the function's reply.
        now: the time.
    """
    return ResultEvent(
        job_id=submitted.job_id,
        backend=submitted.backend,
        backend_type=submitted.backend_type,
        function=function,
        client_id=envelope.client_id,
        process_job_id=envelope.process_job_id,
        topic=envelope.topic,
        callback_url=envelope.callback_url,
        submitted_at=now,
        params=params,
        progress=submitted.progress,
        circuit=submitted.circuit,
        status="POOLED" if submitted.job_id == POOLED_JOB else "QUEUED",
    )


def step_request(event: ResultEvent) -> dict[str, Any]:
    """Return the parameters that request the next step of a run.

    Args:
        event: the finished job, with its result and state. The function does not need its circuit, and may
            not know how many others a pooled job has served.
    """
    return {STEP: event.model_dump(mode="json", exclude={"circuit", "pool"})}


def answer_reply(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to the last step of a run.

    Args:
        answer: the result in the caller's terms.
    """
    return {_ANSWER: answer}


def parse_step_reply(reply: dict[str, Any], event: JobEvent) -> NextJob | dict[str, Any] | None:
    """Parse the reply to a step.

    Args:
        reply: the function's reply.
        event: the step that it replies to. The next job must be of the step after it.

    Returns:
        The next job, or the answer; None if the reply has neither.
    """
    answer = reply.get(_ANSWER)
    if isinstance(answer, dict):
        return answer
    try:
        following = NextJob.model_validate(reply)
    except ValidationError:
        return None
    return following if following.step == event.step + 1 else None


def error_reply(error: QwhiskError) -> dict[str, Any]:
    """Return the reply of a function that failed."""
    return {_ERROR: error.as_dict()}


def parse_error_reply(reply: Any) -> ActionError | None:
    """Return the error that a function replied with; None if the reply is not an action's error."""
    error = reply.get(_ERROR) if isinstance(reply, dict) else None
    if not isinstance(error, dict) or "message" not in error:
        return None
    details = error.get("details")
    return ActionError(
        str(error.get("code", "action_error"))[:100],
        str(error["message"])[:4_000],
        details if isinstance(details, dict) else None,
    )
