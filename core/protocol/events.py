"""The messages on the topics: JobEvent, ResultEvent, the list of backends, and what they contain.

A JobEvent describes a submitted job and its client. A ResultEvent adds the job's status and, at the end, its
outcome. Both sides validate every message.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from core.bounds import HORIZON, MAX_QUEUE

BackendType = Literal["hardware", "simulator", "noisy_simulator"]
Status = Literal["POOLED", "QUEUED", "RUNNING", "DONE", "CANCELLED", "ERROR"]

FINAL: frozenset[str] = frozenset({"DONE", "CANCELLED", "ERROR"})

#: The most bytes of the state that an algorithm passes from one step to the next.
MAX_STATE_BYTES = 64 * 1024
#: The most bytes of a message. The client rejects messages over 1,000,000 bytes, including key and headers.
MAX_EVENT_BYTES = 950_000

#: The most characters of the reason why a backend is not operational or is passed over.
MAX_BACKEND_REASON = 200

#: The most characters of a callback address.
MAX_CALLBACK = 2_000

#: The most PUBs of a job, and so the most participants of a pooled one.
MAX_POOL_PUBS = 10_000
#: The `job_id` of a job that is in the pool and that the provider does not have yet.
POOLED_JOB = "pooled"

#: The most times that an event may be requeued.
MAX_ATTEMPT = 1_000_000

#: The most characters of a circuit's OpenQASM 3; a longer program is left out.
MAX_OPENQASM = 100_000
#: The largest number in the description of a circuit, which clients can read as 32 bits.
MAX_SIZE = 2**31 - 1
#: The most jobs of a run that its events name. The first ones are left out.
MAX_PROVIDER_JOBS = 100

#: A client's topic: `results.` and at least 128 random bits.
TOPIC_PATTERN = r"^results\.[A-Za-z0-9_-]{22,64}$"


def _aware(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999") from None


Instant = Annotated[datetime, AfterValidator(_aware)]
Identifier = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:-]+$")]


class Progress(BaseModel):
    """How far a hybrid algorithm is: `value` is what it has reached by step `step` of at most `of`."""

    step: int = Field(ge=0)
    of: int = Field(ge=0)
    value: float | None = None


class ProviderJob(BaseModel):
    """The provider's job of one step of a run."""

    step: int = Field(ge=0, le=10_000, description="The number of the step, from 0.")
    job_id: Identifier = Field(description="The provider's id of the job.")


class Circuit(BaseModel):
    """A job's first circuit, before and after it was transpiled for the backend."""

    qubits: int = Field(ge=0, le=MAX_SIZE, description="The qubits of the circuit, before transpilation.")
    depth: int = Field(ge=0, le=MAX_SIZE, description="The depth before transpilation.")
    size: int = Field(ge=0, le=MAX_SIZE, description="The number of operations before transpilation.")
    transpiled_depth: int | None = Field(
        ge=0,
        le=MAX_SIZE,
        description="The depth after transpilation, as the backend runs it. Null if it is unknown, because "
        "another attempt submitted the job.",
    )
    transpiled_size: int | None = Field(
        ge=0, le=MAX_SIZE, description="The number of operations after transpilation. Null if it is unknown."
    )
    pubs: int = Field(ge=1, le=MAX_SIZE, description="The number of circuits of the job, with repetitions.")
    openqasm3: str | None = Field(
        max_length=MAX_OPENQASM,
        description="The circuit before transpilation as OpenQASM 3. Null if it is too long.",
    )


class PoolShare(BaseModel):
    """A client's part of a provider job that carries the circuits of several clients."""

    model_config = ConfigDict(extra="forbid")

    first: int = Field(ge=0, le=MAX_POOL_PUBS, description="The first of the client's PUBs in the job.")
    count: int = Field(ge=1, le=MAX_POOL_PUBS, description="The number of the client's PUBs.")
    member: int = Field(ge=0, le=MAX_POOL_PUBS, description="The client's place among the participants.")
    members: int = Field(ge=1, le=MAX_POOL_PUBS, description="The number of participants.")
    generation: int = Field(
        default=0, ge=0, le=2, description="How many jobs with these circuits have failed as a whole."
    )
    source: int = Field(ge=0, description="The offset of the circuits in the topic `pool`.")
    fraction: float | None = Field(
        default=None,
        gt=0,
        le=1,
        exclude_if=lambda fraction: fraction is None,
        description="The client's part of the executions of the job.",
    )


class JobEvent(BaseModel):
    """One submitted job, on topic `jobs` under the key `process_job_id`."""

    model_config = ConfigDict(extra="forbid")

    #: The fields that may be large, with the values of an event without them.
    _WITHOUT_LARGE: ClassVar[dict[str, Any]] = {
        "params": {},
        "state": None,
        "circuit": None,
        "previous_jobs": [],
    }

    v: Literal[1] = 1
    job_id: Identifier = Field(description="The provider's id of the job.")
    backend: Identifier
    backend_type: BackendType
    function: Identifier = Field(description="Id of the function's config document.")
    client_id: Identifier
    process_job_id: Identifier = Field(description="Our id, the same through all steps.")
    topic: str = Field(pattern=TOPIC_PATTERN, description="The client's own topic, where results go.")
    step: int = Field(default=0, ge=0, le=10_000)
    submitted_at: Instant
    queue_length_at_submit: int | None = Field(default=None, ge=0, le=MAX_QUEUE)
    estimated_completion_time: Instant | None = None
    looked_at: Instant | None = Field(
        default=None, description="When the provider last said that the job is not final."
    )
    attempt: int = Field(
        default=0, ge=0, le=MAX_ATTEMPT, description="How often the event was put back into a queue."
    )
    params: dict[str, Any] = Field(default_factory=dict, description="The caller's input.")
    state: dict[str, Any] | None = Field(default=None, description="What the algorithm remembers.")
    progress: Progress | None = Field(default=None, description="How far a hybrid algorithm is.")
    callback_url: str | None = Field(
        default=None, max_length=MAX_CALLBACK, description="Where a gateway sends the final event."
    )
    # Gateways and pollers that do not know these fields reject events with them: only actions that are newer
    # than both add them.
    circuit: Circuit | None = Field(
        default=None, exclude_if=lambda circuit: circuit is None, description="The job's first circuit."
    )
    previous_jobs: list[ProviderJob] = Field(
        default_factory=list,
        max_length=MAX_PROVIDER_JOBS,
        exclude_if=lambda jobs: not jobs,
        description="The jobs of the steps before, the newest last.",
    )
    pool: PoolShare | None = Field(
        default=None,
        # Readers of before pooling reject an unknown field.
        exclude_if=lambda pool: pool is None,
        description="The client's part of the job, if the job is pooled.",
    )
    #: In the message's header `traceparent`, not in the message: readers of other versions reject new fields.
    _traceparent: str | None = PrivateAttr(default=None)

    @property
    def traceparent(self) -> str | None:
        """The place in the job's trace that what follows belongs to, as a header; None without a trace."""
        return self._traceparent

    @traceparent.setter
    def traceparent(self, header: str | None) -> None:
        self._traceparent = header

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        try:
            size = len(orjson.dumps(self.state))
        except TypeError:
            raise ValueError("state has a value that JSON cannot carry for all readers") from None
        if size > MAX_STATE_BYTES:
            raise ValueError(f"state is over {MAX_STATE_BYTES} bytes")
        return self

    @property
    def provider_jobs(self) -> list[ProviderJob]:
        """The newest jobs of the run up to this one, in the order of their steps."""
        if self.job_id == POOLED_JOB:
            return list(self.previous_jobs)
        own = ProviderJob.model_construct(step=self.step, job_id=self.job_id)
        return [*self.previous_jobs, own][-MAX_PROVIDER_JOBS:]

    @property
    def message_key(self) -> str:
        """The key of the event's messages: all participants of a pooled job have the same."""
        return self.process_job_id if self.pool is None else self.job_id

    def without_large_fields(self) -> Self:
        """Return the event without the fields that may be large, such as the input and the result."""
        return self.model_copy(update=self._WITHOUT_LARGE)

    def bound(self, now: datetime) -> None:
        """Limit the instants to what is possible at `now`: another machine's clock may be wrong.

        A job was submitted and looked at before now. An estimate further than `HORIZON` from now is
        discarded.
        """
        horizon = timedelta(seconds=HORIZON)
        # With a submission in the future, the job's deadline would never come.
        self.submitted_at = min(self.submitted_at, now)
        if self.looked_at is not None:
            self.looked_at = min(max(self.looked_at, self.submitted_at), now)
        expected = self.estimated_completion_time
        if expected is not None and not now - horizon <= expected <= now + horizon:
            self.estimated_completion_time = None


class ErrorInfo(BaseModel):
    """What went wrong, in words that the client understands."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(max_length=100)
    message: str = Field(max_length=4_000)
    details: dict[str, Any] = Field(default_factory=dict)


class PubResult(BaseModel):
    """The result of one PUB: counts per classical register, or expectation values."""

    counts: dict[str, dict[str, int]] | None = None
    shots: int | None = None
    evs: Any = None
    stds: Any = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class JobResult(PubResult):
    """The first PUB's result with, where a job had several, all of them in `pubs`."""

    pubs: list[PubResult] | None = None


class ResultEvent(JobEvent):
    """How a job stands: progress, or the one final event, on the client's topic."""

    _WITHOUT_LARGE: ClassVar[dict[str, Any]] = JobEvent._WITHOUT_LARGE | {
        "result": None,
        "answer": None,
        "error": None,
    }

    status: Status
    queue_position: int | None = Field(default=None, ge=0, le=MAX_QUEUE)
    result: JobResult | None = None
    result_url: str | None = None
    answer: dict[str, Any] | None = None
    error: ErrorInfo | None = None
    finished_at: Instant | None = None

    @property
    def final(self) -> bool:
        """Whether no further event follows for this `process_job_id`."""
        return self.status in FINAL

    @classmethod
    def of(
        cls,
        job: JobEvent,
        status: Status,
        *,
        state: dict[str, Any] | None = None,
        queue_position: int | None = None,
        result: JobResult | None = None,
        answer: dict[str, Any] | None = None,
        error: ErrorInfo | None = None,
        finished_at: datetime | None = None,
    ) -> ResultEvent:
        """Return the event for a job's status. It is not validated again.

        The job's `state` and `looked_at` are private to the algorithm and the poller and are not copied.

        Args:
            job: the job.
            status: its status.
            state: the algorithm's state, in a step request.
            queue_position: the number of jobs before it.
            result: its result.
            answer: the function's answer.
            error: the error.
            finished_at: when it finished.
        """
        values = {name: getattr(job, name) for name in JobEvent.model_fields} | {
            "looked_at": None,
            "state": state,
            "status": status,
            "queue_position": queue_position,
            "result": result,
            "answer": answer,
            "error": error,
            "finished_at": finished_at,
        }
        event = cls.model_construct(**values)
        event.traceparent = job.traceparent
        return event

    def job_event(self) -> JobEvent:
        """Return the job without its status and outcome."""
        event = JobEvent.model_validate({name: getattr(self, name) for name in JobEvent.model_fields})
        event.traceparent = self.traceparent
        return event


class LargeResult(BaseModel):
    """What a final event could not carry: kept elsewhere, named by its `result_url`."""

    result: JobResult | None = None
    answer: dict[str, Any] | None = None


class BackendInfo(BaseModel):
    """One backend as the poller last saw it; the gateway shows the list."""

    name: str
    backend_type: BackendType
    qubits: int = Field(ge=0)
    operational: bool
    queue_length: int = Field(ge=0, le=MAX_QUEUE)
    seen_at: Instant
    reason: str | None = Field(
        default=None,
        max_length=MAX_BACKEND_REASON,
        exclude_if=lambda reason: reason is None,
        description="Why the backend is not operational, or is passed over, in the provider's words.",
    )


class BackendList(BaseModel):
    """All backends of the configured accounts, on the one-partition topic `backends`."""

    v: Literal[1] = 1
    backends: list[BackendInfo]
