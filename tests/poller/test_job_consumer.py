"""Consuming: no message is lost, unreadable ones become dead letters, waiting ones pause their partition."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.kafka.topics import DEAD, JOBS, WAITS
from core.protocol import MAX_EVENT_BYTES
from poller.job_consumer import MAX_BATCH, WaitPlan, choose_wait_topic
from poller.scheduling.delays import KEEP
from tests.core.samples import wire
from tests.poller.fakes import (
    Consumer,
    Message,
    view,
)
from tests.poller.harness import WAIT, Rig, long_ago


@pytest.mark.parametrize("count", [1, MAX_BATCH - 1, MAX_BATCH, MAX_BATCH + 1, 2 * MAX_BATCH + 7])
@pytest.mark.parametrize("kind", ["jobs", "waiting"])
def test_every_consumed_message_is_in_progress(rig: Rig, kind: str, count: int) -> None:
    consumer, topic = (rig.consumer, JOBS) if kind == "jobs" else (rig.waiting, WAIT)
    rig.provider.views["d1abc"] = view("QUEUED")
    consumer.messages.extend(
        Message(topic, offset, wire(process_job_id=f"p{offset}"), long_ago()) for offset in range(count)
    )
    for _ in range(4):
        rig.poller.poll(time.time())
    assert not consumer.messages
    assert rig.poller.job_consumer.under_way() == count
    assert len(rig.poller.tracker) == count


def test_a_message_that_arrives_at_any_moment_of_an_iteration_is_kept(rig: Rig) -> None:
    """The broker delivers messages between one poll and the next, not only before an iteration."""
    for late in range(6):
        rig.waiting.messages.clear()
        start = rig.waiting.polls

        def poll(timeout: float, start: int = start, late: int = late) -> Message | None:
            if rig.waiting.polls - start == late:
                rig.waiting.messages.append(Message(WAIT, late, wire(process_job_id=f"p{late}"), long_ago()))
            return Consumer.poll(rig.waiting, timeout)

        rig.waiting.poll = poll  # type: ignore[method-assign]
        for _ in range(8):
            rig.poller.poll(time.time())
        assert not rig.waiting.messages
        assert rig.poller.job_consumer.under_way() == late + 1


def test_an_unreadable_message_becomes_a_dead_letter_with_the_reason(rig: Rig) -> None:
    rig.consumer.messages.append(Message(JOBS, 3, b'{"v":1,"job_id":"s3cret value"}'))
    rig.step_until(lambda: rig.publisher.sent != [])
    [(topic, key, value)] = rig.publisher.sent
    assert (topic, key, value) == (DEAD, "process-1", b'{"v":1,"job_id":"s3cret value"}')
    assert b"job_id: String should match" in rig.publisher.headers[0]["reason"]
    assert rig.publisher.headers[0]["topic"] == b"jobs"
    counted = rig.poller.metrics.text(dict).decode()
    assert 'qwhisk_poller_dead_letters_total{topic="jobs"} 1.0' in counted
    rig.close()
    assert rig.consumer.committed == {JOBS: 4}


def test_a_dead_letter_fits_into_a_message_with_its_reason(rig: Rig) -> None:
    """Kafka's client rejects one over 1,000,000 bytes with headers: its offset would never be committed."""
    rig.consumer.messages.append(Message(JOBS, 3, b"x" * 999_900))
    rig.step_until(lambda: rig.publisher.sent != [])
    [(topic, _, value)] = rig.publisher.sent
    assert (topic, value) == (DEAD, b"x" * MAX_EVENT_BYTES)


@pytest.mark.parametrize("ahead", [0.0, 1e9])
def test_a_head_that_is_not_due_pauses_its_partition(rig: Rig, ahead: float) -> None:
    """At most for the topic's delay, for any clock of the publisher."""
    rig.waiting.messages.append(Message(WAIT, 0, wire(), time.time() + ahead))
    rig.poller.poll(time.time())
    assert rig.waiting.paused == [WAIT]
    assert rig.poller.job_consumer.under_way() == 0
    rig.poller.job_consumer._waiting._clock = lambda: time.monotonic() + 5.1
    rig.poller.poll(time.time())
    assert rig.waiting.paused == []
    assert rig.poller.job_consumer.under_way() == 1


@given(st.floats(KEEP, 1e9, exclude_min=True))
def test_no_wait_is_longer_than_requested(seconds: float) -> None:
    plan = choose_wait_topic(seconds)
    assert plan.delay <= seconds
    assert WAITS[plan.delay] == plan.topic
    assert plan.delay == max(delay for delay in WAITS if delay <= seconds)


@pytest.mark.parametrize(
    ("seconds", "plan"),
    [
        (12.0, WaitPlan(5.0, "jobs.wait.5s")),
        (31.0, WaitPlan(30.0, "jobs.wait.30s")),
        (123.0, WaitPlan(120.0, "jobs.wait.2m")),
        (90_000.0, WaitPlan(600.0, "jobs.wait.10m")),
    ],
)
def test_where_an_event_waits(seconds: float, plan: WaitPlan) -> None:
    assert choose_wait_topic(seconds) == plan
