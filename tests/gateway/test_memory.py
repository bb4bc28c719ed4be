"""All inboxes of a process together stay within bounds."""

from __future__ import annotations

import tracemalloc

import pytest

from core.protocol import encode
from gateway.inbox.inbox import MAX_EVENTS, Inbox
from gateway.inbox.memory import BusyError, Memory
from tests.core.samples import result_event


def event(job: str, status: str = "DONE", size: int = 0) -> bytes:
    return encode(result_event(status=status, process_job_id=job, params={"values": [1] * size}))


def test_many_large_inboxes_stay_within_the_limit_and_small_ones_are_kept() -> None:
    memory = Memory(4_000_000)
    small = Inbox("small", memory=memory)
    small.append(0, event("mine"))
    inboxes = [Inbox(f"large-{number}", memory=memory) for number in range(10)]
    for number in range(40):
        for inbox in inboxes:
            inbox.append(number, event(f"job-{number}", size=20_000))
            assert memory.total <= 4_000_000
    assert memory.total == sum(inbox.bytes for inbox in (small, *inboxes))
    assert small.job("mine") is not None
    for inbox in inboxes:
        assert inbox.job("job-39") is not None, "the newest is kept"
    for inbox in (small, *inboxes):
        inbox.close()
    assert memory.total == 0


def test_no_inbox_is_opened_near_the_limit() -> None:
    memory = Memory(100_000)
    memory.require()
    inbox = Inbox("large", memory=memory)
    inbox.append(0, event("job", size=60_000))
    with pytest.raises(BusyError, match="Try again later"):
        memory.require()
    inbox.close()
    memory.require()


def test_replaced_events_are_removed_before_jobs() -> None:
    inbox = Inbox("topic")
    for number in range(10):
        inbox.append(3 * number, event(f"job-{number}", "QUEUED", 1_000))
        inbox.append(3 * number + 1, event(f"job-{number}", "RUNNING", 1_000))
        inbox.append(3 * number + 2, event(f"job-{number}", "DONE", 1_000))
    inbox.reduce(inbox.bytes // 2)
    assert [entry.event.process_job_id for entry in inbox.since(-1)] == [f"job-{n}" for n in range(10)]
    inbox.reduce(1)
    assert [entry.event.process_job_id for entry in inbox.since(-1)] == ["job-9"]


def test_the_bytes_of_an_inbox_are_those_that_it_takes() -> None:
    """The input is not kept a second time, as objects that take several times its JSON."""
    tracemalloc.start()
    try:
        inbox, before = Inbox("topic"), tracemalloc.get_traced_memory()[0]
        for number in range(50):
            inbox.append(number, event(f"job-{number}", size=9_000))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert taken < 1.2 * inbox.bytes
    assert MAX_EVENTS > 50
