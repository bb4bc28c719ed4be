"""JobEvents of pooled jobs in the poller's loop."""

from __future__ import annotations

import time

import pytest

from core.kafka.topics import JOBS, POOL
from core.protocol import PoolShare, encode
from poller.job_consumer import ConsumedEvent
from poller.pooling.policy import PoolLimits
from tests.core.samples import job
from tests.poller.fakes import Message
from tests.poller.harness import Rig
from tests.poller.pooling.messages import submission


def event(job_id: str, generation: int) -> bytes:
    share = PoolShare(first=0, count=1, member=0, members=2, generation=generation, source=0)
    return encode(job(job_id=job_id).model_copy(update={"pool": share}))


def test_a_message_that_is_held_is_not_tracked_after_its_partition_was_revoked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.consume(Message(JOBS, 0, event("first", 0)), Message(JOBS, 1, event("second", 1)))
    assert [tracked.event.job_id for tracked in rig.poller.tracker] == ["first"], "the second one is early"

    def poll(timeout: float) -> list[ConsumedEvent]:
        rig.poller._revoked((JOBS, 0))
        return []

    monkeypatch.setattr(rig.poller.job_consumer, "poll", poll)
    rig.poller.poll(rig.poller._now())
    assert list(rig.poller.tracker) == []


def test_the_next_generation_is_tracked_once_the_one_before_has_ended(rig: Rig) -> None:
    rig.consume(Message(JOBS, 0, event("first", 0)), Message(JOBS, 1, event("second", 1)))
    [first] = rig.poller.tracker
    rig.poller.tracker.finish(first)
    rig.consume()
    assert [tracked.event.job_id for tracked in rig.poller.tracker] == ["second"]


def test_a_full_pool_pauses_its_own_topic_and_no_other(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    regulated: list[tuple[bool, bool]] = []
    monkeypatch.setattr(
        rig.poller.job_consumer, "regulate", lambda full, pool_full: regulated.append((full, pool_full))
    )
    rig.poller.step(time.monotonic())
    rig.consume(*(Message(POOL, number, encode(submission(f"run{number}"))) for number in range(2)))
    assert rig.poller.pooler is not None
    monkeypatch.setattr(rig.poller.pooler, "_limits", PoolLimits(waiting=2))
    rig.poller.step(time.monotonic())
    assert regulated == [(False, False), (False, True)]
