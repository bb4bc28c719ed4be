"""Which jobs wait at the broker."""

from __future__ import annotations

from poller.scheduling.call import Limits
from poller.scheduling.scheduler import Scheduler


def test_jobs_beyond_the_limit_are_requeued_and_every_client_keeps_its_share() -> None:
    scheduler: Scheduler[int] = Scheduler(Limits(jobs=50), 0.0)
    for number in range(1000):
        scheduler.add(number, "many", "aer_simulator", True, 0.0, None, 0.0)
    for number in range(1000, 1010):
        scheduler.add(number, "few", "aer_simulator", True, 0.0, None, 0.0)
    requeued = {key for key, _ in scheduler.to_requeue(0.0)}
    assert len(scheduler) - len(requeued) <= 50
    assert not requeued & set(range(1000, 1010))
