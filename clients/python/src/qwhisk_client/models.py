"""What the gateway returns, as typed objects. `raw` of each is the JSON that it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from qwhisk_client import display

#: The statuses after which no further event of a job follows.
FINAL = frozenset({"DONE", "CANCELLED", "ERROR"})

JSON = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """A client's session: all jobs belong to one. The token is a secret.

    Args:
        token: the bearer token.
        client_id: the client's id; empty if only the token is known.
        opened_at: when the token was issued, in seconds since 1970.
        expires_at: when it expires; None if that is not known.
    """

    token: str = field(repr=False)
    client_id: str = ""
    opened_at: float = 0.0
    expires_at: float | None = None


@dataclass(frozen=True)
class Function:
    """A function that can be run. `output_schema` is empty in a list of functions."""

    id: str
    title: str
    description: str
    category: str
    input_schema: JSON
    output_schema: JSON
    raw: JSON = field(repr=False)

    @classmethod
    def of(cls, raw: JSON) -> Self:
        """Return the function that the gateway describes."""
        title, description, category = (
            str(raw.get(name, "")) for name in ("title", "description", "category")
        )
        schemas = (raw.get("input_schema") or {}, raw.get("output_schema") or {})
        return cls(raw["id"], title, description, category, *schemas, raw)


@dataclass(frozen=True)
class Backend:
    """A quantum device or a simulator."""

    name: str
    backend_type: str
    qubits: int
    operational: bool
    queue_length: int
    raw: JSON = field(repr=False)

    @classmethod
    def of(cls, raw: JSON) -> Self:
        """Return the backend that the gateway describes."""
        return cls(
            name=raw["name"],
            backend_type=raw["backend_type"],
            qubits=raw["qubits"],
            operational=raw["operational"],
            queue_length=raw["queue_length"],
            raw=raw,
        )


@dataclass(frozen=True)
class Progress:
    """How far a loop is: `value` is what it has reached by step `step` of at most `of`."""

    step: int
    of: int
    value: float | None


@dataclass(frozen=True)
class JobFailure:
    """Why a job failed."""

    code: str
    message: str
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Event:
    """How a job stands: its status and progress, or its outcome.

    Args:
        process_job_id: the job's id, the same through all steps of a loop.
        function: the function's id.
        status: `POOLED` (the provider gets it in one job with those of other clients), `QUEUED`, `RUNNING`,
            `DONE`, `CANCELLED` or `ERROR`.
        backend: where it runs.
        queue_position: the number of jobs before it, in the pool or in the provider's queue, if known.
        progress: how far a loop is.
        answer: the function's answer, in its caller's terms.
        counts: how often each outcome was measured, by register.
        error: why it failed.
        provider_jobs: the provider's job of each step, as `step` and `job_id`, the newest last; a
            step that is `POOLED` has none.
        circuit: the first circuit of the newest step's job, with its OpenQASM 3; None if it is not known.
        id: the event's place in the session; None if it was not read from the stream of events.
        raw: the JSON of the event.
    """

    process_job_id: str
    function: str
    status: str
    backend: str
    queue_position: int | None
    progress: Progress | None
    answer: JSON | None
    counts: dict[str, dict[str, int]]
    error: JobFailure | None
    provider_jobs: tuple[JSON, ...] = ()
    circuit: JSON | None = None
    id: int | None = None
    raw: JSON = field(default_factory=dict, repr=False)

    @property
    def final(self) -> bool:
        """Whether no further event of the job follows."""
        return self.status in FINAL

    @property
    def pooled(self) -> bool:
        """Whether the provider does not have its circuits yet, and gets them with those of other clients."""
        return self.status == "POOLED"

    @property
    def summary(self) -> str:
        """The answer in one sentence; empty if there is none."""
        return str((self.answer or {}).get("summary", ""))

    @classmethod
    def of(cls, raw: JSON, event_id: int | None = None) -> Self:
        """Return the event that the gateway describes.

        Args:
            raw: the JSON of a job, from an answer or an event.
            event_id: its place in the session.
        """
        progress, error = raw.get("progress"), raw.get("error")
        return cls(
            process_job_id=raw["process_job_id"],
            function=str(raw.get("function", "")),
            status=raw["status"],
            backend=str(raw.get("backend", "")),
            queue_position=raw.get("queue_position"),
            progress=Progress(progress["step"], progress["of"], progress.get("value")) if progress else None,
            answer=raw.get("answer"),
            counts=(raw.get("result") or {}).get("counts") or {},
            error=JobFailure(error["code"], error["message"], error.get("details") or {}) if error else None,
            provider_jobs=tuple(raw.get("provider_jobs") or ()),
            circuit=raw.get("circuit"),
            id=event_id,
            raw=raw,
        )

    def _repr_html_(self) -> str:
        """Show the event in a Jupyter notebook."""
        return display.html(self)


class Result:
    """The outcome of a job that is done.

    Args:
        event: the job's final event.
    """

    def __init__(self, event: Event) -> None:
        self.event = event
        self.process_job_id = event.process_job_id
        #: The answer in one sentence.
        self.summary = event.summary
        #: The function's answer, in its caller's terms.
        self.answer: JSON = event.answer or {}
        #: How often each outcome was measured, by register.
        self.counts = event.counts

    def __repr__(self) -> str:
        return f"Result(process_job_id={self.process_job_id!r}, summary={self.summary!r})"

    def _repr_html_(self) -> str:
        """Show the result in a Jupyter notebook."""
        return display.html(self.event)


class JobView:
    """What is known about a job without a request. `Job` and `AsyncJob` add the requests.

    Args:
        event: the job's newest event so far.
    """

    def __init__(self, event: Event) -> None:
        self.event = event

    @property
    def id(self) -> str:
        """The job's id."""
        return self.event.process_job_id

    @property
    def function(self) -> str:
        """The function's id."""
        return self.event.function

    @property
    def status(self) -> str:
        """The status in the newest event so far."""
        return self.event.status

    @property
    def done(self) -> bool:
        """Whether the job has ended, as far as is known."""
        return self.event.final

    def __repr__(self) -> str:
        return f"{type(self).__name__}(id={self.id!r}, function={self.function!r}, status={self.status!r})"

    def _repr_html_(self) -> str:
        """Show the job in a Jupyter notebook."""
        return display.html(self.event)
