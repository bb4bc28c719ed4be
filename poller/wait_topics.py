"""Chooses the wait topic of an event. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.kafka.topics import WAITS
from poller.scheduling.delays import KEEP


@dataclass(frozen=True)
class WaitPlan:
    """A wait of `delay` seconds in the topic `topic`; in the process if `topic` is None."""

    delay: float
    topic: str | None = None


def choose_wait_topic(delay: float) -> WaitPlan:
    """Choose where an event waits.

    Args:
        delay: the seconds that it can wait.

    Returns:
        A wait of `delay` in the process if it is short; else the wait topic with the longest delay that is
        not longer than `delay`.
    """
    if delay <= KEEP:
        return WaitPlan(delay)
    topic_delay = max(seconds for seconds in WAITS if seconds <= delay)
    return WaitPlan(topic_delay, WAITS[topic_delay])
