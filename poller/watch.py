"""One job event that the poller has taken and not yet finished with."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.events import JobEvent
from poller.offsets import Partition
from poller.progress import Told


@dataclass
class Watch:
    """The event, where it came from, and what is known since."""

    event: JobEvent
    partition: Partition
    offset: int
    #: Monotonic seconds when it was taken, and when it is to be looked at.
    taken: float
    due: float
    #: True if it is not the job's own event but its client's wish to have it cancelled.
    cancel: bool = False
    busy: bool = False
    #: True while its event is on its way into a wait topic, from where it comes back as another watch.
    leaving: bool = False
    failures: int = 0
    told: Told | None = None
    seen_running: bool = field(default=False)

    @property
    def simulator(self) -> bool:
        """True where nobody estimates the job's completion."""
        return self.event.backend_type != "hardware"
