"""The topics' names and what each is for."""

from __future__ import annotations

import re
import secrets
import time

#: Submitted jobs, from the actions to the pollers.
JOBS = "jobs"
#: The JobEvents of jobs whose clients want them cancelled, from the gateways to the pollers.
CANCEL = "jobs.cancel"
#: Messages that no poller could handle, each with the reason in its header `reason`.
DEAD = "jobs.dead"
#: The provider's backends, from the pollers to every gateway.
BACKENDS = "backends"

#: Final events that a gateway has to send to their clients' addresses, from the pollers to the gateways.
WEBHOOKS = "webhooks"

#: Topics on which such events wait to be sent again, by their delay in seconds.
WEBHOOK_WAITS = {
    5.0: "webhooks.wait.5s",
    60.0: "webhooks.wait.1m",
    600.0: "webhooks.wait.10m",
    3_600.0: "webhooks.wait.1h",
}

#: Wait topics by their delay in seconds. All messages of one have the same delay, so its head is always
#: due first and a consumer may simply pause at it.
WAITS = {5.0: "jobs.wait.5s", 30.0: "jobs.wait.30s", 120.0: "jobs.wait.2m", 600.0: "jobs.wait.10m"}


def partition(topic: str) -> int:
    """The partition to publish to: -1 lets the key decide, where pollers or gateways share the partitions.

    The other topics have one partition, or, where a broker made one by itself, only one that is read.
    """
    return -1 if topic in (JOBS, WEBHOOKS) or topic in WAITS.values() else 0


def shared(partitions: int) -> dict[str, int]:
    """Every shared topic with its number of partitions; those that processes share have `partitions`."""
    many, one = (JOBS, WEBHOOKS, *WAITS.values()), (CANCEL, DEAD, BACKENDS, *WEBHOOK_WAITS.values())
    return dict.fromkeys(many, partitions) | dict.fromkeys(one, 1)


def new_results_topic(now: float | None = None) -> str:
    """A topic for one client: when it was made (8 hexadecimal digits), and 144 random bits.

    Its name is as hard to guess as a token.
    """
    made = int(time.time() if now is None else now)
    return f"results.{made:08x}{secrets.token_urlsafe(18)}"


def made_at(topic: str) -> float | None:
    """When a client's topic was made, in seconds since 1970; None for a topic that is no client's."""
    found = re.fullmatch(r"results\.([0-9a-f]{8})[A-Za-z0-9_-]{24}", topic)
    return float(int(found[1], 16)) if found else None
