"""What a delayed consumer keeps about a partition."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from core.kafka.messages import Message


@dataclass
class AssignedPartition:
    """The state of a partition from its assignment until it is revoked or lost."""

    #: Whether librdkafka has paused it; None if unknown.
    paused: bool | None = None
    #: Messages that are not due yet, each with the time at which it becomes due.
    held: deque[tuple[float, Message]] = field(default_factory=deque)
