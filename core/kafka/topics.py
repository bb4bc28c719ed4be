"""The names of the topics and what each is for."""

from __future__ import annotations

import re
import secrets
import time

#: Submitted jobs, from the actions to the pollers.
JOBS = "jobs"
#: Cancellation requests: the JobEvents of the jobs, from the gateways to the pollers.
CANCEL = "jobs.cancel"
#: Messages that no poller could read, each with the reason in its header `reason`, and records of what
#: operators did with them (`core/kafka/dead_letters.py`).
DEAD = "jobs.dead"
#: The circuits of pooled jobs, from the actions to the poller that submits them.
POOL = "pool"
#: What became of each pooled provider job, among the pollers.
POOLS = "pools"
#: The provider's backends, from the pollers to every gateway.
BACKENDS = "backends"

#: Between the gateways: when the first of them started, and which client's topic was created last. Compacted.
SESSIONS = "sessions"

#: Final events to be sent to their clients' addresses, from the pollers to the gateways.
WEBHOOKS = "webhooks"

#: Wait topics of webhooks, by their delay in seconds: an event waits there for its next attempt.
WEBHOOK_WAITS = {
    5.0: "webhooks.wait.5s",
    60.0: "webhooks.wait.1m",
    600.0: "webhooks.wait.10m",
    3_600.0: "webhooks.wait.1h",
}

#: Wait topics of jobs, by their delay in seconds. All messages of a topic have the same delay, so the head of
#: a partition is always due first and a consumer may pause at it.
WAITS = {5.0: "jobs.wait.5s", 30.0: "jobs.wait.30s", 120.0: "jobs.wait.2m", 600.0: "jobs.wait.10m"}


def partition(topic: str) -> int:
    """Return the partition to publish to.

    Args:
        topic: the topic's name.

    Returns:
        -1 where pollers or gateways share the partitions, so that the key decides; else 0. The other topics
        have one partition, or, if the broker created the topic automatically, only one that is read.
    """
    return -1 if topic in (JOBS, WEBHOOKS) or topic in WAITS.values() else 0


def shared(partitions: int) -> dict[str, int]:
    """Return the number of partitions of every topic that is not a client's.

    Args:
        partitions: the number for topics whose partitions several processes share.
    """
    many = (JOBS, WEBHOOKS, *WAITS.values())
    single = (CANCEL, DEAD, POOL, POOLS, BACKENDS, *WEBHOOK_WAITS.values())
    return dict.fromkeys(many, partitions) | dict.fromkeys(single, 1)


def retention(seconds: float) -> dict[str, str]:
    """Return the settings of topics whose messages are kept for a time.

    Kafka deletes whole segments. A new one begins after a quarter of the time, so a message is deleted at the
    latest after one and a quarter of it.

    Args:
        seconds: the time.
    """
    return {"retention.ms": str(int(seconds * 1000)), "segment.ms": str(int(seconds * 250))}


def new_results_topic(now: float | None = None) -> str:
    """Return a new name for a client's topic: its time of creation and 144 random bits.

    The time has 8 hexadecimal digits. The name is as hard to guess as a token.

    Args:
        now: the time in seconds since 1970; None for the system clock.
    """
    created = int(time.time() if now is None else now)
    return f"results.{created:08x}{secrets.token_urlsafe(18)}"


def made_at(topic: str) -> float | None:
    """Return when a client's topic was created, in seconds since 1970; None if it is not a client's topic."""
    match = re.fullmatch(r"results\.([0-9a-f]{8})[A-Za-z0-9_-]{24}", topic)
    return float(int(match[1], 16)) if match else None
