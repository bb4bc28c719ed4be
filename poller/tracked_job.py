"""One job event that the poller has taken and not yet finished with."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events import JobEvent
from core.kafka.offsets import Partition
from core.provider import JobView
from poller.progress import LastNotified

#: What tells one job from another: a run's id and the step.
Key = tuple[str, int]


@dataclass
class TrackedJob:
    """The event, where it came from, and what is known since. Instants are in seconds since 1970."""

    event: JobEvent
    partition: Partition
    offset: int
    #: When it was taken, and, for a wish to cancel, when it is to be looked at.
    taken: float
    due: float
    #: True if it is not the job's own event but its client's wish to have it cancelled.
    cancel: bool = False
    #: Of a wish: the calls that come next, each a kind and the job that it is about.
    calls: list[tuple[str, str]] = field(default_factory=list)
    busy: bool = False
    #: True once its partition is another poller's: the news are that one's to tell, whatever is under way.
    revoked: bool = False
    #: True while its event is on its way into a wait topic, from where it comes back as another watch.
    leaving: bool = False
    failures: int = 0
    last_notified: LastNotified | None = None
    #: How it stood at the last look.
    view: JobView | None = None

    @property
    def identity(self) -> tuple[Partition, int]:
        """What tells one message from another."""
        return self.partition, self.offset

    @property
    def key(self) -> Key:
        """The same for all messages about one job."""
        return self.event.process_job_id, self.event.step

    @property
    def simulator(self) -> bool:
        """True where nobody estimates the job's completion."""
        return self.event.backend_type != "hardware"
