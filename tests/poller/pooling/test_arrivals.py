"""JobEvents of pooled jobs that cannot be tracked at once."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.errors import StreamError
from core.protocol import JobEvent, PoolShare, ResultEvent
from poller.account import Accounts
from poller.job_consumer import ConsumedEvent, JobConsumer
from poller.pooling.abandoned import AbandonedPools
from poller.pooling.arrivals import RETRY, PooledArrivals
from poller.tracker import JobTracker
from tests.poller.pooling.messages import submission

PARTITION = ("jobs", 3)


class World:
    """What arrivals ask and do. `failures` publications fail; `posted` has what the loop does next."""

    def __init__(self) -> None:
        self.now, self.failures = 1_000.0, 0
        self.cancelled, self.early = False, False
        self.finished: list[int] = []
        self.withdrawn: list[str] = []
        self.abandoned: list[str] = []
        self.posted: list[Callable[[], None]] = []
        tracker = SimpleNamespace(
            is_cancelled=lambda event: self.cancelled,
            is_early=lambda event: self.early,
            now=lambda: self.now,
        )
        worker = SimpleNamespace(run=self._run, delivery=SimpleNamespace(withdraw=self._publish))
        self.arrivals = PooledArrivals(
            cast(JobTracker, tracker),
            cast(Accounts, SimpleNamespace(of=lambda event: worker)),
            cast(JobConsumer, SimpleNamespace(finish=lambda partition, offset: self.finished.append(offset))),
            cast(AbandonedPools, SimpleNamespace(add=lambda event: self.abandoned.append(event.job_id))),
        )

    def _publish(self, event: JobEvent) -> object:
        if self.failures:
            self.failures -= 1
            return StreamError("The broker does not answer.")
        self.withdrawn.append(event.process_job_id)
        return None

    def _run(self, work: Callable[[], Any], then: Callable[[Any], None], title: str) -> None:
        outcome = work()
        final = outcome if isinstance(outcome, StreamError) else _final()
        self.posted.append(lambda: then(final))

    def loop(self) -> None:
        """Do what was posted."""
        while self.posted:
            self.posted.pop(0)()


def _final() -> Any:
    return ResultEvent.of(submission().event, "CANCELLED")


def message(offset: int = 7) -> ConsumedEvent:
    share = PoolShare(first=0, count=1, member=0, members=2, source=0)
    event = submission().event.model_copy(update={"job_id": "d1", "pool": share})
    return ConsumedEvent(PARTITION, offset, event, cancel=False)


@pytest.fixture
def world() -> World:
    return World()


def test_a_message_that_can_be_tracked_is_not_held(world: World) -> None:
    assert not world.arrivals.hold(message())
    assert world.arrivals.due(world.now) == []


def test_a_message_that_comes_too_early_is_looked_at_again(world: World) -> None:
    world.early = True
    early = message()
    assert world.arrivals.hold(early)
    assert world.arrivals.due(world.now) == [early]
    assert world.arrivals.due(world.now) == [], "it is held again only if it is still too early"


def test_a_withdrawn_participant_ends_and_its_message_is_finished(world: World) -> None:
    world.cancelled = True
    assert world.arrivals.hold(message())
    assert world.finished == []
    world.loop()
    assert (world.withdrawn, world.finished, world.abandoned) == (["run"], [7], ["d1"])


def test_a_final_event_that_was_not_published_is_published_again_after_a_pause(world: World) -> None:
    world.cancelled, world.failures = True, 1
    withdrawn = message()
    world.arrivals.hold(withdrawn)
    world.loop()
    assert world.finished == []
    assert world.arrivals.due(world.now + RETRY - 0.1) == []
    world.now += RETRY
    [again] = world.arrivals.due(world.now)
    assert again is withdrawn
    world.arrivals.hold(again)
    world.loop()
    assert world.finished == [7]


@pytest.mark.parametrize("failures", [0, 1])
def test_the_messages_of_a_revoked_partition_are_forgotten(world: World, failures: int) -> None:
    world.early = True
    world.arrivals.hold(message(5))
    world.cancelled, world.failures = True, failures
    world.arrivals.hold(message(6))
    world.arrivals.revoke(("jobs", 1))
    assert len(world.arrivals.due(world.now)) == 1, "those of another partition are kept"
    world.arrivals.revoke(PARTITION)
    world.loop()
    assert world.arrivals.due(world.now + 2 * RETRY) == []
    assert (world.finished, world.abandoned) == ([], [])
