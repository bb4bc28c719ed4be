"""A participant of pooled jobs: its message and its place in Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.kafka.offsets import Partition
from core.protocol import JobEvent, PoolSubmission
from poller.pooling.circuits import native_pubs
from poller.state import Key


@dataclass(eq=False)
class Member:
    """A message of the topic `pool` that is not finished.

    Attributes:
        submission: the message.
        partition: its partition.
        offset: its offset.
        consumed_at: when it was consumed, in seconds since 1970.
        notified: whether its client knows that it waits.
        jobs_before: the number of pooled jobs that were known when the message was published.
        failures: the submissions with it that have failed, but not because of a circuit as far as is known.
        failed_at: when the first of them failed, in seconds since 1970.
        deferred: whether others at its backend are submitted first, since it may be the cause.
    """

    submission: PoolSubmission
    partition: Partition
    offset: int
    consumed_at: float
    notified: bool = False
    jobs_before: int = 0
    failures: int = 0
    failed_at: float = 0.0
    deferred: bool = False
    _pubs: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def event(self) -> JobEvent:
        """The job, without a provider's id."""
        return self.submission.event

    @property
    def size(self) -> int:
        """The bytes of its circuits."""
        return len(self.submission.circuits)

    @property
    def key(self) -> Key:
        """Identifies the job: the run's id and the step."""
        return self.event.process_job_id, self.event.step

    def pubs(self) -> list[tuple[Any, ...]]:
        """Return the PUBs for the primitive.

        Raises:
            EventError: they cannot be read.
        """
        if not self._pubs:
            self._pubs = native_pubs(self.submission)
        return self._pubs


def fractions_of(members: Sequence[Key], executions: Sequence[int]) -> dict[Key, float]:
    """Return each participant's part of the executions of a job; empty if they are not known."""
    if len(executions) != len(members):
        return {}
    total = sum(executions)
    return {member: own / total for member, own in zip(members, executions, strict=True)}


def sizes_of(members: Sequence[Member]) -> dict[Key, int]:
    """Return the number of PUBs of each participant, in their order."""
    return {member.key: len(member.submission.pubs) for member in members}
