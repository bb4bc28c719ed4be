"""A job event that the poller has consumed and not finished."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.kafka.offsets import Partition
from core.protocol import JobEvent
from core.provider import JobView
from poller.progress import LastNotified

#: Identifies a job: the run's id and the step.
Key = tuple[str, int]


@dataclass
class TrackedJob:
    """An event, its place in Kafka and the job's state. Times are in seconds since 1970."""

    event: JobEvent
    partition: Partition
    offset: int
    #: When it was consumed.
    taken: float
    #: Cancellation requests: when the next call is due.
    due: float
    #: Whether it is a cancellation request, not the job's own event.
    cancel: bool = False
    #: Cancellation requests: the next calls, each a kind and a job id.
    calls: list[tuple[str, str]] = field(default_factory=list)
    #: Whether a call for a cancellation request, or the publication of a failure, is in progress.
    busy: bool = False
    #: Whether its partition was assigned to another poller, which publishes all further events.
    revoked: bool = False
    #: Whether its event is being published to a wait topic, from which it is consumed as a new message.
    leaving: bool = False
    #: Failures of the job in a row.
    failures: int = 0
    #: The last progress event published; None if there was none.
    last_notified: LastNotified | None = None
    #: The provider's view of the job at the last look; None before the first.
    view: JobView | None = None

    @property
    def identity(self) -> tuple[Partition, int]:
        """Identifies the message: its partition and offset."""
        return self.partition, self.offset

    @property
    def key(self) -> Key:
        """Identifies the job: the same for all messages about it."""
        return self.event.process_job_id, self.event.step

    @property
    def simulator(self) -> bool:
        """Whether the job's completion cannot be estimated."""
        return self.event.backend_type != "hardware"
