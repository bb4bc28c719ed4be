"""The calls of one method, and the lag of its deliveries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from testkit.percentile import percentile
from testkit.scheduling.world import World, WorldJob


@dataclass
class Tally:
    """The calls, and the lag of each job in seconds: from its completion to the delivery of its result."""

    name: str
    calls: int = 0
    lags: dict[int, float] = field(default_factory=dict)

    def deliver(self, job: WorldJob, now: float) -> None:
        """Record a delivery. Raises AssertionError if it is the second one or before the completion."""
        assert job.job_id not in self.lags, f"job {job.job_id} was delivered twice"
        assert now >= job.finished, f"job {job.job_id} was delivered before it was done"
        self.lags[job.job_id] = now - job.finished

    def check(self, world: World) -> None:
        """Raise AssertionError if a job was not delivered."""
        assert len(self.lags) == len(world.jobs), f"{self.name}: {len(self.lags)} of {len(world.jobs)}"

    @property
    def mean(self) -> float:
        """The mean lag in seconds."""
        return sum(self.lags.values()) / len(self.lags)

    @property
    def p99(self) -> float:
        """The lag that one job in a hundred exceeds."""
        return percentile(list(self.lags.values()), 0.99)

    def per_job(self) -> float:
        """Return the API calls per job."""
        return self.calls / len(self.lags)

    def fairness(self, world: World) -> float:
        """Return Jain's index of the mean lags: 1 if all are equal, 1 / clients if one client has all."""
        lags_of: dict[str, list[float]] = defaultdict(list)
        for job in world.jobs:
            lags_of[job.client].append(self.lags[job.job_id])
        means = [sum(lags) / len(lags) for lags in lags_of.values()]
        squares = len(means) * sum(mean**2 for mean in means)
        return sum(means) ** 2 / squares if squares else 1.0

    def worst(self, world: World) -> float:
        """Return the mean lag of the client with the longest."""
        lags_of: dict[str, list[float]] = defaultdict(list)
        for job in world.jobs:
            lags_of[job.client].append(self.lags[job.job_id])
        return max(sum(lags) / len(lags) for lags in lags_of.values())
