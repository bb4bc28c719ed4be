"""The forms in which clients see jobs, in answers, on the WebSocket and in webhooks, and backends.

An event on a topic has more: the topic, which is as secret as the client's token, and what the parts
remember.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from core.protocol.events import (
    BackendInfo,
    BackendType,
    Circuit,
    ErrorInfo,
    Identifier,
    Instant,
    JobResult,
    Progress,
    ProviderJob,
    ResultEvent,
    Status,
)
from core.simulators import is_simulated


class PublicJob(BaseModel):
    """A job, as it stands after one of its events. All fields are always present."""

    process_job_id: Identifier = Field(description="The job's id, the same through all steps.")
    function: Identifier = Field(description="The function's id.")
    client_id: Identifier
    status: Status
    backend: Identifier
    backend_type: BackendType
    provider_jobs: list[ProviderJob] = Field(
        description="The provider's job of each step, the newest last: at most 100."
    )
    step: int = Field(description="The number of the newest step, from 0.")
    progress: Progress | None = Field(description="How far a hybrid algorithm is.")
    submitted_at: Instant = Field(description="When the newest step's job was submitted.")
    queue_length_at_submit: int | None = Field(description="The jobs before it when it was submitted.")
    queue_position: int | None = Field(description="The number of jobs before it.")
    estimated_completion_time: Instant | None
    finished_at: Instant | None
    params: dict[str, Any] = Field(description="The caller's input. Empty where there was no room for it.")
    circuit: Circuit | None = Field(
        description="The first circuit of the newest step's job. Null if the function does not tell."
    )
    result: JobResult | None
    result_url: str | None = Field(description="Where a result and an answer are that are too large.")
    answer: dict[str, Any] | None = Field(description="The result in the caller's terms.")
    error: ErrorInfo | None

    @classmethod
    def of(cls, event: ResultEvent) -> PublicJob:
        """Return the job of an event. It is not validated again.

        Args:
            event: the event.
        """
        return cls.model_construct(**{name: getattr(event, name) for name in cls.model_fields})


def encode_public(event: ResultEvent) -> bytes:
    """Return what clients see of an event, as UTF-8 JSON.

    Args:
        event: the event.
    """
    job = PublicJob.of(event)
    return job.__pydantic_serializer__.to_json(job)


class PublicBackend(BackendInfo):
    """One backend as the poller last saw it."""

    simulated: bool = Field(
        description="Whether a program computes its results: true for simulators, and for devices of the "
        "type `hardware` that are simulated (`fake_...`). False for a quantum processor."
    )

    @classmethod
    def of(cls, backend: BackendInfo) -> PublicBackend:
        """Return what clients see of a backend. It is not validated again.

        Args:
            backend: the backend.
        """
        simulated = backend.backend_type != "hardware" or is_simulated(backend.name)
        return cls.model_construct(**dict(backend), simulated=simulated)
