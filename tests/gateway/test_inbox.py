"""The inbox: one client's events in order, each job with one end, and no wait without end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.protocol import encode
from gateway.inbox import inbox as module
from gateway.inbox.erasures import ERASED_BYTES, erasure_notice
from gateway.inbox.inbox import ENTRY_BYTES, Inbox
from testkit.growth import REPEATS, excess
from tests.core.samples import TOPIC, result_event


def event(status: str, job: str = "process-1", **changes: Any) -> bytes:
    return encode(result_event(status=status, process_job_id=job, **changes))


def on_event(*messages: bytes) -> Inbox:
    inbox = Inbox(TOPIC, 0)
    for offset, data in enumerate(messages):
        inbox.append(offset, data)
    return inbox


def shown(inbox: Inbox, last: int = -1) -> list[tuple[int, str]]:
    return [(entry.id, entry.event.status) for entry in inbox.after(last, 0)]


def run(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Call `work` in a thread; its result is put into the list."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), daemon=True)
    thread.start()
    return thread, results


def waiting(inbox: Inbox, count: int = 1) -> None:
    """Return once this many threads wait, after at most ten seconds."""
    end = time.monotonic() + 10
    while True:
        with inbox._changed:
            if inbox._waiting >= count:
                return
        assert time.monotonic() < end, "no thread waits"


def test_events_are_shown_in_order_with_their_offsets() -> None:
    first, second = event("QUEUED"), event("DONE")
    inbox = on_event(first, second)
    entries = inbox.after(-1, 0)
    assert [entry.id for entry in entries] == [0, 1]
    assert [json.loads(entry.json)["status"] for entry in entries] == ["QUEUED", "DONE"]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["QUEUED", "RUNNING", "DONE"], [(0, "QUEUED"), (1, "RUNNING"), (2, "DONE")]),
        # A poller that crashed after publishing: its successor publishes the final event again.
        (["QUEUED", "DONE", "DONE"], [(0, "QUEUED"), (1, "DONE")]),
        (["DONE", "ERROR", "CANCELLED"], [(0, "DONE")]),
        # The gateway's own event arrives after the poller's.
        (["RUNNING", "QUEUED", "DONE"], [(0, "RUNNING"), (2, "DONE")]),
        (["DONE", "QUEUED", "RUNNING"], [(0, "DONE")]),
        (["QUEUED", "QUEUED"], [(0, "QUEUED"), (1, "QUEUED")]),
        (["POOLED", "QUEUED", "RUNNING"], [(0, "POOLED"), (1, "QUEUED"), (2, "RUNNING")]),
        (["QUEUED", "POOLED", "RUNNING"], [(0, "QUEUED"), (2, "RUNNING")]),
        (["RUNNING", "POOLED", "DONE"], [(0, "RUNNING"), (2, "DONE")]),
        (["RUNNING", "RUNNING"], [(0, "RUNNING"), (1, "RUNNING")]),
    ],
)
def test_the_events_shown_of_one_job(statuses: list[str], expected: list[tuple[int, str]]) -> None:
    assert shown(on_event(*(event(status) for status in statuses))) == expected


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from(["QUEUED", "RUNNING", "DONE", "ERROR", "CANCELLED"])
        ),
        max_size=20,
    )
)
def test_every_job_has_at_most_one_end_and_nothing_after_it(history: list[tuple[str, str]]) -> None:
    inbox = on_event(*(event(status, job) for job, status in history))
    entries = inbox.after(-1, 0)
    for job in {job for job, _ in history}:
        mine = [entry for entry in entries if entry.event.process_job_id == job]
        ends = [entry.event.final for entry in mine]
        assert sum(ends) == any(
            status in ("DONE", "ERROR", "CANCELLED") for name, status in history if name == job
        )
        assert not any(ends[:-1])
        assert inbox.job(job) is mine[-1]
    assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)


def test_jobs_do_not_hide_one_another() -> None:
    inbox = on_event(event("DONE", "a"), event("QUEUED", "b"), event("DONE", "b"))
    assert shown(inbox) == [(0, "DONE"), (1, "QUEUED"), (2, "DONE")]


def test_an_end_is_shown_although_it_names_an_earlier_step() -> None:
    """A client that cancels a loop names the step at the time of the request."""
    inbox = on_event(event("RUNNING", step=3), event("CANCELLED", step=1), event("RUNNING", step=4))
    assert shown(inbox) == [(0, "RUNNING"), (1, "CANCELLED")]


def test_a_later_step_starts_again_and_an_earlier_one_is_over() -> None:
    inbox = on_event(
        event("RUNNING", step=0), event("QUEUED", step=1), event("RUNNING", step=1), event("RUNNING", step=0)
    )
    assert shown(inbox)[-1] == (2, "RUNNING")
    assert (0, "RUNNING") in shown(inbox)


@pytest.mark.parametrize("garbage", [None, b"", b"{", b"[]", b'{"status":"DONE"}', b"\xff" * 100])
def test_garbage_is_skipped_and_the_position_moves_on(garbage: bytes | None) -> None:
    inbox = Inbox(TOPIC, 2)
    inbox.append(0, garbage)
    assert not inbox.caught_up(0)
    inbox.append(1, garbage)
    assert inbox.caught_up(0)
    assert shown(inbox) == []
    inbox.append(2, event("DONE"))
    assert shown(inbox) == [(2, "DONE")]


def test_a_client_resumes_where_it_was() -> None:
    inbox = on_event(event("QUEUED", "a"), event("QUEUED", "b"), event("DONE", "a"))
    assert shown(inbox, last=0) == [(1, "QUEUED"), (2, "DONE")]
    assert shown(inbox, last=2) == []
    assert shown(inbox, last=10**9) == []
    assert len(shown(inbox, last=-5)) == 3


def test_after_returns_as_soon_as_there_is_an_event() -> None:
    inbox = on_event(event("QUEUED"))
    thread, results = run(lambda: inbox.after(0, 10))
    waiting(inbox)
    inbox.append(1, event("DONE"))
    thread.join(5)
    assert [entry.id for entry in results[0]] == [1]


def test_an_event_that_is_not_shown_wakes_no_thread() -> None:
    inbox = on_event(event("DONE"))
    thread, results = run(lambda: inbox.after(0, 10))
    waiting(inbox)
    inbox.append(1, event("DONE"))
    inbox.append(2, event("QUEUED", "other"))
    thread.join(5)
    assert [entry.id for entry in results[0]] == [2]


def test_final_waits_for_the_end_of_its_own_job() -> None:
    inbox = on_event(event("QUEUED", "a"))
    thread, results = run(lambda: inbox.final("a", 10))
    waiting(inbox)
    inbox.append(1, event("DONE", "b"))
    inbox.append(2, event("RUNNING", "a"))
    assert results == []
    inbox.append(3, event("ERROR", "a"))
    thread.join(5)
    assert results[0].id == 3


def test_final_returns_the_newest_event_if_the_end_does_not_arrive() -> None:
    inbox = on_event(event("QUEUED"), event("RUNNING"))
    newest = inbox.final("process-1", 0.01)
    assert newest is not None
    assert newest.event.status == "RUNNING"
    assert inbox.final("unknown", 0.01) is None


def test_a_job_may_still_be_on_its_way() -> None:
    inbox = Inbox(TOPIC, 0)
    assert inbox.appearing("process-1", 0.01) is None
    thread, results = run(lambda: inbox.appearing("process-1", 10))
    waiting(inbox)
    inbox.append(0, event("QUEUED"))
    thread.join(5)
    assert results[0].id == 0


def test_closing_wakes_all_threads() -> None:
    inbox = Inbox(TOPIC, 5)
    calls: list[Callable[[], Any]] = [
        lambda: inbox.after(-1, 30),
        lambda: inbox.final("x", 30),
        lambda: inbox.appearing("x", 30),
        lambda: inbox.caught_up(30),
    ]
    threads = [run(call) for call in calls]
    waiting(inbox, len(threads))
    started = time.monotonic()
    inbox.close()
    for thread, _ in threads:
        thread.join(5)
    assert time.monotonic() - started < 5
    assert [results[0] for _, results in threads[:3]] == [[], None, None]
    assert inbox.closed


def test_earlier_events_are_read_before_any_answer() -> None:
    inbox = Inbox(TOPIC, 2)
    thread, results = run(lambda: inbox.caught_up(10))
    waiting(inbox)
    inbox.append(0, event("QUEUED"))
    assert results == []
    inbox.append(1, event("DONE"))
    thread.join(5)
    assert results == [True]
    assert Inbox(TOPIC, 0).caught_up(0)


def test_jobs_are_listed_the_newest_first() -> None:
    times = {"a": "2026-05-01T12:00:00Z", "b": "2026-05-01T12:02:00Z", "c": "2026-05-01T12:01:00Z"}
    inbox = on_event(
        *(event("QUEUED", job, submitted_at=at) for job, at in times.items()), event("DONE", "a")
    )
    assert [entry.event.process_job_id for entry in inbox.latest()] == ["b", "c", "a"]
    assert inbox.latest()[-1].event.status == "DONE"


def test_it_is_bounded_and_the_oldest_events_are_removed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EVENTS", 3)
    inbox = on_event(*(event("DONE", f"job-{number}") for number in range(10)), event("QUEUED", "last"))
    assert [number for number, _ in shown(inbox)] == [8, 9, 10]
    assert {entry.event.process_job_id for entry in inbox.latest()} == {"job-8", "job-9", "last"}
    # The remaining events of a job whose first events were removed are still its newest.
    inbox.append(11, event("RUNNING", "last"))
    inbox.append(12, event("RUNNING", "last", queue_position=0))
    inbox.append(13, event("DONE", "last"))
    newest = inbox.job("last")
    assert newest is not None
    assert newest.event.status == "DONE"


def test_a_waiting_request_keeps_it_in_use() -> None:
    inbox = Inbox(TOPIC, 1)
    thread, _ = run(lambda: inbox.after(-1, 10))
    waiting(inbox)
    inbox._used = time.monotonic() - 3600
    assert inbox.idle() == 0.0
    inbox.append(0, event("DONE"))
    thread.join(5)
    assert inbox.idle() < 60
    inbox._used = time.monotonic() - 3600
    assert inbox.idle() >= 3600
    inbox.touch()
    assert inbox.idle() < 60


def test_a_position_in_the_queue_is_not_overwritten_by_a_late_queued() -> None:
    inbox = on_event(event("QUEUED", queue_position=3), event("QUEUED"), event("QUEUED", queue_position=2))
    assert shown(inbox) == [(0, "QUEUED"), (2, "QUEUED")]


def test_circuits_that_are_in_the_pool_again_are_shown_there() -> None:
    waiting, queued = event("POOLED", queue_position=3), event("QUEUED")
    assert shown(on_event(waiting, event("POOLED"), queued)) == [(0, "POOLED"), (2, "QUEUED")]
    again = event("POOLED", attempt=1)
    assert shown(on_event(queued, event("RUNNING"), again, queued)) == [
        (0, "QUEUED"),
        (1, "RUNNING"),
        (2, "POOLED"),
        (3, "QUEUED"),
    ]


def test_the_bytes_of_an_inbox_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(event("DONE", "job-0"))
    monkeypatch.setattr("gateway.inbox.inbox.MAX_BYTES", 3 * (size + ENTRY_BYTES))
    inbox = on_event(*(event("DONE", f"job-{number}") for number in range(6)))
    assert shown(inbox) == [(3, "DONE"), (4, "DONE"), (5, "DONE")]
    assert inbox.job("job-0") is None


def test_the_events_of_an_erased_job_are_removed_and_later_ones_not_shown() -> None:
    inbox = on_event(
        event("QUEUED"), event("QUEUED", "other"), event("DONE"), erasure_notice("process-1"), event("DONE")
    )
    assert shown(inbox) == [(1, "QUEUED")]
    assert inbox.job("process-1") is None
    assert [entry.event.process_job_id for entry in inbox.latest()] == ["other"]
    assert (inbox.is_erased("process-1"), inbox.is_erased("other")) == (True, False)
    assert inbox.position == 5
    inbox.append(5, event("DONE", "other"))
    assert shown(inbox) == [(1, "QUEUED"), (5, "DONE")]


def test_an_erasure_frees_the_memory_of_the_events() -> None:
    inbox = on_event(*(event("RUNNING") for _ in range(50)))
    before = inbox.bytes
    inbox.append(50, erasure_notice("process-1"))
    assert (before > 50 * ENTRY_BYTES, inbox.bytes) == (True, ERASED_BYTES)


def test_the_cost_of_erasures_grows_in_proportion() -> None:
    """A gateway that opens an inbox reads all of them, in the thread that reads for all clients."""

    end = event("DONE")

    def erased(count: int) -> Callable[[], object]:
        # The newest first, so that none is at the beginning of the list.
        jobs = [f"job-{number}" for number in range(count)]
        ends = [end.replace(b"process-1", job.encode()) for job in jobs]
        inboxes = [on_event(*ends) for _ in range(REPEATS)]
        notices = [erasure_notice(job) for job in reversed(jobs)]

        def work() -> None:
            inbox = inboxes.pop()
            for offset, notice in enumerate(notices, count):
                inbox.append(offset, notice)
            assert inbox.latest() == []

        return work

    assert excess(erased, 600) is None


@given(st.data())
def test_erasures_leave_exactly_the_events_of_the_other_jobs(data: st.DataObject) -> None:
    inbox, erased = Inbox(TOPIC, 0), set()
    jobs = st.sampled_from("abcd")
    for offset in range(data.draw(st.integers(1, 30))):
        job, what = (
            data.draw(jobs),
            data.draw(st.sampled_from(["QUEUED", "RUNNING", "DONE", "erase", "reduce"])),
        )
        if what == "reduce":
            inbox.reduce(data.draw(st.integers(0, 40_000)))
        elif what == "erase":
            inbox.append(offset, erasure_notice(job))
            erased.add(job)
        else:
            inbox.append(offset, event(what, job))
        entries = inbox.since(-1)
        assert erased.isdisjoint(entry.event.process_job_id for entry in entries)
        newest = {entry.event.process_job_id: entry for entry in entries}
        assert {entry.event.process_job_id: entry for entry in inbox.latest()} == newest
        assert inbox.bytes == sum(entry.bytes for entry in entries) + len(erased) * ERASED_BYTES


def test_no_more_erased_jobs_are_remembered_than_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.inbox.erasures.MAX_ERASED", 10)
    inbox = on_event(*(erasure_notice(f"job-{number}") for number in range(30)))
    assert inbox.bytes == 10 * ERASED_BYTES
    assert [inbox.is_erased(f"job-{number}") for number in (0, 19, 20, 29)] == [False, False, True, True]


@pytest.mark.parametrize(
    "message",
    [b"", b"{}", b'{"erased":', b'{"erased":1}', b'{"erased":"a b"}', b'{"erased":"process-1","more":1}'],
)
def test_what_is_no_erasure_erases_nothing(message: bytes) -> None:
    assert shown(on_event(event("DONE"), message)) == [(0, "DONE")]


def test_a_thread_that_waits_for_an_erasure_is_woken() -> None:
    inbox = on_event(event("DONE"))
    thread, results = run(lambda: inbox.erasing("process-1", 30))
    waiting(inbox)
    inbox.append(1, erasure_notice("process-1"))
    thread.join(10)
    assert results == [True]
    assert not inbox.erasing("other", 0)
