"""The messages about pooled jobs: the circuits of a participant, and what became of a provider job.

An action publishes a `PoolSubmission` to the topic `pool`. A poller collects them, and submits the circuits
of several as one provider job. It publishes `PoolRecord`s to the topic `pools`: what a job is composed of
before it is submitted, and its id afterwards. Any poller publishes that the job has ended.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.protocol.events import (
    MAX_POOL_PUBS,
    POOLED_JOB,
    BackendType,
    Identifier,
    Instant,
    JobEvent,
)

#: The most distinct circuits and PUBs of one participant.
MAX_CIRCUITS = 1_000
#: The longest Pauli string, and the most terms of an observable.
MAX_PAULI, MAX_TERMS = 200, 10_000

FiniteNumber = Annotated[float, Field(allow_inf_nan=False)]
Values = list[FiniteNumber] | list[list[FiniteNumber]]


class PooledPub(BaseModel):
    """One PUB: a circuit, the values of its parameters, and for the Estimator an observable."""

    model_config = ConfigDict(extra="forbid")

    circuit: int = Field(ge=0, lt=MAX_CIRCUITS, description="The place of the circuit in `circuits`.")
    values: Values | None = None
    observable: list[tuple[Annotated[str, Field(max_length=MAX_PAULI)], FiniteNumber]] | None = Field(
        default=None, max_length=MAX_TERMS, description="Pauli strings on the device's qubits, with factors."
    )


class PoolGroup(BaseModel):
    """Participants of a pooled job that failed, which run together once more."""

    model_config = ConfigDict(extra="forbid")

    id: Identifier
    size: int = Field(ge=1, le=MAX_POOL_PUBS)
    generation: int = Field(ge=1, le=2)


class PoolSubmission(BaseModel):
    """The circuits of one client's job, transpiled for a backend, on the topic `pool`."""

    model_config = ConfigDict(extra="forbid")

    v: Literal[1] = 1
    event: JobEvent = Field(description="The job. Its `job_id` is a placeholder.")
    circuits: str = Field(description="The circuits: QPY in Base64.")
    pubs: list[PooledPub] = Field(min_length=1, max_length=MAX_CIRCUITS)
    primitive: Literal["sampler", "estimator"]
    shots: int = Field(ge=1)
    executions: int = Field(ge=1, description="Circuits after broadcasting, times shots.")
    instructions: int = Field(ge=0, description="Control instructions on the busiest qubit.")
    two_qubit_gates: int = Field(ge=0)
    seconds: float = Field(ge=0, allow_inf_nan=False, description="Expected quantum seconds.")
    group: PoolGroup | None = None

    @model_validator(mode="after")
    def _placeholder(self) -> Self:
        if self.event.job_id != POOLED_JOB:
            raise ValueError(f"event.job_id is not {POOLED_JOB!r}")
        return self

    @property
    def generation(self) -> int:
        """How many jobs with these circuits have failed as a whole."""
        return 0 if self.group is None else self.group.generation

    @property
    def pool(self) -> str:
        """Identifies what may run together: the backend, and the options that apply to a whole job."""
        event = self.event
        return f"{event.backend_type} {event.backend} {self.primitive} {self.shots}"


class PoolRecord(BaseModel):
    """What became of a provider job, on the one-partition topic `pools`."""

    model_config = ConfigDict(extra="forbid")

    v: Literal[1] = 1
    state: Literal["composed", "submitted", "given_up", "ended"] = Field(
        description="About to be submitted; has an id; was not submitted; is final or cancelled."
    )
    at: Instant
    tag: str | None = Field(default=None, max_length=64, description="The job's tag; null if `ended`.")
    job_id: Identifier | None = Field(default=None, description="The provider's id, if it is known.")
    backend_type: BackendType
    backend: Identifier
    generation: int = Field(default=0, ge=0, le=2)
    members: list[tuple[str, int, int]] = Field(
        default_factory=list,
        max_length=MAX_POOL_PUBS,
        description="Of each participant `process_job_id`, step and number of PUBs: if `composed`, all in "
        "their order; if `submitted`, those whose JobEvents were published.",
    )
    executions: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list,
        max_length=MAX_POOL_PUBS,
        exclude_if=lambda executions: not executions,
        description="If `composed`, the executions of each participant's circuits.",
    )
