"""The topics' names and what each is for."""

from __future__ import annotations

import secrets

#: Submitted jobs, from the actions to the pollers.
JOBS = "jobs"
#: The JobEvents of jobs whose clients want them cancelled, from the gateways to the pollers.
CANCEL = "jobs.cancel"
#: Messages that no poller could handle, each with the reason in its header `reason`.
DEAD = "jobs.dead"
#: The provider's backends, from the pollers to every gateway.
BACKENDS = "backends"

#: Wait topics by their delay in seconds. All messages of one have the same delay, so its head is always
#: due first and a consumer may simply pause at it.
WAITS = {5.0: "jobs.wait.5s", 30.0: "jobs.wait.30s", 120.0: "jobs.wait.2m", 600.0: "jobs.wait.10m"}


def partition(topic: str) -> int:
    """The partition to publish to: -1 lets the key decide, where pollers share the partitions.

    The other topics have one partition, or, where a broker made one by itself, only one that is read.
    """
    return -1 if topic == JOBS or topic in WAITS.values() else 0


def shared(partitions: int) -> dict[str, int]:
    """Every shared topic with its number of partitions; those that pollers share have `partitions`."""
    return {JOBS: partitions, CANCEL: 1, DEAD: 1, BACKENDS: 1} | dict.fromkeys(WAITS.values(), partitions)


def new_results_topic() -> str:
    """A topic for one client; its name is as hard to guess as a token (144 random bits)."""
    return f"results.{secrets.token_urlsafe(18)}"
