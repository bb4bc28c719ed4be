"""Tracking: each step once, requeued events, and what may be committed."""

from __future__ import annotations

import time

import pytest

from core import tracing
from core.errors import StreamError
from core.kafka.topics import CANCEL, JOBS
from core.protocol import MAX_EVENT_BYTES, JobEvent, ResultEvent, decode
from poller.scheduling.job import IllegalTransitionError
from poller.state import TRANSITIONS, Stage
from tests.core.samples import job, wire
from tests.poller.fakes import Message, view
from tests.poller.harness import WAIT, Rig, long_ago


def test_an_event_that_can_wait_is_requeued_and_committed(rig: Rig) -> None:
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller.poll(time.time())
    tracked = rig.job()
    rig.poller.tracker.requeue(tracked, 30.0)
    [(topic, key, value)] = rig.requeued()
    assert (topic, key) == ("jobs.wait.30s", "process-1")
    event = decode(JobEvent, value)
    assert event.estimated_completion_time is not None
    assert event.model_copy(update={"estimated_completion_time": None}) == job(attempt=1)
    rig.poller.callbacks.run_pending()
    rig.close()
    assert rig.consumer.committed == {JOBS: 1}


def test_the_trace_goes_through_a_wait_topic(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    header = f"00-{'4bf92f35' * 4}-00f067aa0ba902b7-01"
    spans: list[tracing.Span] = []
    monkeypatch.setattr(Message, "headers", lambda _: [("traceparent", header.encode())])
    tracing.record_with(spans.append)
    try:
        rig.consumer.messages.append(Message(JOBS, 0, wire()))
        rig.poller.poll(time.time())
        rig.poller.tracker.requeue(rig.job(), 30.0)
        rig.poller.callbacks.run_pending()
    finally:
        tracing.record_with(None)
    # A thread may publish the job's progress meanwhile.
    named = {span.name: span for span in spans}
    received, published = named["receive jobs"], named["publish jobs.wait.30s"]
    assert received.parent_id == "00f067aa0ba902b7"
    assert published.parent_id == received.context.span_id
    # What the next poller reads.
    assert published.context.header.encode() in [sent.get("traceparent") for sent in rig.publisher.headers]


def test_an_event_that_cannot_be_requeued_stays_here(rig: Rig) -> None:
    """With its estimate it is a little longer than before, and may no longer fit."""
    room = MAX_EVENT_BYTES - len(wire(params={"x": ""})) - 150
    event = job(params={"x": "a" * room})
    rig.consumer.messages.append(Message(JOBS, 0, wire(params={"x": "a" * room})))
    rig.poller.poll(time.time())
    tracked = rig.job()
    tracked.event = event.model_copy(update={"params": {"x": "a" * (room + 300)}})
    rig.poller.tracker.requeue(tracked, 30.0)
    assert rig.requeued() == []
    assert tracked.stage is Stage.SCHEDULED
    assert next(iter(rig.poller.accounts)).scheduler.job(tracked.key) is not None


def test_a_requeue_that_fails_is_not_repeated_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publisher whose queue is full fails at once. Until the broker answers, the event stays here."""
    rig.consumer.messages.append(Message(JOBS, 0, wire()))
    rig.poller.poll(time.time())
    tracked, tracker, now = rig.job(), rig.poller.tracker, time.time()
    monkeypatch.setattr(tracker, "now", lambda: now)
    rig.publisher.error = StreamError("the queue is full")
    for _ in range(3):
        tracker.requeue(tracked, 30.0)
        rig.poller.callbacks.run_pending()
        assert tracked.stage is Stage.SCHEDULED
    assert rig.metrics().count(b'requeued_total{topic="jobs.wait.30s"} 1.0') == 1
    rig.publisher.error = None
    now += 10.0
    tracker.requeue(tracked, 30.0)
    assert len(rig.requeued()) == 1


def test_a_step_that_is_announced_twice_is_tracked_once_and_both_are_committed(rig: Rig) -> None:
    rig.provider.views["d1abc"] = view("CANCELLED")
    rig.consume(Message(JOBS, 0, wire()), Message(JOBS, 1, wire()))
    assert len(rig.poller.tracker) == 1
    rig.step_until(lambda: len(rig.poller.tracker) == 0)
    rig.consume(Message(JOBS, 2, wire()))
    assert len(rig.poller.tracker) == 0
    rig.close()
    assert rig.consumer.committed == {JOBS: 3}
    assert len(rig.finals()) == 1


def test_a_delivered_step_is_past_before_its_successor_is_consumed(rig: Rig) -> None:
    """As after a crash, if the step itself and the second announcement of its job are both on their way."""
    rig.consume(Message(JOBS, 0, wire(step=3)))
    tracked = rig.job()
    published = ResultEvent(**tracked.event.model_dump() | {"step": 4}, status="RUNNING")
    rig.poller.completion.delivered(tracked, published)
    rig.consume(Message(JOBS, 1, wire(step=3)))
    assert len(rig.poller.tracker) == 0


def test_a_step_whose_successor_is_announced_is_past(rig: Rig) -> None:
    """As after a crash between the function's reply and the commit."""
    rig.consume(Message(JOBS, 0, wire(step=4, job_id="d4")), Message(JOBS, 1, wire(step=3, job_id="d3")))
    assert [tracked.event.step for tracked in rig.poller.tracker] == [4]


def test_an_event_from_a_wait_topic_is_no_duplicate_of_the_requeued_one(rig: Rig) -> None:
    """Its acknowledgement may be late: then the new message is the only copy of the event."""
    rig.consume(Message(JOBS, 0, wire()))
    tracked = rig.job()
    rig.poller.tracker.move(tracked, Stage.REQUEUEING)
    rig.waiting.messages.append(Message(WAIT, 0, wire(attempt=1), long_ago()))
    rig.poller.poll(time.time())
    assert len(rig.poller.tracker) == 2
    rig.poller.tracker.finish(tracked)
    assert [left.event.attempt for left in rig.poller.tracker] == [1]
    rig.consume(Message(JOBS, 1, wire()))
    assert len(rig.poller.tracker) == 1, "the new message must be tracked"


def test_of_two_jobs_announced_for_one_step_the_first_counts(rig: Rig) -> None:
    rig.provider.views = {"d1abc": view("QUEUED"), "twin": view("QUEUED", job_id="twin")}
    rig.consume(Message(JOBS, 0, wire()))
    rig.consume(Message(JOBS, 1, wire(job_id="twin")), Message(JOBS, 2, wire()))
    rig.step_until(lambda: rig.provider.tagged_anew == [("twin", [])])
    assert rig.provider.cancelled == ["twin"]
    rig.step_until(lambda: len(rig.poller.tracker) == 1)
    tracked = rig.job()
    assert tracked.event.job_id == "d1abc"


def test_a_job_whose_message_is_delivered_twice_is_not_committed_before_it_is_delivered(rig: Rig) -> None:
    """librdkafka may fetch a message again after a partition was resumed."""
    rig.consume(Message(JOBS, 0, wire()))
    rig.consume(Message(JOBS, 0, wire()))
    assert len(rig.poller.tracker) == 1
    rig.close()
    assert rig.consumer.committed.get(JOBS, 0) == 0


def test_a_cancellation_request_that_is_delivered_twice_is_tracked_once(rig: Rig) -> None:
    rig.consume(Message(CANCEL, 0, wire()))
    request = rig.request()
    rig.consume(Message(CANCEL, 0, wire()))
    assert rig.request() is request


def test_a_job_whose_offset_was_used_again_by_a_recreated_topic_is_delivered_and_forgotten(rig: Rig) -> None:
    rig.consume(Message(JOBS, 0, wire()))
    first = rig.job()
    rig.consume(Message(JOBS, 0, wire(process_job_id="process-2", job_id="d2")))
    assert len(rig.poller.tracker) == 2
    rig.poller.tracker.finish(first)
    assert rig.job().event.process_job_id == "process-2"
    assert rig.poller.tracker.scheduled(first.key) is None
    rig.close()
    assert rig.consumer.committed.get(JOBS, 0) == 0, "the second message is not finished"


@pytest.mark.parametrize(
    ("stage", "forbidden"), [(a, b) for a in Stage for b in Stage if b not in TRANSITIONS[a]]
)
def test_an_illegal_transition_raises(rig: Rig, stage: Stage, forbidden: Stage) -> None:
    rig.consume(Message(JOBS, 0, wire()))
    tracked = rig.job()
    tracked.stage = stage
    with pytest.raises(IllegalTransitionError, match=f"{stage.value} cannot become {forbidden.value}"):
        rig.poller.tracker.move(tracked, forbidden)
    assert tracked.stage is stage
