"""In which wait topic an event waits. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.kafka.topics import WAITS
from poller.scheduling.delays import KEEP


@dataclass(frozen=True)
class WaitPlan:
    """A wait of `delay` seconds: in this wait topic, or in the process if `topic` is None."""

    delay: float
    topic: str | None = None


def choose_wait_topic(delay: float) -> WaitPlan:
    """A short wait stays in the process; a longer one goes to the topic with the longest delay within it."""
    if delay <= KEEP:
        return WaitPlan(delay)
    topic_delay = max(seconds for seconds in WAITS if seconds <= delay)
    return WaitPlan(topic_delay, WAITS[topic_delay])
