"""What a way of looking cost and gave."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from benchmarks.poller.world import World, WorldJob
from benchmarks.table import percentile


@dataclass
class Tally:
    """Calls, and each job's delivery lag in seconds: from its completion to its result with the client."""

    name: str
    calls: int = 0
    lags: dict[int, float] = field(default_factory=dict)

    def deliver(self, job: WorldJob, now: float) -> None:
        """The job's result is with its client; AssertionError if that was before, or too soon."""
        assert job.job_id not in self.lags, f"job {job.job_id} was delivered twice"
        assert now >= job.finished, f"job {job.job_id} was delivered before it was done"
        self.lags[job.job_id] = now - job.finished

    def check(self, world: World) -> None:
        """AssertionError if a job was not delivered."""
        assert len(self.lags) == len(world.jobs), f"{self.name}: {len(self.lags)} of {len(world.jobs)}"

    @property
    def mean(self) -> float:
        """Mean lag in seconds."""
        return sum(self.lags.values()) / len(self.lags)

    @property
    def p99(self) -> float:
        """The lag that one job in a hundred exceeds."""
        return percentile(list(self.lags.values()), 0.99)

    def per_job(self) -> float:
        """API calls for each job."""
        return self.calls / len(self.lags)

    def fairness(self, world: World) -> float:
        """Jain's index of the clients' mean lags: 1 where all are the same, 1 / clients where one has all."""
        own: dict[str, list[float]] = defaultdict(list)
        for job in world.jobs:
            own[job.client].append(self.lags[job.job_id])
        means = [sum(lags) / len(lags) for lags in own.values()]
        squares = len(means) * sum(mean**2 for mean in means)
        return sum(means) ** 2 / squares if squares else 1.0

    def worst(self, world: World) -> float:
        """Mean lag of the client for whom it is longest."""
        own: dict[str, list[float]] = defaultdict(list)
        for job in world.jobs:
            own[job.client].append(self.lags[job.job_id])
        return max(sum(lags) / len(lags) for lags in own.values())
